"""Projections at work: which there are, how far they are, and what was parked."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from time import sleep

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
from .bars import bar
from .showing import Showing, note
from .telling import iso
from .values import usage

HEADS = ("PROJECTION", "VERSION", "POSITION", "LAG", "PARKED", "DOING", "RUNNER")

PAUSE = 0.1
"""Seconds between two looks at what another runner does."""


def list_projections(store: Store, target: str | None, *, json: bool) -> None:
    """The projections of Turnlog's, and those that are kept."""
    with _target(store, target) as rows:
        kept = {
            status.projection: status for status in find_statuses(store.recorder, rows, store.now()) if status.counts
        }
    words = {kind.name: (kind.__doc__ or "").partition("\n")[0] for kind in BUILT_IN}
    found = sorted({*kept, *words})
    if json:
        told = [{"projection": name, "built_in": name in words, "kept": name in kept} for name in found]
        Showing().document({"projections": told})
        return
    rows_shown = [(name, "kept" if name in kept else "", words.get(name, "one of your own")) for name in found]
    Showing().table(("PROJECTION", "ROWS", "WHAT IT KEEPS"), rows_shown)


def show_status(store: Store, name: str | None, target: str | None, *, json: bool) -> None:
    """How far projections are."""
    with _target(store, target) as rows:
        found = find_statuses(store.recorder, rows, store.now(), name)
    if json:
        Showing().document({"projections": [status_told(status) for status in found]})
    elif found:
        Showing().table(HEADS, list(map(_cells, found)))
    else:
        note("no projection is kept here: `turnlog projections run NAME` begins")


def status_told(status: ProjectionStatus) -> dict[str, Json]:
    """How far a version of a projection is, for programs."""
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


def run_projections(store: Store, names: Sequence[str], target: str | None, shards: int | None) -> None:
    """Rows kept up to date until somebody interrupts it."""
    runner = _runner(store, names, target, shards)
    note(f"keeping {', '.join(names)}; interrupt it to end")
    try:
        runner.run()
    finally:
        runner.close()


def catch_up(store: Store, names: Sequence[str], target: str | None, shards: int | None, *, quiet: bool) -> None:
    """Rows brought up to what is there now."""
    runner = _runner(store, names, target, shards)
    try:
        _work(runner, [named(name).name for name in names], quiet)
    finally:
        runner.close()


def rebuild_projection(store: Store, name: str, target: str | None, *, quiet: bool) -> None:
    """Rows emptied, and built from the start by this runner or by another that has the lease."""
    projection = named(name)
    try:
        _check_kept(store, target, projection)
    except LedgerDamagedError:
        with _target(store, target) as rows:
            begin_anew(rows, projection)
    runner = _runner(store, [name], target, None)
    try:
        runner.rebuild(projection.name)
        _work(runner, [projection.name], quiet)
    finally:
        runner.close()


def show_letters(store: Store, name: str, target: str | None, session: str | None, *, json: bool) -> None:
    """The events that were parked."""
    chosen = None if session is None else store.resolve(session).session
    projection = named(name).name if ":" in name else name
    with _target(store, target) as rows:
        find_statuses(store.recorder, rows, store.now(), projection)  # which refuses one that is not kept
        found = [each for each in dead_letters(rows, projection) if chosen in (None, each.session)]
    if json:
        Showing().document({"projection": projection, "dead_letters": list(map(_letter_told, found))})
    elif found:
        cells = [(each.session, str(each.position), each.event, str(each.tries), each.error) for each in found]
        Showing().table(("SESSION", "POSITION", "EVENT", "TRIES", "ERROR"), cells)
    else:
        note(f"no event of {projection} is parked")


def settle_letters(
    store: Store, name: str, target: str | None, session: str | None, *, retry: bool, skip: bool
) -> None:
    """Parked events tried again or passed over, here or by another runner that has the lease."""
    if retry and skip:
        raise typer.BadParameter("--skip is given too: expected one of the two", param_hint="--retry")
    chosen = None if session is None else store.resolve(session).session
    projection = named(name)
    _check_kept(store, target, projection)
    runner = _runner(store, [name], target, None)
    try:
        count = (runner.retry if retry else runner.skip)(projection.name, chosen)
        runner.catch_up()
        left = len([each for each in runner.dead_letters(projection.name) if chosen in (None, each.session)])
    finally:
        runner.close()
    Showing().line(f"{count} {'tried again' if retry else 'passed over'}; {left} parked now")


def named(name: str) -> Projection:
    """The projection of that name, or the one that MODULE:CLASS names; an error of usage if there is none."""
    with usage("NAME"):
        return _named(name)


def _named(name: str) -> Projection:
    for kind in BUILT_IN:
        if kind.name == name:
            return kind()
    module, is_path, attribute = name.partition(":")
    if not is_path:
        known = ", ".join(kind.name for kind in BUILT_IN)
        raise InvalidValueError("the projection", f"{name!r} is unknown: expected one of {known}, or MODULE:CLASS")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` has it
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
    with _target(store, target) as rows:
        check_kept(rows, projection)


@contextmanager
def _target(store: Store, address: str | None) -> Iterator[RowStore]:
    """The database with the rows: the store's own, or one at an address."""
    if address is None:
        yield row_store_of(store.recorder)
        return
    opened = open_row_store(address, OpenMode.EXISTING)
    try:
        yield opened
    finally:
        opened.close()


def _runner(store: Store, names: Sequence[str], target: str | None, shards: int | None) -> Runner:
    """A runner of these projections; in as many shards as their rows are kept in, if nobody says how many."""
    projections = [named(name) for name in names]
    if shards is None:
        kept: list[ProjectionStatus] = []
        with suppress(StoreNotFoundError), _target(store, target) as rows:  # it is made by the runner
            kept = find_statuses(store.recorder, rows, store.now())
        ours = {projection.name for projection in projections}
        shards = max((len(status.shards) for status in kept if status.projection in ours), default=1)
    return Runner(store, projections, target, shards=shards)


def _work(runner: Runner, names: Sequence[str], quiet: bool) -> None:
    """Works until all rows are complete, or somebody else has completed them."""
    with bar(" ".join(names), quiet=quiet) as progress:
        while True:
            moved = runner.step()
            found = [status for name in names for status in runner.status(name) if status.counts]
            _tell(progress, found)
            for status in found:
                if status.failure is not None:
                    raise ProjectionError(status.projection, status.failure)
            if not moved and all(status.lag == 0 and not status.building for status in found):
                break
            if not moved:
                sleep(PAUSE)
                runner.catch_up()
    for status in found:
        parked = f"; {status.parked} events are parked" if status.parked else ""
        Showing().line(f"{status.projection} is at {status.global_position}{parked}")


def _tell(progress: Progress | None, found: Sequence[ProjectionStatus]) -> None:
    if progress is not None:
        progress(sum(status.global_position for status in found), sum(s.global_position + s.lag for s in found))


def _cells(status: ProjectionStatus) -> tuple[str, ...]:
    doing = "paused" if status.paused else "building" if status.building else "" if status.counts else "old"
    doing = "stopped" if status.failure else doing or "keeping"
    owners = ", ".join(sorted({shard.owner for shard in status.shards if shard.owner}))
    numbers = (status.version, status.global_position, status.lag, status.parked)
    return (status.projection, *map(str, numbers), doing, owners)


def _letter_told(letter: DeadLetter) -> dict[str, Json]:
    return {
        "session": letter.session,
        "position": letter.position,
        "global_position": letter.global_position,
        "event": letter.event,
        "hook": letter.hook,
        "error": letter.error,
        "tries": letter.tries,
        "parked_at": iso(letter.parked),
        "wish": letter.wish,
    }
