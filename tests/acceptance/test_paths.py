"""Paths and addresses as callers pass them: what cannot be one is a named error, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnlog import Runner, Session, SessionManager, Store, open_store, search
from turnlog.errors import InvalidValueError
from turnlog.projections import Transcript
from turnlog.stores import SQLiteSessionStore

NO_PATHS = ["", "\0", "a\0b", "~nobody-of-this-name/x", b"bytes", 5, None]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, without any settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TURNLOG_STORE", raising=False)
    return tmp_path


@pytest.fixture
def store(here: Path) -> Any:
    """A store with one session."""
    with open_store("x.db") as opened:
        Session(session_id="one", key="one", store=opened).add("user", "Hello!")
        yield opened


TAKERS: dict[str, Callable[[Store, Any], Any]] = {
    "backup": lambda store, path: store.backup(path),
    "export_record": lambda store, path: store.export_record(path),
    "export_parquet": lambda store, path: store.export_parquet(path),
    "copy_to": lambda store, path: store.copy_to(path),
    "export_sessions": lambda store, path: SessionManager(store=store).export_sessions(path, form="json"),
    "SQLiteSessionStore": lambda store, path: SQLiteSessionStore(path),
    "open_store": lambda store, path: open_store(path) if path is not None else open_store(""),
    "store=": lambda store, path: Session(store=path if path is not None else ""),
    "target=": lambda store, path: Runner(store, [Transcript()], path if path is not None else ""),
}

READERS: dict[str, Callable[[Store, Any], Any]] = {
    "import_record": lambda store, path: store.import_record(path),
    "import_sessions": lambda store, path: SessionManager(store=store).import_sessions(path),
    "settings": lambda store, path: SessionManager(path if path is not None else ""),
}


CASES = [
    (name, path)
    for name in [*TAKERS, *READERS]
    for path in NO_PATHS
    if name in TAKERS or not isinstance(path, bytes)  # which are the content of a file for a reader
]


@pytest.mark.parametrize(("name", "path"), CASES)
def test_what_cannot_be_a_path_is_a_named_error(store: Store, here: Path, name: str, path: Any) -> None:
    before = sorted(here.iterdir())
    with pytest.raises(InvalidValueError):
        {**TAKERS, **READERS}[name](store, path)

    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize("path", [".", "/", ".."])
def test_a_backup_to_a_folder_is_a_named_error(store: Store, path: str) -> None:
    with pytest.raises(InvalidValueError, match="exists; expected a new file"):
        store.backup(path)


def test_a_path_object_is_a_sqlite_file_wherever_a_store_is_named(here: Path) -> None:
    path = here / "notes #1.db"
    session = Session(store=path)
    session.add("user", "Hello!")
    with open_store(path) as store:
        assert store.address == f"sqlite:///{path}"
        assert Session.open(session.id, store=store).position == session.position
    assert len(search("hello", store=path)) == 1
    for given in ({"store": path}, {"storage": path}, {"config": {"session": {"store": path}}}):
        with SessionManager(**given) as manager:
            assert manager.get_session(session.id).id == session.id
    runner = Runner(path, [Transcript()], here / "rows.db")
    runner.catch_up()
    runner.close()

    assert sorted(each.name for each in here.glob("*.db")) == ["notes #1.db", "rows.db"]


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:///:memory:?durability=full",
        "sqlite:///:memory:?durability=normal",
        "sqlite://:memory:?durability=full",
        "sqlite:///%3Amemory%3A",
        "SQLITE:///:memory:",
        Path(":memory:"),
    ],
)
def test_memory_with_options_is_memory(here: Path, address: str) -> None:
    with open_store(address) as store:
        Session(store=store)
        assert store.address == "memory://"

    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:///:memory:?durability=none",
        "sqlite:///:memory:?mode=ro",
        "sqlite:///:memory:?durability=full&cache=shared",
        "sqlite:///:memory:x",
        "sqlite:///:MEMORY:",
        ":memory:?durability=full",
        " :memory:",
        Path(":memory:x"),
    ],
)
def test_memory_misspelt_makes_no_file(here: Path, address: str) -> None:
    for opened in (open_store, lambda given: Session(store=given)):
        with pytest.raises(InvalidValueError, match="the store address"):
            opened(address)

    assert list(here.iterdir()) == []


class Shelf:
    """Storage with the methods of SessionStorage."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def save(self, session: Session) -> None:
        self.kept[str(session.name)] = session.record()

    def load(self, name: str) -> Session | None:
        return Session.from_record(self.kept[name]) if name in self.kept else None

    def delete(self, name: str) -> None:
        del self.kept[name]

    def list_all(self) -> list[Any]:
        return []


class Cupboard:
    """Storage with the methods of SessionStore."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def save(self, session: Session) -> None:
        self.kept[session.id] = session.record()

    async def get(self, session_id: str) -> Session | None:
        return Session.from_record(self.kept[session_id]) if session_id in self.kept else None

    async def delete(self, session_id: str) -> None:
        del self.kept[session_id]

    async def list_for_user(self, user_id: str) -> list[Session]:
        return []


@pytest.mark.parametrize("parameter", ["store", "storage"])
def test_a_manager_takes_a_store_in_either_parameter(here: Path, parameter: str) -> None:
    with open_store("a.db") as store:
        for given in (store, "a.db", f"sqlite:///{here}/a.db", here / "a.db"):
            with SessionManager(**{parameter: given}) as manager:  # type: ignore[arg-type]  # either name fits
                manager.create_session("desk")
        assert [entry.key for entry in store.sessions()] == ["desk"]


@pytest.mark.parametrize("parameter", ["store", "storage"])
@pytest.mark.parametrize("form", [Shelf, Cupboard])
def test_a_manager_takes_storage_in_either_parameter(here: Path, parameter: str, form: Any) -> None:
    storage = form()
    with SessionManager(**{parameter: storage}) as manager:
        session = manager.create_session("desk")

    assert set(storage.kept) <= {"desk", session.id}
    assert len(storage.kept) == 1
