"""Commands that change a session; who did it goes on the record."""

from typing import Annotated

import typer

from ..invocation import invocation
from ..values import MOMENT, NAME, ROLE, STRATEGY
from .arguments import BRANCH, JSON, METADATA, SESSION
from .completing import branches_beginning

app = typer.Typer()

COMMAND_ID = Annotated[
    str | None,
    typer.Option(
        "--command-id", metavar="ID", parser=NAME, help="A name for this request: the same again writes nothing."
    ),
]


@app.command()
def start(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Option(metavar="TEXT", parser=NAME, help="A label.")] = None,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", parser=NAME, help="A name that no other session has.")
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="USER", parser=NAME, help="Whose session it is.")] = None,
    system: Annotated[str | None, typer.Option(metavar="TEXT", help="The system message.")] = None,
    metadata: METADATA = None,
    json: JSON = False,
) -> None:
    """Start a session, and print its id."""
    from ..changes import start_session

    with invocation(ctx).changing() as store:
        start_session(store, name=name, key=key, user=user, system=system, metadata=metadata or [], json=json)


@app.command()
def add(
    ctx: typer.Context,
    session: SESSION,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="What is said; - or nothing for standard input.")
    ] = None,
    branch: BRANCH = None,
    role: Annotated[
        str, typer.Option(metavar="ROLE", parser=ROLE, help="system, developer, user, assistant or tool.")
    ] = "user",
    sender: Annotated[str | None, typer.Option(metavar="NAME", parser=NAME, help="Who says it.")] = None,
    recipient: Annotated[str | None, typer.Option(metavar="NAME", parser=NAME, help="To whom.")] = None,
    metadata: METADATA = None,
    command_id: COMMAND_ID = None,
    json: JSON = False,
) -> None:
    """Put a message on the record, at the end of a branch."""
    from ..changes import Said, add_message

    said = Said(text, role, sender, recipient, metadata or [], command_id)
    with invocation(ctx).changing() as store:
        add_message(store, session, branch, said, json=json)


@app.command()
def fork(
    ctx: typer.Context,
    session: SESSION,
    branch: BRANCH = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="MOMENT", parser=MOMENT, help="Go on from a position or a time; else from now."),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", parser=NAME, help="What the new one is called.")] = None,
    as_session: Annotated[bool, typer.Option("--as-session", help="A new session, not a new branch.")] = False,
    command_id: COMMAND_ID = None,
    json: JSON = False,
) -> None:
    """Go on from a moment in another direction.

    On a new branch, or in a new session; nothing is copied.
    """
    from ..changes import fork_branch, fork_session

    with invocation(ctx).changing() as store:
        if as_session:
            fork_session(store, session, at, name, json=json)
        else:
            fork_branch(store, session, branch, at, name, command_id, json=json)


@app.command()
def merge(
    ctx: typer.Context,
    session: SESSION,
    source: Annotated[
        str,
        typer.Argument(
            metavar="BRANCH", help="The branch whose messages are taken.", autocompletion=branches_beginning
        ),
    ],
    into: Annotated[str | None, typer.Option(metavar="BRANCH", help="Where they go; else the default branch.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="MOMENT", parser=MOMENT, help="Only messages behind this.")
    ] = None,
    strategy: Annotated[
        str, typer.Option(metavar="STRATEGY", parser=STRATEGY, help="append: at the end; interleave: by position.")
    ] = "append",
    json: JSON = False,
) -> None:
    """Take over into a branch what only another one says."""
    from ..changes import merge_branches

    with invocation(ctx).changing() as store:
        merge_branches(store, session, source, into, since, strategy, json=json)


@app.command()
def rewind(
    ctx: typer.Context,
    session: SESSION,
    to: Annotated[
        str, typer.Argument(metavar="MOMENT", parser=MOMENT, help="A position or a time; show what was shown then.")
    ],
    branch: BRANCH = None,
    json: JSON = False,
) -> None:
    """Have a branch show again what it showed at a moment."""
    from ..changes import rewind_branch

    with invocation(ctx).changing() as store:
        rewind_branch(store, session, branch, to, json=json)
