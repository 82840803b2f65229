"""Commands that end, hide, rename or erase: sessions deleted and archived, content redacted, unused sessions swept."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from turnlog import Session, open_store


def opened(turnlog: Any, session: str) -> Session:
    return Session.open(session, store=open_store(f"sqlite:///{turnlog.folder}/turnlog.db"))


def test_a_session_is_renamed(turnlog: Any, talk: str) -> None:
    done = turnlog("rename", "support", "Ada's teapot", "--actor", "bob")

    assert (done.code, done.out) == (0, 'session 5e55-talk is now named "Ada\'s teapot"\n')
    session = opened(turnlog, talk)
    assert (session.name, next(session.events(after=7)).actor) == ("Ada's teapot", "bob")
    assert turnlog("rename", talk, "").code == 2
    assert opened(turnlog, talk).position == 8


def test_an_archived_session_is_read_only_until_it_is_restored(turnlog: Any, talk: str) -> None:
    archived = turnlog("archive", talk, "--reason", "settled")
    rejected = turnlog("add", talk, "more")
    restored = turnlog("restore", talk, "--format", "json")

    assert (archived.code, archived.out) == (0, "session support is archived\n")
    assert rejected.code == 1
    assert turnlog("show", talk).code == 0
    assert json.loads(restored.out) == {"session": talk, "position": 9, "name": "support", "status": "active"}
    assert turnlog("restore", talk).code == 0
    assert [event.name for event in opened(turnlog, talk).events(after=7)] == ["session.archived", "session.restored"]


def test_a_session_is_deleted_after_confirmation_only(turnlog: Any, talk: str) -> None:
    unconfirmed = turnlog("delete", talk)
    terminal = turnlog.in_terminal("delete", talk)
    terminal.until("Delete session support with 4 messages? [y/N]: ")
    terminal.strike(b"n\n")
    assert (unconfirmed.code, terminal.end().code) == (2, 1)
    assert "--yes" in unconfirmed.err
    assert opened(turnlog, talk).position == 7

    confirmed = turnlog.in_terminal("delete", talk, "--reason", "asked for")
    confirmed.until("[y/N]: ")
    confirmed.strike(b"y\n")
    done = confirmed.end()
    assert (done.code, done.lines[-1]) == (0, "session support is deleted")
    assert json.loads(turnlog("list", "--format", "json").out)["sessions"] == []
    assert len(json.loads(turnlog("list", "--status", "deleted", "--format", "json").out)["sessions"]) == 1


def test_a_session_with_forks_is_not_deleted(turnlog: Any, talk: str) -> None:
    fork = turnlog("fork", talk, "--new-session").out.strip()
    rejected = turnlog("delete", talk, "--yes")

    assert rejected.code == 1
    assert turnlog("delete", fork, "--yes").code == 0
    assert turnlog("delete", talk, "--yes").code == 0


def test_content_is_redacted_for_good(turnlog: Any, talk: str) -> None:
    unconfirmed, missing = turnlog("redact", talk, "4"), turnlog("redact", talk, "99", "--yes")
    assert (unconfirmed.code, missing.code) == (2, 1)
    assert opened(turnlog, talk).position == 7

    done = turnlog("redact", talk, "4", "--yes", "--reason", "personal data", "--format", "json")
    again = turnlog("redact", talk, "4", "--yes")
    vacuumed = turnlog("vacuum")

    assert json.loads(done.out) == {"session": talk, "redacted": 4, "position": 8}
    assert again.out == "position 4 is redacted, by position 8\n"
    assert "Explain event sourcing" not in turnlog("show", talk).out
    assert (vacuumed.code, vacuumed.out) == (0, f"sqlite:///{turnlog.folder}/turnlog.db is vacuumed\n")
    assert all(b"Explain event" not in path.read_bytes() for path in Path(turnlog.folder).glob("turnlog.db*"))
    assert turnlog("verify").code == 0


def test_a_redacted_message_is_displayed_as_such(turnlog: Any, talk: str) -> None:
    turnlog("add", talk, "")
    turnlog("redact", talk, "4", "--yes", "--reason", "personal data")

    shown, logged, compared = turnlog("show", talk), turnlog("log", talk), turnlog("diff", talk, "main@7", "main")
    assert re.search(r"  \[redacted\] 20\d\d-\S+ \S+Z by grace: personal data\n", shown.out)
    assert shown.out.endswith("  (no text)\n")
    assert (
        logged.lines[3].endswith("message.appended main by grace: user: [redacted]") or "[redacted]" in logged.lines[3]
    )
    assert logged.lines[8].endswith("by grace: message 4, reason personal data")
    assert "[redacted] 20" in compared.out
    documents = json.loads(turnlog("show", talk, "--format", "json").out)["messages"]
    assert [document["redacted"] for document in documents] == [False, True, False, False]
    events = json.loads(turnlog("log", talk, "--format", "json").out)
    assert [event["position"] for event in events if event["redacted"]] == [4]


def test_redacting_a_name_says_which_name_is_lost(turnlog: Any, talk: str) -> None:
    session, branch = turnlog("redact", talk, "1", "--yes"), turnlog("redact", talk, "2", "--yes")
    message = turnlog("redact", talk, "4", "--yes")

    assert session.out == "position 1 is redacted, by position 8; the name that it gave the session is erased too\n"
    assert branch.out == "position 2 is redacted, by position 9; the name that it gave the branch becomes redacted-0\n"
    assert message.out == "position 4 is redacted, by position 10\n"
    assert (opened(turnlog, talk).name, opened(turnlog, talk).branches.keys()) == (None, ["redacted-0", "retry"])


def test_an_export_says_how_many_branches_it_leaves_out(turnlog: Any, talk: str) -> None:
    partial, whole = turnlog("export", "talk.md"), turnlog("export", "talk.jsonl")

    assert partial.err == (
        "(1 branch not exported: markdown has default branches only; --format record or parquet has all)\n"
    )
    assert whole.err == ""


def test_a_reset_is_undone(turnlog: Any, talk: str) -> None:
    turnlog("reset", talk, "4")
    done = turnlog("undo", talk)

    assert (done.code, done.out) == (0, "branch main has 3 messages\n")
    assert [message.position for message in opened(turnlog, talk).messages] == [3, 4, 5]
    assert turnlog("undo", talk).code == 1


def test_unused_sessions_are_swept(turnlog: Any, talk: str) -> None:
    kept = turnlog("sweep", "--unused", "1d")
    fork = turnlog("fork", talk, "--new-session").out.strip()
    swept = turnlog("sweep", "--unused", "0s", "--format", "json")

    assert (kept.code, kept.out) == (0, "0 sessions deleted\n")
    assert set(json.loads(swept.out)["deleted"]) == {talk, fork}
    assert turnlog("sweep").code == 2
    assert turnlog("sweep", "--unused", "soon").code == 2


def test_messages_are_exported_as_parquet(turnlog: Any, talk: str) -> None:
    turnlog("new", "--key", "other", "--system", "Be kind.")
    done = turnlog("export", "all.parquet")
    one = turnlog("export", "one.parquet", talk)
    (turnlog.folder / "piped").write_bytes(turnlog("export", "-", "--format", "parquet").raw)

    assert (done.code, done.out) == (0, "5 messages written to all.parquet\n")
    assert one.out == "4 messages written to one.parquet\n"
    table = pq.read_table(turnlog.folder / "all.parquet")
    assert table.equals(pq.read_table(turnlog.folder / "piped"))
    assert set(table["text" if "text" in table.column_names else "content"].to_pylist()) >= {
        "You are terse.",
        "Be kind.",
    }
    assert turnlog("export", "one.parquet").code == 1
    assert pq.read_table(turnlog.folder / "one.parquet").num_rows == 4
