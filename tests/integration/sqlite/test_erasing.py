"""Redacted content is in no byte of a SQLite file, nor of what stands beside it or is made of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from turnlog import Runner, Session, open_store, search
from turnlog.domain.events import MessageRedacted
from turnlog.errors import RedactionPendingError
from turnlog.infrastructure.eventsourcing_adapter.mapper import DomainEvent, EventMapper
from turnlog.infrastructure.open_store import open_existing
from turnlog.infrastructure.read_models.catch_up import finish_redactions
from turnlog.infrastructure.read_models.lease import RunnerOptions
from turnlog.infrastructure.read_models.open_row_store import row_store_of
from turnlog.infrastructure.read_models.versions import begin_anew
from turnlog.infrastructure.retry import RetryPolicy
from turnlog.infrastructure.sqlite import scrubbing
from turnlog.projections import Activity, BranchTree, TokenUsage, Transcript

WORDS = "projection_transcript__transcript__v1__words"
INLINE = [Transcript(), BranchTree(), TokenUsage(), Activity()]


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "compressed"])
@pytest.mark.parametrize("inline", [[], INLINE], ids=["alone", "inline"])
def test_redacted_content_is_in_no_file_of_the_store(
    tmp_path: Path, marked: Any, inline: list[Any], compress: bool
) -> None:
    with open_store(f"sqlite:///{tmp_path}/turnlog.db", inline=inline, compress=compress) as store:
        talk = marked.Marked(store)
        packed = compressed_payloads(tmp_path / "turnlog.db")
        assert marked.found(talk.markers, tmp_path)
        talk.redact()

        assert marked.found(talk.markers, tmp_path) == {}
        assert not any(payload in (tmp_path / "turnlog.db").read_bytes() for payload in packed)
        assert bool(packed) is compress
        assert talk.names() == marked.everything
        assert store.verify().ok
        store.backup(tmp_path / "backup.db")
        store.export_record(tmp_path / "all.jsonl")
        store.vacuum()
    assert marked.found(talk.markers, tmp_path) == {}


def test_a_runner_removes_redacted_content_from_rows_beside_the_store(tmp_path: Path, marked: Any) -> None:
    rows = f"sqlite:///{tmp_path}/rows.db"
    with open_store(f"sqlite:///{tmp_path}/turnlog.db") as store, closing(Runner(store, INLINE, rows)) as runner:
        talk = marked.Marked(store)
        runner.catch_up()
        assert str(tmp_path / "rows.db") in " ".join(marked.found(talk.markers, tmp_path))

        talk.redact()
        runner.catch_up()
        assert marked.found(talk.markers, tmp_path) == {}


def test_a_runner_removes_redacted_content_from_rows_in_the_store(tmp_path: Path, marked: Any) -> None:
    with open_store(f"sqlite:///{tmp_path}/turnlog.db") as store, closing(Runner(store, INLINE)) as runner:
        talk = marked.Marked(store)
        runner.catch_up()
        talk.redact()
        assert marked.found(talk.markers, tmp_path) == {}
        runner.catch_up()

        assert marked.found(talk.markers, tmp_path) == {}
        assert store.recorder.needs_scrub() is False


def test_rows_that_a_runner_keeps_in_shards_are_erased_at_once(tmp_path: Path, marked: Any) -> None:
    with (
        open_store(f"sqlite:///{tmp_path}/turnlog.db") as store,
        closing(Runner(store, INLINE, shards=2)) as runner,
    ):
        talk = marked.Marked(store)
        Session("other instructions", store=store)
        runner.catch_up()
        talk.redact()
        assert marked.found(talk.markers, tmp_path) == {}
        store.backup(tmp_path / "backup.db")
        assert marked.found(talk.markers, tmp_path) == {}
        assert not store.verify().unscrubbed

        Session(session_id="later", store=store).default_branch.add("afterwards")
        runner.catch_up()
        assert (runner.failures, store.verify(projections=True).faults) == (0, ())
        assert len(search("afterwards", store=store)) == 1


def test_a_redaction_behind_a_dead_letter_stays_pending(
    tmp_path: Path, marked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the letter is retried; neither a vacuum nor a runner of other projections ends it before."""

    def fail(self: Transcript, batch: Any, rows: Any) -> None:
        if any("poison" in str(event.event) for event in batch):
            raise RuntimeError(f"{marked.marker(2)} cannot be applied")
        apply(self, batch, rows)

    apply = Transcript.apply
    with (
        open_store(f"sqlite:///{tmp_path}/turnlog.db") as store,
        closing(
            Runner(store, [Transcript()], options=RunnerOptions(retry=RetryPolicy.NEVER), clock=count(0, 100).__next__)
        ) as runner,
        closing(Runner(store, [TokenUsage()])) as other,
    ):
        session = Session(session_id="s", store=store)
        said = session.default_branch.add(marked.marker(1))
        runner.catch_up()
        monkeypatch.setattr(Transcript, "apply", fail)
        poison = session.default_branch.add(f"{marked.marker(2)} poison")
        runner.catch_up()
        runner.catch_up()
        assert len(runner.dead_letters("transcript")) == 1

        with pytest.raises(RedactionPendingError, match=r"session s waits behind a dead letter .* retry or skip"):
            session.redact(said)
        with pytest.raises(RedactionPendingError, match="recorded at position 6 of session s"):
            session.redact(poison)
        with pytest.raises(RedactionPendingError):
            store.vacuum()
        other.catch_up()
        assert store.verify().unscrubbed
        assert runner.dead_letters("transcript")[0].error == "RuntimeError"
        assert marked.found([marked.marker(1)], tmp_path)

        monkeypatch.undo()
        runner.retry("transcript")
        runner.catch_up()
        assert marked.found([marked.marker(1), marked.marker(2)], tmp_path) == {}
        assert store.verify(projections=True).faults == ()
        assert not store.verify().unscrubbed


def test_a_process_that_keeps_no_read_models_erases_from_those_of_others(tmp_path: Path, marked: Any) -> None:
    address = f"sqlite:///{tmp_path}/turnlog.db"
    with open_store(address, inline=INLINE) as store:
        talk = marked.Marked(store)
        with open_store(address) as other:
            talk.store = other
            talk.redact()

            assert marked.found(talk.markers, tmp_path) == {}
        Session(store=store).default_branch.add("later")
        assert [row["text"] for row in store.rows(Transcript())["transcript"].under("marked")] == [None] * 4


def test_content_that_many_redactions_moved_is_in_no_file(tmp_path: Path, marked: Any) -> None:
    with open_store(f"sqlite:///{tmp_path}/turnlog.db", inline=[Transcript()]) as store:
        session = Session(store=store)
        said = [session.default_branch.add(f"{marked.marker(n)} {'x' * (n * 37 % 900)}") for n in range(30)]
        for n in range(0, 30, 2):
            session.redact(said[n])
        for n in range(1, 30, 4):
            session.redact(said[n])
        gone = [marked.marker(n) for n in (*range(0, 30, 2), *range(1, 30, 4))]

        assert marked.found(gone, tmp_path) == {}
        assert search(marked.marker(4), store=store) == []
        assert len(search(marked.marker(3), store=store)) == 1


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Begins to read the file in another connection, and returns it."""
    monkeypatch.setattr(scrubbing, "TRIES", 2)
    opened = []

    def begin() -> sqlite3.Connection:
        connection = sqlite3.connect(tmp_path / "turnlog.db", isolation_level=None)
        opened.append(connection)
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM events").fetchone()
        return connection

    yield begin
    for connection in opened:
        connection.close()


@pytest.mark.parametrize("finish", ["redact", "vacuum", "open"])
def test_a_reader_delays_the_removal_and_the_error_says_so(
    tmp_path: Path, marked: Any, reader: Any, finish: str
) -> None:
    address = f"sqlite:///{tmp_path}/turnlog.db"
    with open_store(address, inline=[Transcript()]) as store:
        session = Session(store=store, session_id="s")
        said = session.default_branch.add(marked.marker(1))
        connection = reader()
        with pytest.raises(RedactionPendingError, match=r"recorded at position 4 of session s, but .* log until"):
            session.redact(said)

        assert session.position == 4
        assert [row.payload_hash is None for row in store.recorder.read("s", after=2)] == [False, True]
        assert marked.found([marked.marker(1)], tmp_path)
        assert store.verify().unscrubbed
        connection.execute("COMMIT")
        if finish == "redact":
            assert session.redact(said) == 4
        elif finish == "vacuum":
            store.vacuum()
    if finish == "open":
        open_store(address).close()

    assert marked.found([marked.marker(1)], tmp_path) == {}
    with open_store(address) as store:
        assert not store.verify().unscrubbed


def test_a_store_opens_while_a_reader_delays_the_removal(tmp_path: Path, marked: Any, reader: Any) -> None:
    address = f"sqlite:///{tmp_path}/turnlog.db"
    with open_store(address) as store:
        session = Session(store=store)
        said = session.default_branch.add(marked.marker(1))
        reader()
        with pytest.raises(RedactionPendingError):
            session.redact(said)

        with open_store(address) as other:
            assert other.verify().ok
            assert other.verify().unscrubbed


def test_a_backup_made_before_the_removal_is_clean_and_not_marked(tmp_path: Path, marked: Any, reader: Any) -> None:
    with open_store(f"sqlite:///{tmp_path}/turnlog.db", inline=[Transcript()]) as store:
        session = Session(store=store)
        padding = "x" * 700  # so that rows move from page to page
        said = [session.default_branch.add(f"{marked.marker(n)} {padding}") for n in range(20)]
        reader()
        for message in said[::2]:
            with pytest.raises(RedactionPendingError):
                session.redact(message)
        store.backup(tmp_path / "backup.db")
        assert store.verify().unscrubbed

    gone = [marked.marker(n) for n in range(0, 20, 2)]
    assert marked.found(gone, tmp_path / "backup.db") == {}
    assert marked.found([marked.marker(1)], tmp_path / "backup.db")
    assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == ["backup.db"]
    with open_existing(f"sqlite:///{tmp_path}/backup.db") as backup:
        found = backup.verify(projections=True)
        assert (found.faults, found.unscrubbed) == ((), False)
        assert (search(marked.marker(2), store=backup), len(search(marked.marker(3), store=backup))) == ([], 1)


def test_a_backup_brings_the_rows_of_others_up_to_date(tmp_path: Path, marked: Any, reader: Any) -> None:
    address = f"sqlite:///{tmp_path}/turnlog.db"
    with open_store(address, inline=[Transcript()]) as keeper, open_store(address) as store:
        session = Session(store=keeper, session_id="s")
        session.default_branch.add(marked.marker(1))
        left = '{"branch":0,"content":{"type":"instruction"}}'
        redaction = DomainEvent.new("s", 4, MessageRedacted(3, left))
        store.recorder.insert_events([EventMapper().to_stored_event(redaction)])
        store.backup(tmp_path / "backup.db")

    assert marked.found([marked.marker(1)], tmp_path / "backup.db") == {}


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM projection__checkpoints",
        f"UPDATE {WORDS}_config SET v = 99 WHERE k = 'version'",
    ],
    ids=["checkpoints", "index"],
)
def test_a_backup_that_cannot_be_cleaned_is_not_made(tmp_path: Path, marked: Any, damage: str) -> None:
    address = f"sqlite:///{tmp_path}/turnlog.db"
    with open_store(address, inline=[Transcript()]) as store:
        said = Session(store=store, session_id="s").default_branch.add(marked.marker(1))
    with closing(sqlite3.connect(tmp_path / "turnlog.db")) as connection:
        connection.execute(damage)
        connection.commit()
    with open_store(address) as store:
        with pytest.raises(RedactionPendingError, match="transcript"):
            Session.open("s", store=store).redact(said)
        with pytest.raises(RedactionPendingError, match="transcript"):
            store.backup(tmp_path / "backup.db")
        assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == []
        assert not store.verify(projections=True).ok

        begin_anew(row_store_of(store.recorder), Transcript())
        store.backup(tmp_path / "backup.db")
        assert marked.found([marked.marker(1)], tmp_path / "backup.db") == {}
        store.vacuum()
        assert marked.found([marked.marker(1)], tmp_path) == {}
        found = store.verify(projections=True)
        assert (found.faults, found.unscrubbed) == ((), False)


def test_a_copy_whose_left_over_index_cannot_be_cleaned_is_not_made(tmp_path: Path, marked: Any) -> None:
    with open_store(f"sqlite:///{tmp_path}/turnlog.db") as store:
        said = Session(store=store, session_id="s").default_branch.add(marked.marker(1))
        with closing(sqlite3.connect(tmp_path / "turnlog.db")) as connection:
            connection.execute("CREATE TABLE projection_old__words_data (id INTEGER PRIMARY KEY, block BLOB)")
        with pytest.raises(RedactionPendingError, match="index that is missing: drop it"):
            Session.open("s", store=store).redact(said)
        with pytest.raises(RedactionPendingError, match="index that is missing: drop it"):
            store.backup(tmp_path / "backup.db")
        assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == []


def compressed_payloads(file: Path) -> list[bytes]:
    """What the payloads that are stored compressed have in common with no other."""
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute(
            "SELECT payload FROM events WHERE encoding IS NOT NULL AND session = "
            "(SELECT number FROM catalogue WHERE session = 'marked')"
        )
        return [payload[-30:] for (payload,) in found]


def test_a_damaged_index_keeps_a_redaction_pending(tmp_path: Path, marked: Any, reader: Any) -> None:
    """Also if the rows have lost the content already."""
    with open_store(f"sqlite:///{tmp_path}/turnlog.db", inline=[Transcript()]) as store:
        said = Session(store=store, session_id="s").default_branch.add(marked.marker(1))
        connection = reader()
        with pytest.raises(RedactionPendingError):
            Session.open("s", store=store).redact(said)
        connection.execute("COMMIT")
        connection.execute(f"UPDATE {WORDS}_config SET v = 99 WHERE k = 'version'")

    with open_store(f"sqlite:///{tmp_path}/turnlog.db") as store:
        for finish in (partial(finish_redactions, store.recorder), partial(store.backup, tmp_path / "backup.db")):
            with pytest.raises(
                RedactionPendingError, match=r"full-text index .* is damaged .*: rebuild its projection"
            ):
                finish()
        assert store.verify().unscrubbed
        assert not (tmp_path / "backup.db").exists()
