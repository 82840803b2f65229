"""A record in a SQLite file that was changed by hand: `verify` finds it and names the position."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from json import dumps
from pathlib import Path
from shutil import copy

import pytest

from turnlog import open_store
from turnlog.domain.content import InstructionContent
from turnlog.domain.events import BranchCreated, Event, MessageAppended, MessageRedacted, SessionRenamed, SessionStarted
from turnlog.domain.recorded_event import Provenance
from turnlog.infrastructure.stored_event import AppendRequest, encode_events
from turnlog.stores import VerificationFault

NEVER_HAPPENED = '{"name":"never happened","salt":"AAAAAAAAAAAAAAAAAAAA"}'


def said(text: str) -> Event:
    return MessageAppended(0, InstructionContent(instruction=text))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a session `s` of seven events and, in the middle of them, a session `t` of two."""
    path = tmp_path_factory.mktemp("written") / "turnlog.db"
    with open_store(f"sqlite:///{path}") as store:
        store.append("s", [SessionStarted(name="support"), BranchCreated(0, "id-main", "main")])
        store.append("s", [said("hello"), said("how are you"), said("well")], provenance=Provenance("ada", "run", 1))
        store.append("t", [SessionStarted(), SessionRenamed("other")])
        store.append("s", [SessionRenamed("help"), said("goodbye")], command_id="c")
    return path


@pytest.fixture
def path(written: Path, tmp_path: Path) -> Path:
    """A copy of that file, to be changed by hand."""
    return Path(copy(written, tmp_path / "turnlog.db"))


@contextmanager
def by_hand(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the file without its triggers, which are there again afterwards."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, statement in triggers:
            connection.execute(statement)
        connection.commit()


LEFT = '{"branch":0,"content":{"type":"instruction"}}'
"""What is left of the payload of a redacted message."""


def places(path: Path, session: str | None = None) -> list[tuple[str | None, int | None]]:
    """Where verify finds that something does not fit."""
    with open_store(f"sqlite:///{path}") as store:
        found = store.verify(session)
    assert found.ok is (found.faults == ())
    return [(fault.session, fault.position) for fault in found.faults]


def of(session: str, position: int) -> str:
    return f"WHERE session = (SELECT number FROM catalogue WHERE session = '{session}') AND position = {position}"


def test_a_record_that_nobody_touched_has_no_fault(path: Path) -> None:
    assert places(path) == []


def test_triggers_that_are_there_again_are_no_fault(path: Path) -> None:
    with by_hand(path):
        pass

    assert places(path) == []


@pytest.mark.parametrize(
    "change",
    [
        "payload = replace(payload, 'hello', 'goodbye')",
        "payload = payload || ' '",
        "payload = NULL",
        "payload = '{}'",
        "payload = NULL, payload_hash = zeroblob(32)",
        "payload_hash = zeroblob(32)",
        "payload_hash = zeroblob(31)",
        "payload = CAST(payload AS BLOB), encoding = 'zstd'",
        "time = time + 1",
        "time = 0",
        "name = 'branch.cleared', payload = '{\"branch\":0}'",
        "name = 'nothing.happened'",
        "branch = 1",
        "branch = NULL",
        "actor = 'bob'",
        "actor = NULL",
        "correlation = 'another run'",
        "cause = 2",
        "cause = NULL",
        "command_id = 'x'",
        "digest = zeroblob(32)",
        "digest = x''",
    ],
)
def test_an_event_that_was_changed_is_named(path: Path, change: str) -> None:
    with by_hand(path) as connection:
        assert connection.execute(f"UPDATE events SET {change} {of('s', 3)}").rowcount == 1

    assert places(path) == [("s", 3)]
    assert places(path, "s") == [("s", 3)]
    assert places(path, "t") == []


@pytest.mark.parametrize("position", [1, 2, 5, 6, 7])
def test_whichever_event_was_changed_is_named(path: Path, position: int) -> None:
    with by_hand(path) as connection:
        connection.execute(f"UPDATE events SET actor = 'bob' {of('s', position)}")

    assert places(path) == [("s", position)]


def test_a_fault_in_each_of_two_sessions_is_named_in_each(path: Path) -> None:
    with by_hand(path) as connection:
        connection.execute(f"UPDATE events SET time = time + 1 {of('t', 2)}")
        connection.execute(f"UPDATE events SET time = time + 1 {of('s', 4)}")
        connection.execute(f"UPDATE events SET time = time + 1 {of('s', 6)}")

    assert places(path) == [("s", 4), ("t", 2)]


@pytest.mark.parametrize("position", [1, 4, 7])
def test_an_event_that_was_removed_is_named(path: Path, position: int) -> None:
    with by_hand(path) as connection:
        connection.execute(f"DELETE FROM events {of('s', position)}")

    assert places(path)[0] == ("s", position)
    assert places(path, "s") == [("s", position)]


def test_all_events_of_a_session_removed_are_missed_from_the_first(path: Path) -> None:
    with by_hand(path) as connection:
        connection.execute("DELETE FROM events WHERE session = (SELECT number FROM catalogue WHERE session = 's')")

    assert places(path)[0] == ("s", 1)


def test_a_session_that_was_removed_with_all_that_names_it_leaves_a_gap_in_the_store(path: Path) -> None:
    with by_hand(path) as connection:
        connection.execute("DELETE FROM events WHERE session = (SELECT number FROM catalogue WHERE session = 't')")
        connection.execute("DELETE FROM catalogue WHERE session = 't'")

    with open_store(f"sqlite:///{path}") as store:
        assert store.verify().faults == (VerificationFault(None, None, "global positions 6 to 7 are missing"),)


def test_the_last_session_removed_with_all_that_names_it_leaves_a_gap_in_the_store(path: Path) -> None:
    with open_store(f"sqlite:///{path}") as store:
        store.append("u", [SessionStarted()])
    with by_hand(path) as connection:
        connection.execute("DELETE FROM events WHERE global_position = 10")
        connection.execute("DELETE FROM catalogue WHERE session = 'u'")

    with open_store(f"sqlite:///{path}") as store:
        assert store.verify().faults == (VerificationFault(None, None, "global positions 10 to 10 are missing"),)
        assert store.append("u", [SessionStarted()]).last == 1
        assert [one.global_position for one in store.read_all()] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]


def test_events_whose_session_was_taken_out_of_the_catalogue_are_found(path: Path) -> None:
    with by_hand(path) as connection:
        connection.execute("DELETE FROM catalogue WHERE session = 't'")

    with open_store(f"sqlite:///{path}") as store:
        assert store.verify().faults == (
            VerificationFault(None, None, "the catalogue does not know the session of global position 6"),
        )


def test_the_last_event_removed_is_missed_in_the_store_though_the_catalogue_was_made_to_fit(path: Path) -> None:
    with by_hand(path) as connection:
        connection.execute(f"DELETE FROM events {of('s', 7)}")
        connection.execute(
            f"UPDATE catalogue SET position = 6, messages = 3, digest = (SELECT digest FROM events {of('s', 6)}), "
            f"bytes = (SELECT sum(length(payload)) FROM events WHERE session = number) WHERE session = 's'"
        )

    with open_store(f"sqlite:///{path}") as store:
        assert store.verify("s").ok
        assert store.verify().faults == (VerificationFault(None, None, "global positions 9 to 9 are missing"),)


def forge(connection: sqlite3.Connection, position: int, payload: str) -> None:
    """An event at the end of `s` by somebody who knows how a digest is made."""
    (time, digest) = connection.execute(f"SELECT time, digest FROM events {of('s', position - 1)}").fetchone()
    header = dumps(["s", position, time, "session.renamed", None, None, None, None, None], separators=(",", ":"))
    forged = sha256(digest + header.encode() + sha256(payload.encode()).digest()).digest()
    connection.execute(
        "INSERT INTO events (session, position, time, name, payload, digest) "
        "SELECT number, ?, ?, 'session.renamed', ?, ? FROM catalogue WHERE session = 's'",
        (position, time, payload, forged),
    )


def test_an_event_inserted_at_the_end_with_a_digest_of_its_own_is_named(path: Path) -> None:
    with by_hand(path) as connection:
        forge(connection, 8, NEVER_HAPPENED)

    assert places(path) == [("s", 8)]


def test_the_last_event_replaced_together_with_its_digest_is_named(path: Path) -> None:
    with by_hand(path) as connection:
        connection.execute(f"DELETE FROM events {of('s', 7)}")
        forge(connection, 7, NEVER_HAPPENED)

    assert places(path)[0] == ("s", 7)


def test_what_comes_after_an_event_inserted_in_the_middle_is_named(path: Path) -> None:
    with by_hand(path) as connection:
        connection.execute("UPDATE events SET position = -position WHERE session = 1 AND position >= 4")
        connection.execute("UPDATE events SET position = 1 - position WHERE session = 1 AND position < 0")
        forge(connection, 4, NEVER_HAPPENED)

    assert places(path)[0] == ("s", 5)


@pytest.mark.parametrize(("one", "other"), [(3, 4), (1, 2), (2, 7)])
def test_events_that_were_swapped_are_named(path: Path, one: int, other: int) -> None:
    with by_hand(path) as connection:
        for old, new in ((one, -1), (other, one), (-1, other)):
            connection.execute(f"UPDATE events SET position = {new} {of('s', old)}")

    assert places(path) == [("s", one)]


def test_an_event_that_was_moved_to_another_session_is_missed_in_its_own(path: Path) -> None:
    with by_hand(path) as connection:
        connection.execute(f"UPDATE events SET session = 2, position = 3 {of('s', 7)}")

    assert places(path) == [("s", 7), ("t", 3)]


def test_events_whose_places_in_the_store_were_swapped_are_named(path: Path) -> None:
    with by_hand(path) as connection:
        for old, new in ((3, -1), (5, 3), (-1, 5)):
            connection.execute(f"UPDATE events SET global_position = {new} WHERE global_position = {old}")

    assert places(path) == [("s", 4)]


@pytest.mark.parametrize(
    ("change", "position"),
    [
        ("position = 6", 7),
        ("position = 0", 1),
        ("position = 8", 8),
        ("digest = zeroblob(32)", 7),
        ("name = 'other'", 7),
        ("name = NULL", 7),
        ("user = 'bob'", 7),
        ("key = 'desk'", 7),
        ("status = 'archived'", 7),
        ("messages = messages + 1", 7),
        ("bytes = bytes - 1", 7),
        ("created = created + 1", 7),
        ("updated = updated + 1", 7),
        ("time = time + 1", 7),
        ('metadata = \'{"team":"red"}\'', 7),
    ],
)
def test_a_change_of_the_catalogue_is_found(path: Path, change: str, position: int) -> None:
    with by_hand(path) as connection:
        connection.execute(f"UPDATE catalogue SET {change} WHERE session = 's'")

    assert places(path) == [("s", position)]
    assert places(path, "t") == []


def test_a_session_under_another_id_is_found_from_its_first_event_on(path: Path) -> None:
    with by_hand(path) as connection:
        connection.execute("UPDATE catalogue SET session = 'x' WHERE session = 's'")

    assert places(path) == [("x", 1)]


# --- The database itself ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        *(
            "global_position = 99",
            "session = 2",
            "position = 99",
            "time = 0",
            "name = 'x'",
            "branch = 1",
            "actor = 'x'",
        ),
        *("correlation = 'x'", "cause = 1", "command_id = 'x'", "encoding = 'x'", "payload = '{}'", "payload = NULL"),
        *("payload_hash = zeroblob(32)", "payload = NULL, payload_hash = zeroblob(32)", "digest = zeroblob(32)"),
    ],
)
def test_the_database_refuses_to_change_an_event(path: Path, column: str) -> None:
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="not changed"):
        connection.execute(f"UPDATE events SET {column} {of('s', 3)}")

    assert places(path) == []


@pytest.mark.parametrize("statement", ["DELETE FROM events", f"DELETE FROM events {of('s', 3)}"])
def test_the_database_refuses_to_delete_an_event(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="not deleted"):
        connection.execute(statement)

    assert places(path) == []


def test_the_database_refuses_to_delete_a_session(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="not deleted"):
        connection.execute("DELETE FROM catalogue WHERE session = 's'")

    assert places(path) == []


def test_the_database_refuses_to_replace_an_event(path: Path) -> None:
    """REPLACE deletes without asking a trigger on deletions."""
    replace = (
        "REPLACE INTO events (session, position, global_position, time, name, payload, digest) "
        "SELECT session, position, global_position, time, name, '{}', digest FROM events WHERE global_position = 3"
    )
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="not replaced"):
        connection.execute(replace)
    with by_hand(path) as connection:
        connection.execute(replace)

    assert places(path) == [("s", 3)]


def test_the_database_lets_words_go_only_when_their_redaction_is_on_the_record(path: Path) -> None:
    erase = f"UPDATE events SET payload = '{LEFT}', payload_hash = ? {of('s', 3)}"
    forge = (
        f"UPDATE events SET payload = json_set(payload, '$.content.instruction', 'x'), payload_hash = ? {of('s', 3)}"
    )
    with closing(sqlite3.connect(path)) as connection:
        (payload,) = connection.execute(f"SELECT payload FROM events {of('s', 3)}").fetchone()
    kept = sha256(payload.encode()).digest()

    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="not changed"):
        connection.execute(erase, (kept,))
    with open_store(f"sqlite:///{path}") as store:
        store.recorder.append([AppendRequest("s", encode_events([MessageRedacted(3, LEFT)]))])
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="not changed"):
        connection.execute(forge, (kept,))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(erase, (kept,))
        connection.commit()
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="not changed"):
        connection.execute(erase, (kept,))

    assert places(path) == [("s", 8)]  # the catalogue still counts the bytes


def test_words_that_were_let_go_under_a_hash_that_is_not_theirs_are_named(path: Path) -> None:
    with open_store(f"sqlite:///{path}") as store:
        store.recorder.append([AppendRequest("s", encode_events([MessageRedacted(3, LEFT)]))])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE events SET payload = '{LEFT}', payload_hash = zeroblob(32) {of('s', 3)}")
        connection.commit()

    assert places(path) == [("s", 3)]


def test_words_put_in_the_place_of_those_let_go_are_named(path: Path) -> None:
    with open_store(f"sqlite:///{path}") as store:
        store.recorder.append([AppendRequest("s", encode_events([MessageRedacted(3, LEFT)]))])
    with closing(sqlite3.connect(path)) as connection:
        (payload,) = connection.execute(f"SELECT payload FROM events {of('s', 3)}").fetchone()
    with by_hand(path) as connection:
        forged = '{"branch":0,"content":{"type":"instruction","instruction":"forged"}}'
        kept = sha256(payload.encode()).digest()
        connection.execute(f"UPDATE events SET payload = ?, payload_hash = ? {of('s', 3)}", (forged, kept))

    assert places(path) == [("s", 3)]


def test_an_event_before_the_first_is_refused_by_the_database_and_named_if_it_is_there(path: Path) -> None:
    insert = """
        INSERT INTO events (session, position, time, name, branch, command_id, payload, digest)
        VALUES (1, -3, 5, 'message.appended', 0, 'Q', '{"branch":0,"content":{"type":"instruction"}}', zeroblob(32))
    """
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="only appended"):
        connection.execute(insert)
    with by_hand(path) as connection:
        connection.execute(insert)

    assert places(path)[0] == ("s", -3)


@pytest.mark.parametrize(
    "left",
    ["""'{"branch":0,"content":{"type":"Goodbye, all!"}}'""", "x'ff22'", "'[]'", """'{"branch":0,"content":7}'"""],
)
def test_what_is_no_rest_of_a_payload_is_named_when_its_words_were_taken_out(path: Path, left: str) -> None:
    with open_store(f"sqlite:///{path}") as store:
        store.recorder.append([AppendRequest("s", encode_events([MessageRedacted(3, LEFT)]))])
    with by_hand(path) as connection:
        (payload,) = connection.execute(f"SELECT payload FROM events {of('s', 3)}").fetchone()
        kept = sha256(payload.encode()).digest()
        connection.execute(f"UPDATE events SET payload = {left}, payload_hash = ? {of('s', 3)}", (kept,))

    assert places(path) == [("s", 3)]
