"""How statements find their rows, and whole records taken over."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from turnlog import Session, open_store
from turnlog.errors import InvalidValueError
from turnlog.infrastructure.postgres import queries
from turnlog.infrastructure.postgres import recorder as module
from turnlog.infrastructure.stored_event import AppendRequest, EncodedEvent

MANY = 20_000
SESSIONS = 300


def message(branch: int, text: str) -> EncodedEvent:
    return EncodedEvent("message.appended", branch, text.encode(), None)


@pytest.fixture(scope="module", params=["new", "analyzed"])
def large(request: pytest.FixtureRequest, postgres_server: Any, postgres_template: str) -> Any:
    """A session with many messages among smaller ones, as a planner sees it that has statistics, or none."""
    name = postgres_server.new_database(postgres_template)
    store = open_store(postgres_server.address(name))
    recorder = store.recorder
    with postgres_server.connect(name) as connection:
        connection.execute("ALTER TABLE turnlog_events SET (autovacuum_enabled = off)")
        connection.execute("ALTER TABLE turnlog_catalogue SET (autovacuum_enabled = off)")
    for number in range(20):
        drafts = [message(place % 4, f"{number}/{place}") for place in range(MANY // 20)]
        drafts[::50] = [EncodedEvent("branch.renamed", 0, b"{}", None)] * (MANY // 20 // 50)
        others = range(number * SESSIONS // 20, (number + 1) * SESSIONS // 20)
        recorder.append(
            [AppendRequest("s", drafts), *(AppendRequest(f"t{other}", drafts[:5], command_id="c") for other in others)]
        )
    if request.param == "analyzed":
        recorder.vacuum()
    yield recorder
    store.close()
    postgres_server.drop_database(name)


FEED = {"after": 10_000, "until": 2**62, "limit": 1000}
OF_SESSION = {"session": "s", "first": 10_000, "last": 2**62, "limit": 1000}


@pytest.mark.parametrize(
    ("statement", "parameters", "index"),
    [
        ("READ", OF_SESSION, "turnlog_events_by_position"),
        ("READ_BACKWARDS", OF_SESSION, "turnlog_events_by_position"),
        ("READ_MESSAGES", {**OF_SESSION, "branch": 1}, "turnlog_messages_by_branch"),
        ("READ_MESSAGES_BACKWARDS", {**OF_SESSION, "branch": 1}, "turnlog_messages_by_branch"),
        ("READ_STRUCTURE", OF_SESSION, "turnlog_structure_by_position"),
        ("READ_ALL", FEED, "turnlog_events_pkey"),
        ("READ_NAMED", {**FEED, "names": ["message.appended"]}, "turnlog_events_pkey"),
        ("NEWEST_GLOBAL_POSITION", (), "turnlog_events_pkey"),
        ("FIND_ENTRY", ("s",), "turnlog_catalogue_session_key"),
        ("FIND_COMMAND", {"session": "s", "command_id": "c"}, "turnlog_events_by_command"),
        ("READ_ENTRIES", {"number": 100, "limit": 50}, "turnlog_catalogue_pkey"),
    ],
)
def test_a_statement_finds_its_rows_by_index_and_in_order(
    large: Any, statement: str, parameters: Any, index: str
) -> None:
    explain = "EXPLAIN " + large._connections.tables.with_names(queries.SQL[statement.lower()])
    with large._connections.using() as connection:
        plan = "\n".join(line for (line,) in connection.execute(explain, parameters).fetchall())

    assert index in plan
    assert "Sort" not in plan, plan
    assert "Seq Scan on turnlog_events" not in plan, plan


def test_pages_follow_each_other_in_both_directions(large: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 777)
    every = list(range(1, MANY + 1))
    first_branch = [place for place in every if (place - 1) % 1000 % 4 == 1 and (place - 1) % 1000 % 50]

    assert [row.position for row in large.read("s")] == every
    assert [row.position for row in large.read("s", backwards=True)] == every[::-1]
    assert [row.position for row in large.read("s", after=100, until=200)] == every[100:200]
    assert [row.position for row in large.read_messages("s", 1, 1, MANY)] == first_branch
    assert [row.position for row in large.read_messages("s", 1, 1, MANY, backwards=True)] == first_branch[::-1]
    assert [row.position for row in large.read_structure("s", until=MANY)] == every[::50]
    assert [entry.session for entry in large.read_entries()] == ["s", *(f"t{number}" for number in range(SESSIONS))]
    written = large.read_written("s", after=50, until=10_000)
    assert list(written[1]) == [place for place in first_branch if 50 < place <= 10_000]
    assert sorted(written) == [0, 1, 2, 3]


def test_a_record_passes_through_without_a_change(place: Any, kit: Any, tmp_path: Any) -> None:
    with open_store(f"sqlite:///{tmp_path}/a.db") as source, open_store(f"sqlite:///{tmp_path}/b.db") as back:
        session = Session("Be terse.", name="n", user="ada", metadata={"a": ["\0", 1.5]}, store=source)
        main = session.default_branch
        main.add_many([f"{number} é\0" for number in range(50)])
        session.fork(main, at=session.position - 5, name="retry").add("again", command_id="c")
        other = place.store()
        copied = source.copy_to(other)

        assert copied == source.recorder.last_global_position()
        assert other.recorder.read_all(limit=1000) == source.recorder.read_all(limit=1000)
        assert list(other.sessions()) == list(source.sessions())
        assert other.verify().ok
        Session.open(session.id, store=other).default_branch.add("goes on")
        other.copy_to(back)
        assert back.recorder.read_all(limit=1000) == other.recorder.read_all(limit=1000)
        assert back.verify().ok


def test_a_record_is_restored_with_its_bytes_commands_and_places(recorder: Any, kit: Any, place: Any) -> None:
    entries, rows = kit.record()
    recorder.restore(entries, iter(rows))

    assert recorder.read_all(limit=99) == rows
    assert list(recorder.read_entries()) == entries
    assert recorder.find_command("s", "c").last == 2
    assert recorder.find_flaws() == []
    (answer,) = recorder.append([kit.renamed("next", expected=3)])
    assert answer.global_position == 5
    (taken,) = place.recorder().append([kit.started("u", key="desk")])
    assert type(taken).__name__ == "KeyTakenError"


def test_only_an_empty_store_takes_a_record(recorder: Any, kit: Any) -> None:
    recorder.append([kit.started()])
    with pytest.raises(InvalidValueError):
        recorder.restore(*kit.record())

    assert recorder.last_global_position() == 1


def test_a_record_that_breaks_off_is_not_taken_over(recorder: Any, kit: Any) -> None:
    entries, rows = kit.record()

    def broken() -> Any:
        yield from rows[:2]
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        recorder.restore(entries, broken())
    with pytest.raises(InvalidValueError, match="NUL character"):
        recorder.restore(entries, [rows[0]._replace(actor="\0")])
    assert list(recorder.read_entries()) == []
    recorder.restore(entries, rows)
    assert recorder.read_all(limit=99) == rows


def test_the_driver_is_imported_when_an_address_asks_for_it() -> None:
    program = "import sys, turnlog; turnlog.open_store('memory://'); print('psycopg' in sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
