"""Commands for a whole store: create, verify, copy, back up and migrate it, and remove what is unused."""

from pathlib import Path
from typing import Annotated

import typer

from ..domain.errors import SchemaMismatchError, StoreNotFoundError
from ..domain.json_values import Json
from ..infrastructure.open_store import open_store
from ..infrastructure.verification import Verification
from ..provenance import provenance
from .completion import complete_sessions
from .context import Invocation, invocation
from .errors import STORE_FAILED
from .options import FORMAT, QUIET
from .output import Output, count_of, print_result
from .progress import progress_bar
from .projections import find_projection
from .times import parse_duration
from .values import ADDRESS, DURATION, PATH

app = typer.Typer(rich_markup_mode=None)

STREAM = "-"
"""Standard input or standard output, in the place of a file."""

REMOVED_BY = "`turnlog vacuum` removes it"


@app.command()
def init(ctx: typer.Context, format_: FORMAT = "text") -> None:
    """Create the store, if it does not exist."""
    current = invocation(ctx)
    created = not store_exists(current)
    with current.create() as store:
        document: dict[str, Json] = {"store": store.address, "schema": store.recorder.schema(), "created": created}
    print_result(document, f"{document['store']} {'is created' if created else 'exists already'}", format_)


@app.command()
def verify(
    ctx: typer.Context,
    session: Annotated[
        str | None,
        typer.Argument(metavar="SESSION", help="One session; default: all.", autocompletion=complete_sessions),
    ] = None,
    projections: Annotated[
        bool, typer.Option("--projections", help="Compare the rows of projections with the events.")
    ] = False,
    projection: Annotated[
        list[str] | None,
        typer.Option("--projection", metavar="MODULE:CLASS", help="Compare the rows of a projection of your own too."),
    ] = None,
    format_: FORMAT = "text",
    quiet: QUIET = False,
) -> None:
    """Check that the record is as it was recorded.

    Digests, indexes, schema and counters are checked. The exit code is 3 if something differs.
    """
    own = [find_projection(name) for name in projection or []]
    with invocation(ctx).open() as store:
        id = None if session is None else store.resolve(session).session
        with progress_bar("verify", quiet=quiet) as progress:
            verification = store.verify(id, projections=own or projections, progress=progress)
    if format_ == "json":
        Output().document(verification_document(verification))
    else:
        _print_verification(verification)
    if not verification.ok:
        raise typer.Exit(STORE_FAILED)


@app.command()
def copy(
    ctx: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="ADDRESS", parser=ADDRESS, help="An empty store of any kind; created if missing.")
    ],
    quiet: QUIET = False,
) -> None:
    """Copy all sessions into another store, event by event."""
    with invocation(ctx).open() as store, open_store(target) as other:
        with progress_bar("copy", quiet=quiet) as progress:
            events = store.copy_to(other, progress=progress)
        Output().line(f"{count_of(events, 'event')} copied to {other.address}")


@app.command()
def migrate(ctx: typer.Context) -> None:
    """Update the schema of a store of an older version."""
    current = invocation(ctx)
    try:
        with current.open() as store:
            Output().line(f"{store.address} has schema {store.recorder.schema()} already")
    except SchemaMismatchError as before:
        with current.create() as store:
            Output().line(f"{store.address} had {before.found}, and has schema {store.recorder.schema()} now")


@app.command()
def backup(
    ctx: typer.Context, path: Annotated[str, typer.Argument(metavar="FILE", parser=PATH, help="A new file.")]
) -> None:
    """Copy the database into a file, while other processes use it."""
    with invocation(ctx).open() as store:
        if path == STREAM:
            raise typer.BadParameter("a backup is a SQLite file, not a stream: name a file", param_hint="FILE")
        file = Path(path).expanduser()
        store.backup(file)
        Output().line(f"written to {file}")


@app.command()
def sweep(
    ctx: typer.Context,
    unused: Annotated[
        str,
        typer.Option("--unused", metavar="DURATION", parser=DURATION, help="The time without use, such as 30d or 12h."),
    ],
    format_: FORMAT = "text",
) -> None:
    """Delete the sessions that were not used for a time.

    Sessions that were forked stay as long as their forks.
    """
    with invocation(ctx).open_to_write() as store:
        swept = store.sweep(parse_duration(unused), provenance())
    document: dict[str, Json] = {"deleted": list(swept.ended), "kept": list(swept.kept)}
    kept = f"; {count_of(len(swept.kept), 'forked session')} kept" if swept.kept else ""
    print_result(document, f"{count_of(len(swept.ended), 'session')} deleted{kept}", format_)


@app.command()
def vacuum(ctx: typer.Context) -> None:
    """Return unused space to the system, and remove what redactions left in it."""
    with invocation(ctx).open_to_write() as store:
        store.vacuum()
        Output().line(f"{store.address} is vacuumed")


def store_exists(current: Invocation) -> bool:
    """Return whether the store exists."""
    try:
        with current.open():
            return True
    except StoreNotFoundError:
        return False


def verification_document(found: Verification) -> dict[str, Json]:
    """Return the result of a verification for programs."""
    faults = [{"session": fault.session, "position": fault.position, "reason": fault.reason} for fault in found.faults]
    document: dict[str, Json] = {"ok": found.ok, "sessions": found.sessions, "events": found.events, "faults": faults}
    if found.unchecked:
        document["unchecked"] = list(found.unchecked)
    return {**document, "unscrubbed": True} if found.unscrubbed else document


def _print_verification(found: Verification) -> None:
    output = Output()
    count = f"{count_of(found.sessions, 'session')}, {count_of(found.events, 'event')}"
    if found.ok:
        output.line(("as it was recorded", "green"), f": {count}")
    else:
        output.line(("not as it was recorded", "bold red"), f": {count}")
    for fault in found.faults:
        place = "the store" if fault.session is None else f"session {fault.session}"
        output.line(f"{place}{'' if fault.position is None else f' at position {fault.position}'}: {fault.reason}")
    for what in found.unchecked:
        output.line(("not checked", "yellow"), f": {what}")
    if found.unscrubbed:
        output.line(("redacted content may remain in the files of the database", "yellow"), f": {REMOVED_BY}")
