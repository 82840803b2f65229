"""What looks after a store: verify, files, copies, backup, migrate, doctor; and the bars of long work."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from turnlog import open_store

OWN = """
from turnlog import Projection
from turnlog.projections.table_schema import INTEGER, TEXT, Table

class Starts(Projection):
    name = "starts"
    names = ("session.started",)
    tables = (Table("starts", {"session": TEXT, "position": INTEGER}, key=("session",)),)

    def apply(self, batch, rows):
        for event in batch:
            rows["starts"].put({"session": event.session, "position": event.position})
"""


def forge(path: Path) -> None:
    """Changes a word in a file behind its back."""
    with closing(sqlite3.connect(path)) as database:
        triggers = database.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE events SET payload = replace(payload, 'facts', 'fakes')")
        for _, statement in triggers:
            database.execute(statement)
        database.commit()


def execute(path: Path, statement: str) -> None:
    """What another program does to a file."""
    with closing(sqlite3.connect(path)) as database:
        database.execute(statement)
        database.commit()


def test_verify_says_whether_the_record_is_as_it_was_and_ends_accordingly(turnlog: Any, talk: str) -> None:
    good = turnlog("verify")
    one = json.loads(turnlog("verify", "talk", "--format", "json").out)
    forge(turnlog.folder / "turnlog.db")
    bad = turnlog("verify")

    assert (good.code, good.out) == (0, "as it was recorded: 1 session, 7 events\n")
    assert one == {"ok": True, "sessions": 1, "events": 7, "faults": []}
    assert bad.code == 3
    assert bad.lines == [
        "not as it was recorded: 1 session, 4 events",
        "session 5e55-talk at position 5: its digest does not fit its content and what came before",
    ]


def test_verify_compares_the_rows_of_projections_on_request(turnlog: Any, talk: str) -> None:
    turnlog("projections", "run", "transcript", "--once")
    (turnlog.folder / "own.py").write_text(OWN, "utf-8")
    turnlog("projections", "run", "own:Starts", "--once")
    execute(turnlog.folder / "turnlog.db", "UPDATE projection_transcript__transcript__v1 SET text = 'x'")
    plain = turnlog("verify")
    compared = turnlog("verify", "--projections")
    own = turnlog("verify", "--projection", "own:Starts")
    as_json = json.loads(turnlog("verify", "--projections", "--format", "json").out)

    assert (plain.code, plain.out) == (0, "as it was recorded: 1 session, 7 events\n")
    assert (compared.code, own.code) == (3, 3)
    differs = "the store: the projection 'transcript' in version 1 differs from the events: the row"
    assert compared.lines[1].startswith(f"{differs} ('{talk}', ")
    assert compared.lines[-1] == "not checked: the projection 'starts' in version 1: pass it to have its rows checked"
    assert not any("'starts'" in line for line in own.lines)
    assert as_json["unchecked"] == [compared.lines[-1].removeprefix("not checked: ")]


def test_verify_and_doctor_report_the_same_of_the_store(turnlog: Any, talk: str) -> None:
    execute(turnlog.folder / "turnlog.db", "DROP TRIGGER events_are_not_changed")
    verified = json.loads(turnlog("verify", "--format", "json").out)
    examined = json.loads(turnlog("doctor", "--format", "json").out)
    shown = turnlog("doctor")

    reason = "the trigger events_are_not_changed is missing from the schema"
    assert verified["faults"] == [{"session": None, "position": None, "reason": reason}]
    assert examined["store"]["verification"] == verified
    assert examined["ok"] is False
    assert f"        reason: {reason}" in shown.lines
    assert shown.code == 3


def test_long_work_shows_how_far_it_is_in_a_terminal_and_nowhere_else(turnlog: Any, fill: Any) -> None:
    fill(3000)
    shown = turnlog.in_terminal("verify", size=(120, 30))
    done = shown.end()
    quiet = turnlog.in_terminal("verify", "--quiet")
    quiet.end()

    assert done.code == 0
    assert "3002/3002" in done.out
    assert "events/s" in done.out
    assert "3002/3002" not in quiet.text
    assert turnlog("verify").err == ""


def test_the_exact_record_goes_through_a_file_and_is_the_same(turnlog: Any, talk: str) -> None:
    exported = turnlog("export", "all.jsonl")
    taken = turnlog("--store", "sqlite:///other.db", "import", "all.jsonl")
    again = json.loads(turnlog("--store", "sqlite:///other.db", "import", "all.jsonl", "--format", "json").out)
    turnlog("--store", "sqlite:///other.db", "export", "again.jsonl", "talk")

    assert exported.out == "7 events written to all.jsonl\n"
    assert taken.out == "7 events of 1 session imported; 0 unchanged\n"
    assert again == {"sessions": [], "events": 0, "unchanged": [talk]}
    assert (turnlog.folder / "all.jsonl").read_bytes() == (turnlog.folder / "again.jsonl").read_bytes()


def test_a_damaged_file_and_a_missing_one_are_refused(turnlog: Any, talk: str) -> None:
    turnlog("export", "all.jsonl")
    file = turnlog.folder / "all.jsonl"
    file.write_bytes(file.read_bytes().replace(b"facts", b"fakes"))
    damaged = turnlog("--store", "sqlite:///other.db", "import", "all.jsonl")
    missing = turnlog("import", "nothing.jsonl")
    unwritable = turnlog("export", "nowhere/all.jsonl")

    assert (damaged.code, missing.code, unwritable.code) == (1, 1, 1)
    assert damaged.err.startswith("turnlog: line 6 is not valid: its digest does not fit")
    assert missing.err.startswith("turnlog: the file nothing.jsonl cannot be read: No such file or directory\n")
    assert unwritable.err.startswith("turnlog: the file nowhere/all.jsonl cannot be written: No such file")


def test_other_forms_are_written_and_a_json_document_is_read_back(turnlog: Any, talk: str) -> None:
    markdown = turnlog("export", "talk.md", "talk")
    turnlog("export", "talk.json", "talk")
    turnlog("export", "lines.jsonl", "--format", "openai")
    taken = turnlog("--store", "sqlite:///other.db", "import", "talk.json", "--name", "anew")

    assert markdown.out == "1 session written to talk.md\n"
    assert "Keep facts, derive state." in (turnlog.folder / "talk.md").read_text()
    assert '"messages"' in (turnlog.folder / "lines.jsonl").read_text()
    assert taken.out == "1 session imported\n"
    assert "Keep facts" in turnlog("--store", "sqlite:///other.db", "show", "anew").out
    unknown = turnlog("export", "talk.doc")
    assert "expected one of record, json, markdown, html, openai, sharegpt" in unknown.err


def test_a_store_is_copied_into_an_empty_one_only(turnlog: Any, talk: str) -> None:
    copied, again = turnlog("copy", "sqlite:///copy.db"), turnlog("copy", "sqlite:///copy.db")

    assert copied.out == f"7 events copied to sqlite:///{turnlog.folder}/copy.db\n"
    assert (again.code, again.out) == (1, "")
    assert "is not empty; copy into an empty store\n" in again.err
    with open_store(f"sqlite:///{turnlog.folder}/copy.db") as store:
        assert store.verify().ok


def test_a_backup_is_a_store(turnlog: Any, talk: str) -> None:
    assert turnlog("backup", "backup.db").out == "written to backup.db\n"
    assert turnlog("backup", "backup.db").code == 1
    assert turnlog("--store", "sqlite:///backup.db", "show", talk).out == turnlog("show", talk).out


def test_a_store_of_a_newer_version_is_refused_and_one_of_today_left_alone(turnlog: Any, talk: str) -> None:
    migrated = turnlog("migrate")
    with closing(sqlite3.connect(turnlog.folder / "turnlog.db")) as database:
        (schema,) = database.execute("PRAGMA user_version").fetchone()
        database.execute("PRAGMA user_version = 9999")
    newer, shown = turnlog("migrate"), turnlog("show", talk)

    assert migrated.out == f"sqlite:///{turnlog.folder}/turnlog.db has schema {schema} already\n"
    assert (newer.code, shown.code) == (3, 3)
    assert "has schema 9999" in shown.err
    assert shown.err.endswith("  next: see `turnlog doctor`\n")


def test_what_is_no_store_of_ours_is_refused(turnlog: Any) -> None:
    (turnlog.folder / "text.db").write_text("no database at all, but a text that is long enough to be looked at " * 20)
    with closing(sqlite3.connect(turnlog.folder / "foreign.db")) as database:
        database.execute("CREATE TABLE theirs (a)")
    (turnlog.folder / "folder.db").mkdir()

    text = turnlog("--store", "sqlite:///text.db", "list")
    foreign = turnlog("--store", "sqlite:///foreign.db", "list")
    folder = turnlog("--store", "sqlite:///folder.db", "list")
    nonsense = turnlog("--store", "mysql://ada:secret@host/x", "list")
    assert (text.code, foreign.code, folder.code, nonsense.code) == (3, 3, 3, 2)
    assert "file is not a database" in text.err
    assert "the tables of another program" in foreign.err
    assert "it is a directory; pass a file in it" in folder.err
    assert "secret" not in nonsense.err
    assert "'mysql://...' is not understood" in nonsense.err


def test_a_file_that_may_not_be_written_can_be_read(turnlog: Any, talk: str) -> None:
    shutil.move(turnlog.folder / "turnlog.db", turnlog.folder / "kept.db")
    with closing(sqlite3.connect(turnlog.folder / "kept.db")) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    (turnlog.folder / "kept.db").chmod(0o444)

    assert "Keep facts" in turnlog("--store", "sqlite:///kept.db", "show", talk).out


def test_the_doctor_tells_what_is_there_and_what_is_wrong(turnlog: Any, talk: str) -> None:
    turnlog("projections", "run", "usage", "--once")
    well = json.loads(turnlog("doctor", "--format", "json").out)
    text = turnlog("doctor")
    forge(turnlog.folder / "turnlog.db")
    ill = turnlog("doctor")
    absent = turnlog("doctor", "--store", "sqlite:///absent.db", "--format", "json")

    store = well["store"]
    assert (well["ok"], store["problem"], store["durability"]) == (True, None, "full")
    assert (store["sessions"], store["messages"], store["events"]) == (1, 4, 7)
    assert store["verification"] == {"ok": True, "sessions": 1, "events": 7, "faults": []}
    assert [(each["projection"], each["lag"], each["parked"]) for each in store["projections"]] == [("usage", 0, 0)]
    assert set(well["extras"]) == {"cli", "frames", "logs", "models", "redis", "tokens"}
    assert well["versions"]["turnlog"] is not None
    assert "  durability: full" in text.lines
    assert (text.code, ill.code, absent.code) == (0, 3, 3)
    assert "        position: 5" in ill.lines
    assert "there is no store at" in json.loads(absent.out)["store"]["problem"]


def test_a_locked_database_is_read_all_the_same(turnlog: Any, talk: str) -> None:
    with closing(sqlite3.connect(turnlog.folder / "turnlog.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = turnlog("show", talk)
        other.execute("ROLLBACK")

    assert done.code == 0
    assert "Keep facts" in done.out
