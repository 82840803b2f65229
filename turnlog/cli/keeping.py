"""The upkeep of a store: made, proved, copied, brought up to date, and its sessions in files."""

from pathlib import Path

import typer

from ..domain.errors import InvalidValue
from ..domain.plain import Json
from ..domain.store_errors import SchemaMismatch, StoreNotFound
from ..infrastructure.opening import open_existing, open_store
from ..infrastructure.store import Store
from ..infrastructure.verification import Verification
from ..manager import SessionManager
from ..session import Session
from ..transfer import RECORD, form_of
from .bars import bar
from .failing import STORE_FAILED
from .invocation import Invocation
from .showing import Showing, counted

OPENING = b'{"turnlog"'
"""How the first line of an exact record begins."""


def make_store(invocation: Invocation, *, json: bool) -> None:
    """The store, made if it is not there."""
    try:
        with invocation.reading():
            made = False
    except StoreNotFound:
        made = True
    with invocation.making() as store:
        told: dict[str, Json] = {"store": store.address, "schema": store.schema, "made": made}
    if json:
        Showing().document(told)
    else:
        Showing().line(f"{told['store']} {'is made' if made else 'is there already'}")


def verify_store(store: Store, reference: str | None, *, json: bool, quiet: bool) -> None:
    """The proof of a session, or of all and what holds them together."""
    session = None if reference is None else store.resolve(reference).session
    with bar("verify", quiet=quiet) as progress:
        found = store.verify(session, progress=progress)
    if json:
        Showing().document(verification_told(found))
    else:
        _show_verification(found)
    if not found.ok:
        raise typer.Exit(STORE_FAILED)


def verification_told(found: Verification) -> dict[str, Json]:
    """What was found, for programs."""
    faults = [{"session": fault.session, "position": fault.position, "reason": fault.reason} for fault in found.faults]
    return {"ok": found.ok, "sessions": found.sessions, "events": found.events, "faults": faults}


def export_sessions(store: Store, path: str, references: list[str], form: str | None, *, quiet: bool) -> None:
    """Sessions to a file."""
    file = Path(path).expanduser()
    chosen = form_of(file, form)
    ids = [store.resolve(reference).session for reference in references]
    if chosen == RECORD:
        with bar("export", quiet=quiet) as progress:
            events = store.export_record(file, *ids, progress=progress)
        Showing().line(f"{counted(events, 'event')} written to {file}")
        return
    with SessionManager(store=store) as manager:
        manager.export_sessions(file, *[Session.open(id, store=store) for id in ids], form=chosen)
    Showing().line(f"{counted(len(ids), 'session') if ids else 'all sessions'} written to {file}")


def import_sessions(store: Store, path: str, name: str | None, *, replace: bool, json: bool, quiet: bool) -> None:
    """The sessions of a file into the store."""
    file = Path(path).expanduser()
    if _is_record(file):
        with bar("import", quiet=quiet) as progress:
            taken = store.import_record(file, progress=progress)
        told: dict[str, Json] = {
            "sessions": list(taken.sessions),
            "events": taken.events,
            "unchanged": list(taken.unchanged),
        }
        what = f"{counted(taken.events, 'event')} of {counted(len(taken.sessions), 'session')}"
        sentence = f"{what} taken over; {len(taken.unchanged)} unchanged"
    else:
        with SessionManager(store=store) as manager:
            ids = [session.id for session in manager.import_sessions(file, name=name, replace=replace)]
        told = {"sessions": ids}
        sentence = f"{counted(len(ids), 'session')} taken over"
    if json:
        Showing().document(told)
    else:
        Showing().line(sentence)


def copy_store(store: Store, target: str, *, quiet: bool) -> None:
    """All there is into an empty store."""
    with open_store(target) as other, bar("copy", quiet=quiet) as progress:
        events = store.copy_to(other, progress=progress)
        Showing().line(f"{counted(events, 'event')} copied to {other.address}")


def migrate_store(invocation: Invocation) -> None:
    """A store of an older version, brought up to date."""
    try:
        with open_existing(invocation.address) as store:
            Showing().line(f"{store.address} has schema {store.schema} already")
    except SchemaMismatch as before:
        with open_store(invocation.address) as store:
            Showing().line(f"{store.address} had {before.found}, and has schema {store.schema} now")


def backup_store(store: Store, path: str) -> None:
    """A copy of the database in a file."""
    file = Path(path).expanduser()
    store.backup(file)
    Showing().line(f"written to {file}")


def _is_record(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(len(OPENING)) == OPENING
    except OSError as reason:
        raise InvalidValue("the file", f"{file} cannot be read: {reason.strerror}") from reason


def _show_verification(found: Verification) -> None:
    showing = Showing()
    count = f"{counted(found.sessions, 'session')}, {counted(found.events, 'event')}"
    if found.ok:
        showing.line(("as it was recorded", "green"), f": {count}")
        return
    showing.line(("not as it was recorded", "bold red"), f": {count}")
    for fault in found.faults:
        place = "the store" if fault.session is None else f"session {fault.session}"
        showing.line(f"{place}{'' if fault.position is None else f' at position {fault.position}'}: {fault.reason}")
