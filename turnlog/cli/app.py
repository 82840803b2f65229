"""The command `turnlog`: its options and its commands, in the panels of the help."""

from typing import Annotated

import typer

from .context import Invocation
from .groups import LazyCommand, LazyGroup
from .values import ADDRESS, NAME

PANELS = {
    "Sessions": {
        "new": LazyCommand("sessions", "start a session"),
        "list": LazyCommand("sessions", "list sessions"),
        "search": LazyCommand("search", "search messages"),
        "rename": LazyCommand("sessions", "change name"),
        "archive": LazyCommand("sessions", "make read-only"),
        "restore": LazyCommand("sessions", "undo archive"),
        "delete": LazyCommand("sessions", "end for good"),
        "demo": LazyCommand("sessions", "record an example"),
    },
    "Branches": {
        "add": LazyCommand("edit", "add a message"),
        "branches": LazyCommand("branches", "draw the branches"),
        "fork": LazyCommand("edit", "branch off anywhere"),
        "merge": LazyCommand("edit", "append another branch"),
        "reset": LazyCommand("edit", "go back to a position"),
        "undo": LazyCommand("edit", "undo a reset"),
        "redact": LazyCommand("edit", "erase content"),
    },
    "Time": {
        "show": LazyCommand("show", "messages, now or --at"),
        "log": LazyCommand("log", "events of a session"),
        "tail": LazyCommand("log", "follow new events"),
        "diff": LazyCommand("diff", "compare branches"),
        "bisect": LazyCommand("diff", "find where text starts"),
        "replay": LazyCommand("replay", "step through events"),
    },
    "Analysis": {
        "stats": LazyCommand("stats", "messages, tokens, cost"),
        "sql": LazyCommand("sql", "query with DuckDB"),
    },
    "Store": {
        "init": LazyCommand("store", "create the store"),
        "doctor": LazyCommand("doctor", "examine everything"),
        "export": LazyCommand("files", "write sessions to a file"),
        "import": LazyCommand("files", "read session files"),
        "copy": LazyCommand("store", "copy to another store"),
        "backup": LazyCommand("store", "copy the database"),
        "verify": LazyCommand("store", "check every digest"),
        "migrate": LazyCommand("store", "update the schema"),
        "sweep": LazyCommand("store", "delete unused sessions"),
        "vacuum": LazyCommand("store", "reclaim space"),
    },
    "Projections": {
        "projections": LazyCommand("projections", "list, run, status, rebuild, dead-letters"),
    },
}
"""The commands by panel of the help."""


class Commands(LazyGroup):
    """All commands."""

    panels = PANELS


app = typer.Typer(
    cls=Commands,
    name="turnlog",
    help="Record, inspect and replay conversations between people, models and agents.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(requested: bool) -> None:
    if requested:
        from importlib.metadata import version  # here, because other commands do not need it

        typer.echo(f"turnlog {version('turnlog')}")
        raise typer.Exit


@app.callback()
def turnlog(
    ctx: typer.Context,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            parser=ADDRESS,
            help="The store: a path such as turnlog.db, or postgresql://host/db; default: by the settings.",
        ),
    ] = None,
    actor: Annotated[
        str | None,
        typer.Option(metavar="NAME", parser=NAME, help="The actor of recorded events; default: your login name."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Record, inspect and replay conversations between people, models and agents."""
    ctx.obj = Invocation(store, actor, debug)
