"""Commands that look after a store: make it, prove it, copy it, put it into files and take it out of them."""

from typing import Annotated

import typer

from ..invocation import invocation
from ..values import ADDRESS, NAME, PATH
from ..values import FORM as FORM_NAME
from .arguments import JSON, QUIET
from .completing import sessions_beginning

app = typer.Typer()

FORM = Annotated[
    str | None,
    typer.Option(
        "--form",
        metavar="FORM",
        parser=FORM_NAME,
        help="record, json, markdown, html, openai or sharegpt; else by its suffix.",
    ),
]


@app.command()
def init(ctx: typer.Context, json: JSON = False) -> None:
    """Make the store, if it is not there."""
    from ..keeping import make_store

    make_store(invocation(ctx), json=json)


@app.command()
def verify(
    ctx: typer.Context,
    session: Annotated[
        str | None,
        typer.Argument(metavar="SESSION", help="One session; else all.", autocompletion=sessions_beginning),
    ] = None,
    projections: Annotated[
        bool, typer.Option("--projections", help="Compare the rows of projections with the events.")
    ] = False,
    projection: Annotated[
        list[str] | None,
        typer.Option("--projection", metavar="MODULE:CLASS", help="Compare those of a projection of your own too."),
    ] = None,
    json: JSON = False,
    quiet: QUIET = False,
) -> None:
    """Prove that the record is as it was written.

    Digests, indexes, schema and counters are checked. It ends with 3 if something differs.
    """
    from ..keeping import verify_store
    from ..projecting import named

    own = [named(name) for name in projection or []]
    with invocation(ctx).reading() as store:
        verify_store(store, session, own or projections, json=json, quiet=quiet)


@app.command()
def export(
    ctx: typer.Context,
    path: Annotated[
        str,
        typer.Argument(
            metavar="FILE", parser=PATH, help="A new .jsonl (exact record), .json, .md, .html; - is standard output."
        ),
    ],
    sessions: Annotated[
        list[str] | None,
        typer.Argument(metavar="SESSION", help="These sessions; else all.", autocompletion=sessions_beginning),
    ] = None,
    form: FORM = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Overwrite a file that exists.")] = False,
    quiet: QUIET = False,
) -> None:
    """Write sessions to a file.

    The exact record, or a form that others read.
    """
    from ..keeping import export_sessions

    with invocation(ctx).reading() as store:
        export_sessions(store, path, sessions or [], form, overwrite=force, quiet=quiet)


@app.command(name="import")
def import_(
    ctx: typer.Context,
    path: Annotated[
        str,
        typer.Argument(metavar="FILE", parser=PATH, help="An exact record, or a JSON document; - is standard input."),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", parser=NAME, help="The key of a session of a JSON document, instead of the one in it."
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace the messages of sessions that are there; not with an exact record."),
    ] = False,
    json: JSON = False,
    quiet: QUIET = False,
) -> None:
    """Take over the sessions of a file: all of them, or none.

    The store is made if it is not there.
    """
    from ..keeping import import_sessions

    import_sessions(invocation(ctx), path, name, replace=replace, json=json, quiet=quiet)


@app.command()
def copy(
    ctx: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="ADDRESS", parser=ADDRESS, help="An empty store of any kind; made if not there.")
    ],
    quiet: QUIET = False,
) -> None:
    """Copy all there is into another store, as it is."""
    from ..keeping import copy_store

    with invocation(ctx).reading() as store:
        copy_store(store, target, quiet=quiet)


@app.command()
def migrate(ctx: typer.Context) -> None:
    """Bring a store of an older version up to date."""
    from ..keeping import migrate_store

    migrate_store(invocation(ctx))


@app.command()
def backup(
    ctx: typer.Context, path: Annotated[str, typer.Argument(metavar="FILE", parser=PATH, help="A new file.")]
) -> None:
    """Write a copy of the database, while others go on working."""
    from ..keeping import backup_store

    with invocation(ctx).reading() as store:
        backup_store(store, path)


@app.command()
def doctor(ctx: typer.Context, json: JSON = False) -> None:
    """Look whether all is well, and say what there is.

    Versions, the store, its indexes, schema and counters, the proof of the sessions used last, who works on projections
    and how far they are. It ends with 3 if something is wrong.
    """
    from ..examining import examine

    examine(invocation(ctx), json=json)
