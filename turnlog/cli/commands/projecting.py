"""Commands for the rows of projections: keep them, build them anew, see how far they are and what was parked."""

from typing import Annotated

import typer

from ..invocation import invocation
from ..values import ADDRESS
from .arguments import JSON, QUIET

app = typer.Typer()
projections = typer.Typer(
    name="projections",
    help="Keep the rows of projections, and see how they are.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(projections)

NAMES = Annotated[
    list[str], typer.Argument(metavar="NAME", help="A projection of Turnlog's, or MODULE:CLASS for one of your own.")
]
NAME = Annotated[
    str, typer.Argument(metavar="NAME", help="A projection of Turnlog's, or MODULE:CLASS for one of your own.")
]
TARGET = Annotated[
    str | None,
    typer.Option(
        "--target", metavar="ADDRESS", parser=ADDRESS, help="The database with the rows; else the store's own."
    ),
]


@projections.command(name="list")
def list_(ctx: typer.Context, target: TARGET = None, json: JSON = False) -> None:
    """List the projections there are, and whether their rows are kept."""
    from ..projecting import list_projections

    with invocation(ctx).reading() as store:
        list_projections(store, target, json=json)


@projections.command()
def status(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One projection; else all that are kept.")] = None,
    target: TARGET = None,
    json: JSON = False,
) -> None:
    """Show how far projections are, and who works on them."""
    from ..projecting import show_status

    with invocation(ctx).reading() as store:
        show_status(store, name, target, json=json)


@projections.command()
def run(
    ctx: typer.Context,
    names: NAMES,
    once: Annotated[bool, typer.Option("--once", help="Catch up with what is there, and end.")] = False,
    shards: Annotated[
        int | None,
        typer.Option(min=1, max=1024, metavar="N", help="Parts that runners may share; else as they are, or 1."),
    ] = None,
    target: TARGET = None,
    quiet: QUIET = False,
) -> None:
    """Keep the rows of projections up to date, until it is interrupted."""
    from ..projecting import catch_up, run_projections

    with invocation(ctx).changing() as store:
        if once:
            catch_up(store, names, target, shards, quiet=quiet)
        else:
            run_projections(store, names, target, shards)


@projections.command()
def rebuild(ctx: typer.Context, name: NAME, target: TARGET = None, quiet: QUIET = False) -> None:
    """Empty the rows of a projection, and build them from the start."""
    from ..projecting import rebuild_projection

    with invocation(ctx).changing() as store:
        rebuild_projection(store, name, target, quiet=quiet)


@projections.command(name="dead-letters")
def dead_letters(
    ctx: typer.Context,
    name: NAME,
    retry: Annotated[bool, typer.Option("--retry", help="Try them again, and what waits behind them.")] = False,
    skip: Annotated[bool, typer.Option("--skip", help="Pass over them, and apply what waits behind them.")] = False,
    session: Annotated[
        str | None, typer.Option("--session", "-s", metavar="SESSION", help="Only those of a session.")
    ] = None,
    target: TARGET = None,
    json: JSON = False,
) -> None:
    """Show the events that could not be applied, and have them tried again or passed over."""
    from ..projecting import settle_letters, show_letters

    if retry or skip:
        with invocation(ctx).changing() as store:
            settle_letters(store, name, target, session, retry=retry, skip=skip)
    else:
        with invocation(ctx).reading() as store:
            show_letters(store, name, target, session, json=json)
