"""The upkeep of a store: made, proved, copied, brought up to date, and its sessions in files."""

import sys
from pathlib import Path

import typer

from .._manager.files import RECORD, check_exact, form_of, write_documents
from .._manager.manager import SessionManager
from ..domain.errors import InvalidValueError, SchemaMismatchError, StoreNotFoundError
from ..domain.json_values import Json
from ..infrastructure.memory.recorder import MemoryRecorder
from ..infrastructure.open_store import open_store
from ..infrastructure.record_file.importer import check_record
from ..infrastructure.record_file.io import Target, lines_of
from ..infrastructure.store import Store
from ..infrastructure.verification import Verification
from ..projections.projection import Projection
from ..projections.selection import PRESENT
from ..session import Session
from .bars import bar
from .failing import STORE_FAILED
from .invocation import Invocation
from .showing import Showing, counted, note
from .values import usage

STREAM = "-"
"""The name of standard input or standard output in the place of a file."""

REMOVED_BY = "store.vacuum() removes it"

OPENING = b'{"turnlog"'
"""How the first line of an exact record begins."""


def make_store(invocation: Invocation, *, json: bool) -> None:
    """The store, made if it is not there."""
    made = not _is_there(invocation)
    with invocation.making() as store:
        told: dict[str, Json] = {"store": store.address, "schema": store.recorder.schema(), "made": made}
    if json:
        Showing().document(told)
    else:
        Showing().line(f"{told['store']} {'is made' if made else 'is there already'}")


def verify_store(
    store: Store, reference: str | None, projections: bool | list[Projection], *, json: bool, quiet: bool
) -> None:
    """The proof of a session, or of all and what holds them together."""
    session = None if reference is None else store.resolve(reference).session
    with bar("verify", quiet=quiet) as progress:
        found = store.verify(session, projections=projections, progress=progress)
    if json:
        Showing().document(verification_told(found))
    else:
        _show_verification(found)
    if not found.ok:
        raise typer.Exit(STORE_FAILED)


def verification_told(found: Verification) -> dict[str, Json]:
    """What was found, for programs."""
    faults = [{"session": fault.session, "position": fault.position, "reason": fault.reason} for fault in found.faults]
    told: dict[str, Json] = {"ok": found.ok, "sessions": found.sessions, "events": found.events, "faults": faults}
    if found.unchecked:
        told["unchecked"] = list(found.unchecked)
    return {**told, "unscrubbed": True} if found.unscrubbed else told


def export_sessions(
    store: Store, path: str, references: list[str], form: str | None, *, overwrite: bool, quiet: bool
) -> None:
    """Write sessions to a file, or to standard output."""
    file = Path(path).expanduser()
    target: Target = sys.stdout.buffer if path == STREAM else file
    with usage("FILE"):
        chosen = RECORD if path == STREAM and form is None else form_of(file, form)
    ids = [store.resolve(reference).session for reference in references]
    if chosen == RECORD:
        with bar("export", quiet=quiet) as progress:
            events = store.export_record(target, *ids, overwrite=overwrite, progress=progress)
        sentence = counted(events, "event")
    else:
        present = ids or [entry.session for entry in store.sessions() if entry.status in PRESENT]
        sessions = [Session.open(id, store=store) for id in present]
        write_documents(target, chosen, sessions, overwrite=overwrite)
        sentence = counted(len(sessions), "session")
    if path == STREAM:
        note(f"{sentence} written to standard output")
    else:
        Showing().line(f"{sentence} written to {file}")


def import_sessions(
    invocation: Invocation, path: str, name: str | None, *, replace: bool, json: bool, quiet: bool
) -> None:
    """Import the sessions of a file, or of standard input, into the store, which is made if it is not there."""
    source = sys.stdin.buffer.read() if path == STREAM else _source(Path(path).expanduser())
    is_record = _is_record(source)
    if is_record:
        with usage("--name"):
            check_exact(name, replace=False)
        with usage("--replace"):
            check_exact(None, replace=replace)
    if not _is_there(invocation):  # a file that is rejected leaves no empty store behind
        _check_import(source, name, invocation.most_bytes, is_record=is_record, replace=replace)
    with invocation.making() as store:
        told, sentence = _import_into(store, source, name, is_record=is_record, replace=replace, quiet=quiet)
    if json:
        Showing().document(told)
    else:
        Showing().line(sentence)


def _import_into(
    store: Store, source: Path | bytes, name: str | None, *, is_record: bool, replace: bool, quiet: bool
) -> tuple[dict[str, Json], str]:
    """The sessions of a source in a store; what to report of it, as a document and as a sentence."""
    if not is_record:
        with SessionManager(store=store) as manager:
            ids: list[Json] = [session.id for session in manager.import_sessions(source, name=name, replace=replace)]
        return {"sessions": ids}, f"{counted(len(ids), 'session')} taken over"
    with bar("import", quiet=quiet) as progress:
        taken = store.import_record(source, progress=progress)
    told: dict[str, Json] = {
        "sessions": list(taken.sessions),
        "events": taken.events,
        "unchanged": list(taken.unchanged),
    }
    what = f"{counted(taken.events, 'event')} of {counted(len(taken.sessions), 'session')}"
    return told, f"{what} taken over; {len(taken.unchanged)} unchanged"


def _check_import(
    source: Path | bytes, name: str | None, most_bytes: int | None, *, is_record: bool, replace: bool
) -> None:
    """Raise for a source that an empty store could not import."""
    with Store(MemoryRecorder(), most_bytes=most_bytes) as empty:
        if is_record:
            check_record(empty.recorder, lines_of(source), most_bytes)
        else:
            _import_into(empty, source, name, is_record=False, replace=replace, quiet=True)


def _is_there(invocation: Invocation) -> bool:
    try:
        with invocation.reading():
            return True
    except StoreNotFoundError:
        return False


def copy_store(store: Store, target: str, *, quiet: bool) -> None:
    """All there is into an empty store."""
    with open_store(target) as other, bar("copy", quiet=quiet) as progress:
        events = store.copy_to(other, progress=progress)
        Showing().line(f"{counted(events, 'event')} copied to {other.address}")


def migrate_store(invocation: Invocation) -> None:
    """A store of an older version, brought up to date."""
    try:
        with invocation.reading() as store:
            Showing().line(f"{store.address} has schema {store.recorder.schema()} already")
    except SchemaMismatchError as before:
        with invocation.making() as store:
            Showing().line(f"{store.address} had {before.found}, and has schema {store.recorder.schema()} now")


def backup_store(store: Store, path: str) -> None:
    """A copy of the database in a file."""
    if path == STREAM:
        raise typer.BadParameter("a backup is a SQLite file, which no stream can be: name a file", param_hint="FILE")
    file = Path(path).expanduser()
    store.backup(file)
    Showing().line(f"written to {file}")


def _source(file: Path) -> Path | bytes:
    """A file that can be read more than once, or what came out of one that cannot, such as a FIFO."""
    try:
        return file if file.is_file() else file.read_bytes()
    except OSError as reason:
        raise _unreadable(file, reason) from reason


def _is_record(source: Path | bytes) -> bool:
    if isinstance(source, bytes):
        return source.startswith(OPENING)
    try:
        with source.open("rb") as opened:
            return opened.read(len(OPENING)) == OPENING
    except OSError as reason:
        raise _unreadable(source, reason) from reason


def _unreadable(file: Path, reason: OSError) -> InvalidValueError:
    return InvalidValueError("the file", f"{file} cannot be read: {reason.strerror}")


def _show_verification(found: Verification) -> None:
    showing = Showing()
    count = f"{counted(found.sessions, 'session')}, {counted(found.events, 'event')}"
    if found.ok:
        showing.line(("as it was recorded", "green"), f": {count}")
    else:
        showing.line(("not as it was recorded", "bold red"), f": {count}")
    for fault in found.faults:
        place = "the store" if fault.session is None else f"session {fault.session}"
        showing.line(f"{place}{'' if fault.position is None else f' at position {fault.position}'}: {fault.reason}")
    for what in found.unchecked:
        showing.line(("not checked", "yellow"), f": {what}")
    if found.unscrubbed:
        showing.line(("redacted content may remain in the files of the database", "yellow"), f": {REMOVED_BY}")
