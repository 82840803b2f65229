"""What the commands that change put on the record, and by whom."""

from __future__ import annotations

import json
from typing import Any

import pytest

from turnlog import Session, open_store


def opened(turnlog: Any, session: str) -> Session:
    return Session.open(session, store=open_store(f"sqlite:///{turnlog.folder}/turnlog.db"))


def test_a_store_is_made_a_session_started_and_a_message_added(turnlog: Any) -> None:
    made, again = turnlog("init"), turnlog("init", "--format", "json")
    started = turnlog("new", "--key", "talk", "--system", "Be nice.", "--metadata", "n=1", "--metadata", "s=x")
    added = turnlog("add", "talk", "Hello", "--sender", "ada", "--recipient", "bob", "--metadata", "m=[1]")

    assert made.out == f"sqlite:///{turnlog.folder}/turnlog.db is created\n"
    assert json.loads(again.out) == {
        "store": f"sqlite:///{turnlog.folder}/turnlog.db",
        "schema": json.loads(again.out)["schema"],
        "created": False,
    }
    session = opened(turnlog, started.out.strip())
    assert added.out == f"position 4 of session {session.id}\n"
    assert (session.key, session.metadata) == ("talk", {"n": 1, "s": "x"})
    (system, message) = session.messages
    assert (system.text, message.text, message.role) == ("Be nice.", "Hello", "user")
    assert (message.sender, message.recipient, message.metadata) == ("ada", "bob", {"m": [1]})


def test_a_path_is_a_store(turnlog: Any) -> None:
    assert turnlog("--store", "b.db", "init").out == f"sqlite:///{turnlog.folder}/b.db is created\n"
    turnlog("new", "--key", "k", "--store", "./b.db")
    listed = turnlog("list", "--format", "json", env={"TURNLOG_STORE": f"{turnlog.folder}/b.db"})

    assert [each["key"] for each in json.loads(listed.out)["sessions"]] == ["k"]
    assert sorted(path.name for path in turnlog.folder.glob("*.db")) == ["b.db"]
    misspelt = turnlog("--store", "sqllite:///b.db", "list")
    assert misspelt.code == 2
    assert "did you mean 'sqlite:///'?" in misspelt.err


def test_every_change_has_the_login_name_as_its_actor_or_the_one_that_is_named(turnlog: Any) -> None:
    turnlog("init")
    turnlog("new", "--key", "talk")
    turnlog("add", "talk", "one")
    turnlog("add", "talk", "two", "--actor", "ada")
    turnlog("--actor=bob", "fork", "talk")

    session = opened(turnlog, json.loads(turnlog("list", "--format", "json").out)["sessions"][0]["session"])
    assert [event.actor for event in session.events()] == ["grace", "grace", "grace", "ada", "bob"]


def test_text_comes_from_standard_input_if_none_is_given(turnlog: Any, talk: str) -> None:
    turnlog("add", talk, input="piped\n")
    turnlog("add", talk, "-", "--role", "assistant", input="two\nlines")
    refused = turnlog("add", talk, input=b"a\xff")

    last = opened(turnlog, talk).messages.last(2)
    assert [(message.role, message.text) for message in last] == [("user", "piped"), ("assistant", "two\nlines")]
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("turnlog: standard input is not UTF-8 at byte 1: expected text in UTF-8\n  next: ")


@pytest.mark.parametrize("given", ["", "\n"])
@pytest.mark.parametrize("arguments", [(), ("-",), ("--role", "assistant", "--command-id", "c")])
def test_an_empty_standard_input_is_an_error(turnlog: Any, given: str, arguments: tuple[str, ...]) -> None:
    turnlog("init")
    turnlog("new", "--key", "k")
    before = opened(turnlog, json.loads(turnlog("list", "--format", "json").out)["sessions"][0]["session"]).position
    done = turnlog("add", "k", *arguments, input=given)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("turnlog: standard input is empty: expected the text; give an empty one as ''\n  next: ")
    session = opened(turnlog, json.loads(turnlog("list", "--format", "json").out)["sessions"][0]["session"])
    assert session.position == before


def test_in_a_terminal_a_missing_text_is_refused_and_not_waited_for(turnlog: Any, talk: str) -> None:
    done = turnlog.in_terminal("add", talk).end()

    assert done.code == 2
    assert "Invalid value for TEXT: is missing" in done.out


def test_the_same_command_id_writes_once(turnlog: Any, talk: str) -> None:
    first = turnlog("add", talk, "Hello", "--command-id", "c1", "--format", "json")
    again = turnlog("add", talk, "Hello", "--command-id", "c1", "--format", "json")

    assert json.loads(first.out) == json.loads(again.out)
    assert opened(turnlog, talk).position == 8


def test_branches_are_forked_merged_and_rewound(turnlog: Any, talk: str) -> None:
    forked = turnlog("fork", talk, "--branch", "retry", "--at", "7", "--name", "third")
    merged = turnlog("merge", talk, "retry", "--format", "json")
    rewound = turnlog("reset", talk, "4")
    other = turnlog("fork", talk, "--new-session", "--at", "5", "--name", "other")

    assert forked.out == "branch third is forked at 7\n"
    assert json.loads(merged.out) == {
        "session": talk,
        "position": 9,
        "branch": "main",
        "number": 0,
        "forked_at": None,
        "messages": 4,
    }
    assert rewound.out == "branch main has 2 messages\n"
    session = opened(turnlog, other.out.strip())
    assert (session.name, session.lineage(), len(session.messages)) == ("other", [(talk, 5)], 3)


def test_a_refusal_is_one_sentence_and_a_next_step_and_writes_nothing(turnlog: Any, talk: str) -> None:
    refusals = {
        ("add", "nobody", "x"): "session 'nobody' does not exist",
        (
            "add",
            talk,
            "x",
            "-b",
            "no",
        ): "branch 'no' does not exist in session 5e55-talk; expected one of 'main', 'retry'",
        ("fork", talk, "--at", "99"): "position 99 does not exist in session 5e55-talk; expected one from 1 to 7",
        ("reset", talk, "0"): "position 0 does not exist in session 5e55-talk",
        ("merge", talk, "main"): "branch 'main' cannot be used in session 5e55-talk",
    }
    for arguments, sentence in refusals.items():
        done = turnlog(*arguments)
        said, step = done.err.splitlines()
        assert (done.code, done.out) == (1, ""), arguments
        assert said.startswith("turnlog: ")
        assert sentence in said
        assert step.startswith("  next: ")
    assert opened(turnlog, talk).position == 7


def test_a_position_that_is_no_number_says_where_positions_are(turnlog: Any, talk: str) -> None:
    refused = turnlog("redact", talk, "m3")

    assert (refused.code, refused.out) == (2, "")
    assert "'m3' is not a position; see `turnlog log SESSION`" in " ".join(refused.err.split())


def test_importing_an_existing_session_names_the_two_ways_out(turnlog: Any, talk: str) -> None:
    turnlog("export", "talk.json", talk)

    refused = turnlog("import", "talk.json")

    assert (refused.code, refused.out) == (1, "")
    assert "next: replace the session with --replace, or import it as a new one with --name NAME" in refused.err
    assert turnlog("import", "talk.json", "--name", "copy").code == 0
