"""The tree of commands: each group of them is a module of `commands`, and joins by its line in GROUPS."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .commands import changing, demonstrating, projecting, reading, upkeep, walking
from .failing import ending
from .invocation import Invocation
from .values import ADDRESS, NAME

GROUPS = (demonstrating, upkeep, reading, changing, walking, projecting)
"""In the order of the help; each has an `app` with its commands."""

EPILOG = (
    "A SESSION is an id or the beginning of one, a key, a label, or @last. A command ends with 0; with 1 if the "
    "request was refused, 2 if it was not understood, 3 if the store failed, 130 if it was interrupted."
)


class Commands(TyperGroup):
    """A group of commands that says in a sentence what went wrong."""

    def invoke(self, ctx: Any) -> Any:
        with ending(ctx):
            return super().invoke(ctx)


app = typer.Typer(
    cls=Commands,
    name="turnlog",
    help="The verbatim record of conversations between people, models and agents.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # here: it takes longer to import than the answer is worth to others

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
            help="The store, as turnlog.db or postgresql://host/db; else as the settings say.",
        ),
    ] = None,
    actor: Annotated[
        str | None, typer.Option(metavar="NAME", parser=NAME, help="Who does it, on the record; else your login name.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the program an error came from.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version, and end.")
    ] = False,
) -> None:
    """The verbatim record of conversations between people, models and agents."""
    ctx.obj = Invocation(store, actor, debug)


for group in GROUPS:
    for command in group.app.registered_commands:
        app.registered_commands.append(command)
    for below in group.app.registered_groups:
        app.registered_groups.append(below)
