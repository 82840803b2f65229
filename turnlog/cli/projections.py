"""Commands for projections: keep their rows, rebuild them, show their lag and their dead letters."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from time import sleep
from typing import Annotated

import typer

from ..domain.errors import InvalidValueError, LedgerDamagedError, ProjectionError, StoreNotFoundError
from ..domain.json_values import Json
from ..infrastructure.progress import Progress
from ..infrastructure.read_models.ledger import DeadLetter
from ..infrastructure.read_models.open_row_store import open_row_store, row_store_of
from ..infrastructure.read_models.row_store import RowStore
from ..infrastructure.read_models.runner import Runner
from ..infrastructure.read_models.status import ProjectionStatus, dead_letters, find_statuses
from ..infrastructure.read_models.versions import begin_anew, check_kept
from ..infrastructure.recorder import OpenMode
from ..infrastructure.store import Store
from ..projections.built_in import BUILT_IN
from ..projections.projection import Projection
from .context import invocation
from .groups import CommandGroup
from .options import FORMAT, QUIET
from .output import Output, note
from .progress import progress_bar
from .render import iso_time
from .values import ADDRESS, usage_errors

app = typer.Typer(rich_markup_mode=None)
projections = typer.Typer(
    cls=CommandGroup,
    name="projections",
    help="Keep the rows of projections up to date, and show their lag.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(projections)

NAMES = Annotated[
    list[str], typer.Argument(metavar="NAME", help="A built-in projection, or MODULE:CLASS for one of your own.")
]
NAME = Annotated[
    str, typer.Argument(metavar="NAME", help="A built-in projection, or MODULE:CLASS for one of your own.")
]
TARGET = Annotated[
    str | None,
    typer.Option(
        "--target", metavar="ADDRESS", parser=ADDRESS, help="The database of the rows; default: that of the store."
    ),
]

HEADS = ("PROJECTION", "VERSION", "POSITION", "LAG", "PARKED", "STATE", "RUNNER")

PAUSE = 0.1
"""Seconds between two looks at the progress of another runner."""


@projections.command(name="list")
def list_(ctx: typer.Context, target: TARGET = None, format_: FORMAT = "text") -> None:
    """List projections, and whether their rows are kept."""
    with invocation(ctx).open() as store, _row_store(store, target) as rows:
        kept = {each.projection for each in find_statuses(store.recorder, rows, store.now()) if each.counts}
    summaries = {kind.name: (kind.__doc__ or "").partition("\n")[0] for kind in BUILT_IN}
    names = sorted({*kept, *summaries})
    if format_ == "json":
        documents = [{"projection": name, "built_in": name in summaries, "kept": name in kept} for name in names]
        Output().document({"projections": documents})
        return
    cells = [(name, "kept" if name in kept else "", summaries.get(name, "one of your own")) for name in names]
    Output().table(("PROJECTION", "ROWS", "CONTENT"), cells)


@projections.command()
def status(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One projection; default: all whose rows are kept.")
    ] = None,
    target: TARGET = None,
    format_: FORMAT = "text",
) -> None:
    """Show the position, lag and runners of projections."""
    with invocation(ctx).open() as store, _row_store(store, target) as rows:
        statuses = find_statuses(store.recorder, rows, store.now(), name)
    if format_ == "json":
        Output().document({"projections": [status_document(each) for each in statuses]})
    elif statuses:
        Output().table(HEADS, list(map(_cells, statuses)))
    else:
        note("no projection is kept here: `turnlog projections run NAME` starts one")


@projections.command()
def run(
    ctx: typer.Context,
    names: NAMES,
    once: Annotated[bool, typer.Option("--once", help="Catch up with the events of the store, and exit.")] = False,
    shards: Annotated[
        int | None,
        typer.Option(min=1, max=1024, metavar="N", help="Parts that runners can share; default: as before, or 1."),
    ] = None,
    target: TARGET = None,
    quiet: QUIET = False,
) -> None:
    """Keep the rows of projections up to date, until it is interrupted."""
    with invocation(ctx).open_to_write() as store:
        runner = _runner(store, names, target, shards)
        try:
            if once:
                _catch_up(runner, [find_projection(name).name for name in names], quiet)
            else:
                note(f"keeping {', '.join(names)}; interrupt to stop")
                runner.run()
        finally:
            runner.close()


@projections.command()
def rebuild(ctx: typer.Context, name: NAME, target: TARGET = None, quiet: QUIET = False) -> None:
    """Empty the rows of a projection, and build them from the first event."""
    with invocation(ctx).open_to_write() as store:
        projection = find_projection(name)
        try:
            _check_kept(store, target, projection)
        except LedgerDamagedError:
            with _row_store(store, target) as rows:
                begin_anew(rows, projection)
        runner = _runner(store, [name], target, None)
        try:
            runner.rebuild(projection.name)
            _catch_up(runner, [projection.name], quiet)
        finally:
            runner.close()


@projections.command(name="dead-letters")
def list_dead_letters(
    ctx: typer.Context,
    name: NAME,
    retry: Annotated[bool, typer.Option("--retry", help="Apply them again, and the events behind them.")] = False,
    skip: Annotated[bool, typer.Option("--skip", help="Skip them, and apply the events behind them.")] = False,
    session: Annotated[
        str | None, typer.Option("--session", "-s", metavar="SESSION", help="Only those of one session.")
    ] = None,
    target: TARGET = None,
    format_: FORMAT = "text",
) -> None:
    """Show the events that could not be applied; retry or skip them."""
    if retry and skip:
        raise typer.BadParameter("--skip is given too: expected one of the two", param_hint="--retry")
    if retry or skip:
        with invocation(ctx).open_to_write() as store:
            _settle(store, name, target, session, retry=retry)
        return
    with invocation(ctx).open() as store:
        id = None if session is None else store.resolve(session).session
        projection = find_projection(name).name if ":" in name else name
        with _row_store(store, target) as rows:
            find_statuses(store.recorder, rows, store.now(), projection)  # which raises for one that is not kept
            letters = [each for each in dead_letters(rows, projection) if id in (None, each.session)]
    if format_ == "json":
        Output().document({"projection": projection, "dead_letters": list(map(_letter_document, letters))})
    elif letters:
        cells = [(each.session, str(each.position), each.event, str(each.tries), each.error) for each in letters]
        Output().table(("SESSION", "POSITION", "EVENT", "TRIES", "ERROR"), cells)
    else:
        note(f"{projection} has no dead letters")


def _settle(store: Store, name: str, target: str | None, session: str | None, *, retry: bool) -> None:
    """Apply dead letters again, or skip them, here or by another runner that has the lease."""
    id = None if session is None else store.resolve(session).session
    projection = find_projection(name)
    _check_kept(store, target, projection)
    runner = _runner(store, [name], target, None)
    try:
        count = (runner.retry if retry else runner.skip)(projection.name, id)
        runner.catch_up()
        left = len([each for each in runner.dead_letters(projection.name) if id in (None, each.session)])
    finally:
        runner.close()
    Output().line(f"{count} {'retried' if retry else 'skipped'}; {left} dead letters now")


def status_document(status: ProjectionStatus) -> dict[str, Json]:
    """Return the status of a version of a projection for programs."""
    return {
        "projection": status.projection,
        "version": status.version,
        "counts": status.counts,
        "building": status.building,
        "paused": status.paused,
        "global_position": status.global_position,
        "lag": status.lag,
        "lag_seconds": status.lag_seconds,
        "parked": status.parked,
        "failure": status.failure,
        "owners": sorted({shard.owner for shard in status.shards if shard.owner}),
    }


def find_projection(name: str) -> Projection:
    """Return a projection by its name or as MODULE:CLASS; an error of usage if there is none."""
    with usage_errors("NAME"):
        return _find_projection(name)


def _find_projection(name: str) -> Projection:
    for kind in BUILT_IN:
        if kind.name == name:
            return kind()
    module, is_path, attribute = name.partition(":")
    if not is_path:
        known = ", ".join(kind.name for kind in BUILT_IN)
        raise InvalidValueError("the projection", f"{name!r} is unknown: expected one of {known}, or MODULE:CLASS")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as with `python -m`
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as reason:
        raise InvalidValueError(
            "the projection", f"{name!r} cannot be found: {reason}; expected MODULE:CLASS"
        ) from reason
    made = found() if isinstance(found, type) else found
    if not isinstance(made, Projection):
        raise InvalidValueError("the projection", f"{name!r} is a {type(made).__name__}: expected a Projection")
    return made


def _check_kept(store: Store, target: str | None, projection: Projection) -> None:
    """Raise ItemNotFoundError if its rows are not kept, and LedgerDamagedError if the entries about it are damaged."""
    with _row_store(store, target) as rows:
        check_kept(rows, projection)


@contextmanager
def _row_store(store: Store, address: str | None) -> Iterator[RowStore]:
    """Open the database of the rows: that of the store, or one at an address."""
    if address is None:
        yield row_store_of(store.recorder)
        return
    opened = open_row_store(address, OpenMode.EXISTING)
    try:
        yield opened
    finally:
        opened.close()


def _runner(store: Store, names: Sequence[str], target: str | None, shards: int | None) -> Runner:
    """A runner of projections; its shards are those of the rows, unless their number is given."""
    chosen = [find_projection(name) for name in names]
    if shards is None:
        kept: list[ProjectionStatus] = []
        with suppress(StoreNotFoundError), _row_store(store, target) as rows:  # the runner creates it
            kept = find_statuses(store.recorder, rows, store.now())
        ours = {projection.name for projection in chosen}
        shards = max((len(status.shards) for status in kept if status.projection in ours), default=1)
    return Runner(store, chosen, target, shards=shards)


def _catch_up(runner: Runner, names: Sequence[str], quiet: bool) -> None:
    """Apply events until all rows are complete, by this runner or by another."""
    with progress_bar(" ".join(names), quiet=quiet) as progress:
        while True:
            moved = runner.step()
            found = [status for name in names for status in runner.status(name) if status.counts]
            _report(progress, found)
            for status in found:
                if status.failure is not None:
                    raise ProjectionError(status.projection, status.failure)
            if not moved and all(status.lag == 0 and not status.building for status in found):
                break
            if not moved:
                sleep(PAUSE)
                runner.catch_up()
    for status in found:
        parked = f"; {status.parked} dead letters" if status.parked else ""
        Output().line(f"{status.projection} is at {status.global_position}{parked}")


def _report(progress: Progress | None, found: Sequence[ProjectionStatus]) -> None:
    if progress is not None:
        progress(sum(status.global_position for status in found), sum(s.global_position + s.lag for s in found))


def _cells(status: ProjectionStatus) -> tuple[str, ...]:
    state = "paused" if status.paused else "building" if status.building else "" if status.counts else "old"
    state = "stopped" if status.failure else state or "keeping"
    owners = ", ".join(sorted({shard.owner for shard in status.shards if shard.owner}))
    numbers = (status.version, status.global_position, status.lag, status.parked)
    return (status.projection, *map(str, numbers), state, owners)


def _letter_document(letter: DeadLetter) -> dict[str, Json]:
    return {
        "session": letter.session,
        "position": letter.position,
        "global_position": letter.global_position,
        "event": letter.event,
        "hook": letter.hook,
        "error": letter.error,
        "tries": letter.tries,
        "parked_at": iso_time(letter.parked),
        "wish": letter.wish,
    }
