"""Branches are shown by their names, in sessions and in forks of sessions; their ids and numbers are for programs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from turnlog import Session, open_store

USED = {
    "role": "assistant",
    "content": "42.00 EUR",
    "model": "gpt-4o",
    "usage": {"input_tokens": 5, "output_tokens": 6},
}


@pytest.fixture
def ids(turnlog: Any) -> list[str]:
    """The ids of the branches of a session, which wrote mail to each other; a fork of a fork of it goes on."""
    with open_store(f"sqlite:///{turnlog.folder}/turnlog.db") as store:
        session = Session(session_id="root", default_branch=None, store=store)
        desk, billing = session.create_branch("desk"), session.create_branch("billing")
        desk.add("May I have my money back?")
        desk.mail.send(billing, "What do we owe?", category="message")
        session.mail.route(receive=True)
        billing.add(USED)
        again = billing.fork(name="again")
        again.add(USED)
        session.merge(again, into=billing)
        fork = session.fork_session(session_id="child").fork_session(session_id="grandchild")
        fork.branches["billing"].mail.send("desk", "We owe 42.00 EUR.", category="message")
        fork.mail.route(receive=True)
        fork.branches["desk"].add(USED)
        fork.branches["desk"].fork(name="kind").add(USED)
        other = Session(session_id="other", default_branch=None, store=store)
        other.create_branch("inbox").add(USED)
        other.create_branch("desk").add(USED)
        return [branch.id for branch in (*fork.branches, *other.branches)]


READING = [
    ("show", "root", "--branch", "billing"),
    ("show", "grandchild", "--branch", "desk"),
    ("log", "root"),
    ("log", "grandchild"),
    ("show", "grandchild", "--at", "2"),
    ("branches", "root"),
    ("branches", "grandchild"),
    ("diff", "grandchild", "desk", "billing"),
    ("bisect", "grandchild", "--contains", "We owe"),
    ("search", "owe"),
    ("search", "owe", "--session", "grandchild"),
    ("search", "owe", "--session", "root", "--branch", "billing"),
    ("stats", "--by", "branch"),
    ("stats", "grandchild", "--by", "branch"),
    ("export", "-", "root", "--format", "markdown"),
]


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_no_id_or_number_of_a_branch_is_shown(turnlog: Any, ids: list[str], arguments: tuple[str, ...]) -> None:
    done = turnlog(*arguments)

    assert done.code == 0, done.err
    assert done.out
    assert not [each for each in (*ids, *(each[:8] for each in ids), "#0", "#1", "#2", "#3") if each in done.out]
    assert not [text for text in ("parent 0", "parent 1", "source 1", "source 2") if text in done.out]


def test_mail_shows_the_names_of_its_branches(turnlog: Any, ids: list[str]) -> None:
    assert "user desk to billing  [" in turnlog("show", "root", "--branch", "billing").out
    assert "user billing to desk  [" in turnlog("show", "grandchild", "--branch", "desk").out
    assert "user billing to desk  [" in turnlog("search", "We owe", "--session", "grandchild").out
    assert "sender desk, recipient billing" in turnlog("log", "root").out
    assert "branch.created again: name again, parent billing" in turnlog("log", "root").out
    assert "branch.merged billing: source again" in turnlog("log", "root").out
    assert "branch.created kind: name kind, parent desk" in turnlog("log", "grandchild").out


def test_a_name_is_that_of_the_moment_that_is_shown(turnlog: Any, ids: list[str]) -> None:
    with open_store(f"sqlite:///{turnlog.folder}/turnlog.db") as store:
        session = Session.open("root", store=store)
        position = session.position
        session.branches["desk"].rename("front")
        session.remove_branch("again")

    assert "user front to billing  [" in turnlog("show", "root", "--branch", "billing").out
    assert "user desk to billing  [" in turnlog("show", "root", "--branch", "billing", "--at", str(position)).out
    assert "message.appended again: assistant" in turnlog("log", "root").out


def test_following_a_store_shows_names(turnlog: Any, ids: list[str]) -> None:
    process = turnlog.started("tail", "--last", "4")
    lines = [process.stdout.readline() for _ in range(4)]
    with open_store(f"sqlite:///{turnlog.folder}/turnlog.db") as store:
        Session.open("grandchild", store=store).create_branch("new").add("hello")
    lines += [process.stdout.readline() for _ in range(2)]

    found = [line.partition("Z  ")[2].split(":")[0].strip() for line in lines]
    assert found == [
        "branch.created inbox",
        "message.appended inbox",
        "branch.created desk",
        "message.appended desk",
        "branch.created new",
        "message.appended new",
    ]


def test_usage_is_summed_by_the_names_of_branches(turnlog: Any, ids: list[str]) -> None:
    def calls(*arguments: str) -> dict[str, int]:
        usage = json.loads(turnlog("stats", *arguments, "--by", "branch", "--format", "json").out)["usage"]
        return {each["branch"]: each["calls"] for each in usage}

    assert calls() == {"billing": 1, "again": 1, "desk": 2, "kind": 1, "inbox": 1}
    assert calls("grandchild") == {"desk": 1, "kind": 1}
    assert calls("root") == {"billing": 1, "again": 1}


def test_json_has_the_name_and_the_number(turnlog: Any, ids: list[str]) -> None:
    message = json.loads(turnlog("show", "grandchild", "--branch", "desk", "--format", "jsonl").lines[-1])
    event = json.loads(turnlog("log", "grandchild", "--format", "jsonl").lines[-1])
    found = json.loads(turnlog("search", "We owe", "--session", "grandchild", "--format", "jsonl").lines[0])

    assert (message["branch"], message["branch_number"]) == ("desk", 0)
    assert (event["branch"], event["branch_number"]) == ("kind", 3)
    assert (found["branches"], found["branch"]) == (["desk", "kind"], "desk")
    assert (found["sender"], found["recipient"]) == (ids[1], ids[0])


def test_frames_and_search_of_a_fork_have_names(turnlog: Any, ids: list[str]) -> None:
    with open_store(f"sqlite:///{turnlog.folder}/turnlog.db") as store:
        fork = Session.open("grandchild", store=store)
        assert {name for found in fork.search("owe") for name in found.branches} == {"desk", "billing", "again", "kind"}
        assert set(fork.to_arrow()["branch"].to_pylist()) == {"desk", "billing", "again", "kind"}
        assert set(store.frames.messages().to_arrow()["branch"].to_pylist()) >= {"desk", "kind", "inbox"}
        assert set(store.frames.usage().to_arrow()["branch"].to_pylist()) == {
            "billing",
            "again",
            "desk",
            "kind",
            "inbox",
        }
