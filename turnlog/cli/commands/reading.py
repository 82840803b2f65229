"""Commands that read, and write nothing."""

from typing import Annotated

import typer

from ..invocation import invocation
from ..values import EVENT, GROUP, MOMENT, ORDER, PAIR, QUERY, RECORDED_ROLE, SPAN, STATUS, TIME
from .arguments import ALL, AT, BRANCH, JSON, JSON_LINES, LAST, SESSION

app = typer.Typer()


@app.command()
def sessions(
    ctx: typer.Context,
    user: Annotated[str | None, typer.Option(metavar="USER", help="Only those of a user.")] = None,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS", parser=STATUS, help="active, archived, deleted or all; else what is not deleted."
        ),
    ] = None,
    contains: Annotated[str | None, typer.Option(metavar="TEXT", help="Only those with this in their label.")] = None,
    key_prefix: Annotated[str | None, typer.Option(metavar="TEXT", help="Only those whose key begins so.")] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", parser=PAIR, help="Only those with this metadata. May be repeated."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", parser=TIME, help="Only those used at that time or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", parser=TIME, help="Only those not used after that time.")
    ] = None,
    sort: Annotated[
        str, typer.Option(metavar="ORDER", parser=ORDER, help="By created, updated, name or position.")
    ] = "updated",
    reverse: Annotated[bool, typer.Option("--reverse", "-r", help="The other way round.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="How many at most.")] = 20,
    after: Annotated[str | None, typer.Option(metavar="MARK", help="The page behind the one that said so.")] = None,
    json: JSON = False,
) -> None:
    """List the sessions, those used last first."""
    from ..listing import Wanted, list_sessions

    wanted = Wanted(user, status, contains, key_prefix, metadata or [], since, until, sort, reverse)
    with invocation(ctx).reading() as store:
        list_sessions(store, wanted, limit, after, json=json)


@app.command()
def show(
    ctx: typer.Context,
    session: SESSION,
    branch: BRANCH = None,
    at: AT = None,
    last: LAST = 50,
    all_: ALL = False,
    json: JSON_LINES = False,
) -> None:
    """Show what a branch says, message by message."""
    from ..transcripts import show_messages

    with invocation(ctx).reading() as store:
        show_messages(store, session, branch, at, None if all_ else last, json=json)


@app.command()
def log(
    ctx: typer.Context,
    session: SESSION,
    branch: BRANCH = None,
    after: Annotated[str | None, typer.Option(metavar="MOMENT", parser=MOMENT, help="Only what came after it.")] = None,
    until: Annotated[str | None, typer.Option(metavar="MOMENT", parser=MOMENT, help="Only up to it.")] = None,
    name: Annotated[
        list[str] | None, typer.Option(metavar="NAME", parser=EVENT, help="Only events of this name. May be repeated.")
    ] = None,
    by: Annotated[str | None, typer.Option(metavar="ACTOR", help="Only what this actor did.")] = None,
    last: LAST = 50,
    all_: ALL = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is recorded from now on.")] = False,
    json: JSON_LINES = False,
) -> None:
    """Show the events of a session, the newest last."""
    from ..histories import Which, show_log

    which = Which(branch, after, until, name or [], by)
    with invocation(ctx).reading() as store:
        show_log(store, session, which, None if all_ else last, follow=follow, json=json)


@app.command()
def branches(ctx: typer.Context, session: SESSION, at: AT = None, json: JSON = False) -> None:
    """Draw how the branches of a session came to be.

    A column per branch, positions downwards: o begins, * goes on, x ends.
    """
    from ..graphs import show_branches

    with invocation(ctx).reading() as store:
        show_branches(store, session, at, json=json)


@app.command()
def at(
    ctx: typer.Context,
    session: SESSION,
    moment: Annotated[
        str, typer.Argument(metavar="MOMENT", parser=MOMENT, help="A position, or a time such as 2026-07-01T12:00.")
    ],
    json: JSON = False,
) -> None:
    """Show a whole session as it was at a moment.

    Its branches, metadata and state, and what its default branch said last.
    """
    from ..transcripts import show_moment

    with invocation(ctx).reading() as store:
        show_moment(store, session, moment, json=json)


@app.command()
def diff(
    ctx: typer.Context,
    session: SESSION,
    left: Annotated[str, typer.Argument(metavar="A", help="A branch, a position, or BRANCH@POSITION.")],
    right: Annotated[str, typer.Argument(metavar="B", help="Likewise.")],
    json: JSON = False,
) -> None:
    """Show how two branches, or two moments, differ.

    What they have in common, and how each goes on from there.
    """
    from ..comparing import show_difference

    with invocation(ctx).reading() as store:
        show_difference(store, session, left, right, json=json)


@app.command()
def bisect(
    ctx: typer.Context,
    session: SESSION,
    contains: Annotated[str, typer.Option(metavar="TEXT", help="What was said from then on.")],
    branch: BRANCH = None,
    json: JSON = False,
) -> None:
    """Find the position since which a branch says something."""
    from ..comparing import find_beginning

    with invocation(ctx).reading() as store:
        find_beginning(store, session, branch, contains, json=json)


@app.command()
def search(
    ctx: typer.Context,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", parser=QUERY, help='Words, "phrases in quotes" and beginnings*.')
    ],
    session: Annotated[str | None, typer.Option("--session", "-s", metavar="SESSION", help="In one session.")] = None,
    branch: BRANCH = None,
    role: Annotated[
        str | None, typer.Option(metavar="ROLE", parser=RECORDED_ROLE, help="Said by system, user, assistant or tool.")
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="USER", help="In the sessions of a user.")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="How many at most.")] = 20,
    json: JSON_LINES = False,
) -> None:
    """Find what was said, the newest first."""
    from ..listing import search_messages

    with invocation(ctx).reading() as store:
        search_messages(store, text, session, branch, role, user, limit, json=json)


@app.command()
def stats(
    ctx: typer.Context,
    session: Annotated[
        str | None, typer.Argument(metavar="SESSION", help="One session; else all of the store.")
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="COLUMN", parser=GROUP, help="Tokens by model, day, session, branch or user.")
    ] = "model",
    span: Annotated[str, typer.Option(metavar="SPAN", parser=SPAN, help="Activity by hour, day or month.")] = "day",
    json: JSON = False,
) -> None:
    """Show how much was said, what it cost, and when."""
    from ..counting import show_statistics

    with invocation(ctx).reading() as store:
        show_statistics(store, session, by, span, json=json)


@app.command()
def sql(
    ctx: typer.Context,
    query: Annotated[
        str,
        typer.Argument(metavar="QUERY", help="SQL over messages, events, usage, sessions; - is standard input."),
    ],
    csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How long it may run; else as set, or 300.")
    ] = None,
    memory: Annotated[
        float | None, typer.Option(metavar="MB", help="How much memory it may need; else as set, or 1000.")
    ] = None,
    json: JSON_LINES = False,
) -> None:
    """Ask the store in SQL, as DuckDB has it.

    It needs the extra `frames`.
    """
    from ..querying import answer_query

    with invocation(ctx).reading() as store:
        answer_query(store, query, csv=csv, json=json, timeout=timeout, memory=memory)


@app.command()
def tail(
    ctx: typer.Context,
    last: LAST = 10,
    session: Annotated[str | None, typer.Option("--session", "-s", metavar="SESSION", help="Of one session.")] = None,
    name: Annotated[
        list[str] | None, typer.Option(metavar="NAME", parser=EVENT, help="Only events of this name. May be repeated.")
    ] = None,
    json: JSON_LINES = False,
) -> None:
    """Follow what is recorded, by whatever process.

    It goes on until it is interrupted.
    """
    from ..histories import follow

    with invocation(ctx).reading() as store:
        follow(store, session, last, name or [], json=json)
