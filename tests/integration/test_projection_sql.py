"""What a database offers over the rows of a projection: views with plain names, indexes, words."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from turnlog import Projection, Runner, Session, open_store
from turnlog.errors import InvalidValueError
from turnlog.infrastructure.postgres.row_store import PostgresRowStore, words_expression
from turnlog.projections import ColumnType, Rows, Table
from turnlog.projections.table_schema import TableCodec
from turnlog.stores import RecordedEvent

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import PostgresDatabase

TEXTS = Table(
    "texts",
    {"session": ColumnType.TEXT, "position": ColumnType.INTEGER, "text": ColumnType.TEXT, "long": ColumnType.BOOLEAN},
    key=("session", "position"),
    indexes=(("position",),),
    search=("text",),
)
OTHER = Table("sizes", {"session": ColumnType.TEXT, "size": ColumnType.INTEGER}, key=("session",))


class Texts(Projection):
    name = "texts"
    names = ("message.appended", "message.retracted")
    tables = (TEXTS, OTHER)

    def __init__(self, version: int = 1) -> None:
        self.version = version

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for event in batch:
            if event.name == "message.retracted":
                rows[TEXTS].delete(event.session, event.event.message)  # type: ignore[attr-defined]  # by its name
            else:
                text = event.event.content.text  # type: ignore[attr-defined]  # by its name
                text = text.upper() if self.version == 2 else text
                row = {"session": event.session, "position": event.position, "text": text, "long": len(text) > 20}
                rows[TEXTS].put(row)
                rows[TEXTS].put({**row, "text": f"{text} again"})
                rows[OTHER].add(event.session, size=len(text))


def fill(address: str, target: str) -> None:
    with open_store(address) as store:
        main = Session(store=store).default_branch
        main.add_many(["Äpfel und Birnen", "a word " + "b" * 300_000, "Birnen", "注文 заказ"])
        with Runner(store, [Texts()], target) as runner:
            runner.await_position("texts", store.last_global_position())
        main.retract(main.messages[2])
        with Runner(store, [Texts(2)], target) as runner:
            runner.await_position("texts", store.last_global_position())
            while runner.status("texts")[-1].building:
                runner.await_position("texts", store.last_global_position())


def test_sqlite_shows_the_version_that_counts_and_finds_its_words(tmp_path: Path) -> None:
    fill(f"sqlite:///{tmp_path}/turnlog.db", f"sqlite:///{tmp_path}/rows.db")

    with closing(sqlite3.connect(tmp_path / "rows.db")) as rows:
        assert rows.execute("SELECT position, long FROM projection_texts").fetchall() == [(3, 0), (4, 1), (6, 0)]
        assert rows.execute("SELECT size > 300000 FROM projection_texts__sizes").fetchall() == [(1,)]
        words = 'SELECT position FROM "projection_texts__texts__v2" WHERE row__number IN (SELECT rowid FROM {0}'
        words = words.format('"projection_texts__texts__v2__words" WHERE "projection_texts__texts__v2__words" MATCH ?)')
        found = {word: rows.execute(words, (word,)).fetchall() for word in ("apfel", "birnen", "again", "заказ")}
        assert found == {"apfel": [(3,)], "birnen": [(3,)], "again": [(3,), (4,), (6,)], "заказ": [(6,)]}
        check = 'INSERT INTO "projection_texts__texts__v2__words" ("projection_texts__texts__v2__words") VALUES (?)'
        rows.execute(check, ("integrity-check",))
        plan = rows.execute('EXPLAIN QUERY PLAN SELECT 1 FROM "projection_texts__texts__v2" WHERE position = 3')
        assert "projection_texts__texts__v2__i1" in str(plan.fetchall())


def test_postgresql_shows_the_version_that_counts_and_finds_its_words(postgres_database: PostgresDatabase) -> None:
    fill(postgres_database.address(), postgres_database.address())

    with postgres_database.connect() as rows:
        found = rows.execute("SELECT position, long FROM projection_texts ORDER BY position").fetchall()
        assert found == [(3, False), (4, True), (6, False)]
        words = words_expression(TableCodec(TEXTS))
        found = rows.execute(
            f"SELECT position FROM projection_texts WHERE {words} @@ plainto_tsquery('simple', %s)", ["заказ"]
        ).fetchall()
        assert found == [(6,)]
        names = rows.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'projection_texts__texts__v2'")
        assert {name for (name,) in names} >= {
            "projection_texts__texts__v2__i1",
            "projection_texts__texts__v2__words",
        }


def test_a_prefix_that_leaves_no_room_is_refused(postgres_database: PostgresDatabase) -> None:
    address = f"{postgres_database.address()}&prefix={'p' * 30}"
    with (
        closing(PostgresRowStore.at(address)) as target,
        pytest.raises(InvalidValueError, match="expected a shorter prefix"),
    ):
        target.place("p" * 16, "t" * 16, 9999)
