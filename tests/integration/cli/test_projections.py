"""Projections from the command line: kept, built anew, looked at, and what was parked settled."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from typing import Any

from turnlog import Session, open_store
from turnlog.projections import TokenUsage

OWN = """
from turnlog import Projection
from turnlog.projections import ColumnType, Table

SEEN = Table("seen", {"session": ColumnType.TEXT, "events": ColumnType.INTEGER}, key=("session",))


class Seen(Projection):
    name = "seen"
    tables = (SEEN,)

    def apply(self, batch, rows):
        import pathlib
        for recorded in batch:
            if recorded.name == "message.appended" and pathlib.Path("poison").exists():
                raise ValueError("too much")
            rows[SEEN].add(recorded.session, events=1)
"""


def test_projections_are_listed_kept_and_shown(turnlog: Any, talk: str) -> None:
    before = turnlog("projections", "list")
    nothing = turnlog("projections", "status")
    ran = turnlog("projections", "run", "usage", "activity", "--once")
    status = json.loads(turnlog("projections", "status", "--format", "json").out)["projections"]
    listed = json.loads(turnlog("projections", "list", "--format", "json").out)["projections"]

    assert [line.split("\t")[0] for line in before.lines] == [
        "PROJECTION",
        "activity",
        "branch_tree",
        "mailboxes",
        "transcript",
        "usage",
    ]
    assert nothing.err == "no projection is kept here: `turnlog projections run NAME` starts one\n"
    assert ran.out == "usage is at 7\nactivity is at 7\n"
    assert [(each["projection"], each["global_position"], each["lag"]) for each in status] == [
        ("activity", 7, 0),
        ("usage", 7, 0),
    ]
    assert [each["projection"] for each in listed if each["kept"]] == ["activity", "usage"]


def test_rows_go_into_another_database_on_request(turnlog: Any, talk: str) -> None:
    absent = turnlog("projections", "status", "--target", "sqlite:///rows.db")
    assert (absent.code, (turnlog.folder / "rows.db").exists()) == (3, False)
    turnlog("projections", "run", "usage", "--once", "--target", "sqlite:///rows.db")

    assert (turnlog.folder / "rows.db").exists()
    assert json.loads(turnlog("projections", "status", "--format", "json").out) == {"projections": []}
    there = turnlog("projections", "status", "--target", "sqlite:///rows.db", "--format", "json")
    assert json.loads(there.out)["projections"][0]["projection"] == "usage"


def test_a_projection_is_built_anew(turnlog: Any, talk: str) -> None:
    unknown = turnlog("projections", "rebuild", "usage")
    turnlog("projections", "run", "usage", "--once")
    turnlog("add", talk, "more")
    done = turnlog("projections", "rebuild", "usage")

    assert unknown.code == 1
    assert done.out == "usage is at 8\n"
    with open_store(f"sqlite:///{turnlog.folder}/turnlog.db") as store:
        assert store.rows(TokenUsage()) is not None


def test_a_damaged_projection_is_reported_and_rebuilt(turnlog: Any, talk: str) -> None:
    turnlog("projections", "run", "transcript", "--once")
    with closing(sqlite3.connect(turnlog.folder / "turnlog.db")) as connection:
        connection.execute("DROP TRIGGER projection_transcript__transcript__v1__words_u")
        connection.execute("UPDATE projection__versions SET definition = 'no JSON'")
        connection.commit()
    status = turnlog("projections", "status")
    doctor = turnlog("doctor", "--format", "json")
    done = turnlog("projections", "rebuild", "transcript")

    assert status.code == 0
    assert doctor.code == 3
    faults = json.loads(doctor.out)["store"]["verification"]["faults"]
    reason = "the projection 'transcript': the definition of version 1 cannot be read: JSON is malformed: "
    assert [each["reason"].partition("invalid")[0] for each in faults] == [reason]
    assert (done.out, done.code) == ("transcript is at 7\n", 0)
    assert turnlog("verify", "--projections").code == 0


def test_a_projection_without_a_trigger_is_reported_and_rebuilt(turnlog: Any, talk: str) -> None:
    turnlog("projections", "run", "transcript", "--once")
    with closing(sqlite3.connect(turnlog.folder / "turnlog.db")) as connection:
        connection.execute("DROP TRIGGER projection_transcript__transcript__v1__words_u")
        connection.commit()
    doctor = turnlog("doctor", "--format", "json")
    done = turnlog("projections", "rebuild", "transcript")

    assert doctor.code == 3
    faults = json.loads(doctor.out)["store"]["verification"]["faults"]
    reason = "the trigger projection_transcript__transcript__v1__words_u is missing from the schema"
    assert [each["reason"] for each in faults] == [reason]
    assert (done.out, done.code) == ("transcript is at 7\n", 0)
    assert turnlog("doctor").code == 0


def test_what_was_parked_is_shown_and_tried_again_or_passed_over(turnlog: Any) -> None:
    (turnlog.folder / "own.py").write_text(OWN)
    with open_store(f"sqlite:///{turnlog.folder}/turnlog.db") as store:
        session = Session(session_id="s", store=store)
        turnlog("projections", "run", "own:Seen", "--once")
        (turnlog.folder / "poison").touch()
        session.add("one")
        ran = turnlog("projections", "run", "own:Seen", "--once")
        parked = json.loads(turnlog("projections", "dead-letters", "own:Seen", "--format", "json").out)["dead_letters"]
        still = turnlog("projections", "dead-letters", "own:Seen", "--retry")
        (turnlog.folder / "poison").unlink()
        gone = turnlog("projections", "dead-letters", "own:Seen", "--retry")
        none = turnlog("projections", "dead-letters", "seen")

    assert ran.out == "seen is at 3; 1 dead letters\n"
    assert [(each["session"], each["position"], each["error"]) for each in parked] == [("s", 3, "ValueError: too much")]
    assert still.out == "1 retried; 1 dead letters now\n"
    assert gone.out == "1 retried; 0 dead letters now\n"
    assert none.err == "seen has no dead letters\n"


def test_a_runner_ends_when_it_is_interrupted_and_gives_back_its_lease(turnlog: Any, talk: str) -> None:
    runner = turnlog.in_terminal("projections", "run", "usage")
    runner.until("interrupt to stop")
    while json.loads(turnlog("projections", "status", "--format", "json").out)["projections"][0]["lag"]:
        pass
    runner.process.send_signal(signal.SIGINT)
    done = runner.end()

    status = json.loads(turnlog("projections", "status", "usage", "--format", "json").out)["projections"][0]
    assert done.code == 130
    assert "Traceback" not in done.out
    assert (status["global_position"], status["owners"]) == (7, [])


def test_what_is_no_projection_is_refused(turnlog: Any, talk: str) -> None:
    (turnlog.folder / "own.py").write_text("class Thing: pass")

    for name in ("nothing", "own:Missing", "nowhere:Thing", "own:Thing"):
        done = turnlog("projections", "run", name, "--once")
        assert done.code == 2
        assert "Invalid value for NAME: the projection " in done.err
