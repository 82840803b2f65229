"""A store that is opened as it is: nothing is made, nothing is brought up to date, and what it says of itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from turnlog import Session, open_store
from turnlog.errors import SchemaMismatchError, StoreNotFoundError
from turnlog.infrastructure.migrations import Migration, migrations_of
from turnlog.infrastructure.sqlite import schema
from turnlog.infrastructure.store import Store
from turnlog.stores import open_existing


def address_of(kind: str, tmp_path: Path, server: Any, name: str) -> str:
    match kind:
        case "sqlite":
            return f"sqlite:///{tmp_path}/{name}.db"
        case "postgres":
            return f"{server.address('postgres')}&schema={name}"
        case _:
            return str(server.address(prefix=name))


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "redis"])
def test_a_store_that_is_not_there_is_refused_and_not_made(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server = None if kind == "sqlite" else request.getfixturevalue(f"{kind}_server")
    address = address_of(kind, tmp_path, server, "absent")

    for _ in range(2):
        with pytest.raises(StoreNotFoundError):
            open_existing(address)
    with open_store(address) as made:
        session = Session(store=made)
    with open_existing(address) as store:
        assert store.find_session(session.id) is not None
    if kind == "sqlite":
        assert [path.name for path in tmp_path.iterdir()] == ["absent.db"]


def test_a_store_of_an_older_version_is_refused_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"sqlite:///{tmp_path}/old.db"
    with open_store(address) as store:
        newest = store.recorder.schema()
    steps = [*migrations_of("turnlog.infrastructure.sqlite"), Migration(newest + 1, "more", "")]
    monkeypatch.setattr(schema, "migrations_of", lambda package: steps)

    with pytest.raises(SchemaMismatchError, match=f"has schema {newest}; expected schema {newest + 1}"):
        open_existing(address)
    with closing(sqlite3.connect(tmp_path / "old.db")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (newest,)


def test_a_store_says_its_schema_and_what_becomes_of_an_append_in_a_crash(store: Store) -> None:
    kind = store.address.partition(":")[0]

    assert store.recorder.schema() >= (0 if kind == "memory" else 1)
    assert store.recorder.durability().startswith(
        {"memory": "none", "sqlite": "full", "postgresql": "synchronous_commit ", "unix": "appendonly "}[kind]
    )
