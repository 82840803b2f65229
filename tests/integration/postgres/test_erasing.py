"""After a vacuum, redacted content is in no byte of the server's data folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from turnlog import Runner, Session, open_store
from turnlog.errors import RedactionPendingError
from turnlog.infrastructure.postgres import scrubbing
from turnlog.infrastructure.read_models.open_row_store import open_row_store
from turnlog.projections import Activity, BranchTree, TokenUsage, Transcript

READ_MODELS = [Transcript(), BranchTree(), TokenUsage(), Activity()]


@pytest.fixture
def data(postgres_server: Any) -> Path:
    """The data folder of the server."""
    folder: Path = postgres_server.folder / "data"
    return folder


@pytest.mark.parametrize("kept", ["alone", "inline", "runner"])
def test_a_vacuum_removes_redacted_content_from_the_data_folder(
    postgres_database: Any, data: Path, marked: Any, kept: str
) -> None:
    with open_store(postgres_database.address(), inline=READ_MODELS if kept == "inline" else []) as store:
        talk = marked.Marked(store)
        runner = Runner(store, READ_MODELS if kept == "runner" else [])
        runner.catch_up()
        with postgres_database.connect() as connection:
            connection.execute("ANALYZE")
        assert marked.found(talk.markers, data)
        talk.redact()
        runner.catch_up()
        assert talk.names() == marked.everything
        assert store.verify().ok
        assert store.verify().unscrubbed

        store.vacuum()
        assert marked.found(talk.markers, data) == {}
        assert not store.verify().unscrubbed
        assert store.verify().ok
        runner.close()


def test_rows_beside_the_store_are_cleaned_by_a_vacuum_of_their_own(
    postgres_database: Any, data: Path, marked: Any, tmp_path: Path
) -> None:
    with (
        open_store(f"sqlite:///{tmp_path}/turnlog.db") as store,
        closing(open_row_store(f"{postgres_database.address()}&schema=rows")) as target,
        closing(Runner(store, READ_MODELS, target)) as runner,
    ):
        talk = marked.Marked(store)
        runner.catch_up()
        talk.redact()
        runner.catch_up()
        assert marked.found(talk.markers, data)

        target.vacuum()
        assert marked.found(talk.markers, data) == {}


def test_a_vacuum_reports_what_the_role_may_not_do(postgres_database: Any, marked: Any) -> None:
    with postgres_database.connect() as connection:
        connection.execute("DROP ROLE IF EXISTS plain")
        connection.execute("CREATE ROLE plain LOGIN")
        connection.execute("CREATE SCHEMA own AUTHORIZATION plain")
    address = postgres_database.address().replace("postgres@", "plain@") + "&schema=own"
    with open_store(address) as store:
        session = Session(store=store)
        session.redact(session.default_branch.add(marked.marker(1)))
        with pytest.raises(
            RedactionPendingError, match=r"the role may not .*pg_statistic, .*CHECKPOINT, pg_switch_wal"
        ):
            store.vacuum()

        assert store.verify().unscrubbed
    with open_store(postgres_database.address() + "&schema=own") as store:
        store.vacuum()
        assert not store.verify().unscrubbed


@pytest.fixture
def onlooker(postgres_database: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A transaction that goes on seeing what was there when it began."""
    monkeypatch.setattr(scrubbing, "TRIES", 2)
    with postgres_database.connect() as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT 1").fetchone()
        yield connection


def test_an_open_transaction_delays_the_removal_and_the_error_says_so(
    postgres_database: Any, data: Path, marked: Any, onlooker: Any
) -> None:
    with open_store(postgres_database.address()) as store:
        session = Session(store=store)
        said = session.default_branch.add(marked.marker(1))
        onlooker.execute("COMMIT")
        onlooker.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        onlooker.execute("SELECT 1").fetchone()
        session.redact(said)
        with pytest.raises(RedactionPendingError, match=r"still sees older rows of .*events"):
            store.vacuum()

        assert store.verify().unscrubbed
        onlooker.execute("COMMIT")
        store.vacuum()
        assert marked.found([marked.marker(1)], data) == {}


def test_a_vacuum_without_redactions_rewrites_nothing(postgres_database: Any) -> None:
    with open_store(postgres_database.address(), inline=[Transcript()]) as store:
        Session(store=store).default_branch.add("hello")
        names = ("turnlog_events", "projection_transcript__transcript__v1")
        file = f"SELECT pg_relation_filenode('{names[0]}'), pg_relation_filenode('{names[1]}')"
        with postgres_database.connect() as connection:
            before = connection.execute(file).fetchone()
            store.vacuum()
            assert connection.execute(file).fetchone() == before
