"""The program that the design promises, and that another process reads the same, however the first one ended."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime
from inspect import getsource
from typing import TYPE_CHECKING

import pytest

from turnlog import Branch, Message, Session, SessionView, Store, acting, open_store
from turnlog.content import MessageRole, Origin
from turnlog.errors import SessionNotFoundError

if TYPE_CHECKING:
    from tests.acceptance.conftest import Elsewhere


def tell(store: Store) -> Session:
    """A session with something of everything, at the session id `told`."""
    session = Session("You are terse.", name="support", user="ada", metadata={"team": "red"}, session_id="told")
    main = session.default_branch
    with acting(actor="ada", correlation_id="run-1"):
        question = main.add("Explain event sourcing", sender="ada", recipient="bot", metadata={"n": 1})
        main.add({"assistant_response": "Keep facts, derive state."}, sender="bot")
    retry = session.fork(main, at=question, name="retry")
    retry.add_many([{"function": "search", "arguments": {"q": "events"}}, {"result": [1, None]}, {"error": ""}])
    deep = retry.fork(at=session.position - 1)
    deep.set_system({"system_message": "You are verbose."})
    main.rewind(to=question)
    session.merge(retry, into=main, strategy="interleave")
    retry.retract(question)
    deep.share([main.messages[-1], question, session.create_branch("aside").add("By the way")])
    deep.reorder(list(deep.messages)[:0:-1])
    session.set_state("step", {"done": True})
    session.create_branch("gone").add("never mind")
    session.remove_branch("gone")
    session.rename("help")
    main.truncate(2)
    retry.clear()
    return session


def seen(view: SessionView) -> dict[str, object]:
    """All that a session shows at a position."""
    return {
        "session": [view.id, view.position, view.status, view.name, view.user, view.metadata, view.state],
        "times": [view.created_at.isoformat(), view.updated_at.isoformat()],
        "branches": {
            branch.name: [
                [branch.id, branch.number, branch.parent, branch.forked_at, branch.system and branch.system.text],
                [
                    [
                        one.id,
                        one.role,
                        one.text,
                        one.sender,
                        one.recipient,
                        one.metadata,
                        str(one.created_at),
                        one.origin,
                    ]
                    for one in branch.messages
                ],
            ]
            for branch in view.branches
        },
    }


TELL = f"""
import os, sys, json
from turnlog import *
{getsource(tell)}
{getsource(seen)}
session = tell(None)
views = [seen(session.at(position)) for position in range(1, session.position + 1)]
print(json.dumps([views, seen(session), [str(event) for event in session.events()]]), flush=True)
"""


def as_read(address: str) -> list[object]:
    """What this process reads of what another has told."""
    with open_store(address) as store:
        session = Session.open("told", store=store)
        views = [seen(session.at(position)) for position in range(1, session.position + 1)]
        answer: list[object] = json.loads(
            json.dumps([views, seen(session), [str(event) for event in session.events()]])
        )
        assert store.verify().ok
    return answer


def test_the_program_of_the_design_runs(store: Store) -> None:
    session = Session("You are terse.", name="support", user="ada", store=store)
    main = session.default_branch
    question = main.add("Explain event sourcing")
    main.add({"assistant_response": "Keep facts, derive state."})
    p = session.position
    retry = session.fork(main, at=p - 1, name="retry")
    retry.add({"assistant_response": "Never update, only append."})
    past = session.at(p)
    session.merge(retry, into=main)

    assert (session.name, session.user, session.status, p) == ("support", "ada", "active", 5)
    assert (main.name, type(main), type(question), type(past)) == ("main", Branch, Message, SessionView)
    assert (question.text, question.role, question.role == "user") == ("Explain event sourcing", MessageRole.USER, True)
    assert [(message.role, message.text) for message in retry.messages] == [
        ("system", "You are terse."),
        ("user", "Explain event sourcing"),
        ("assistant", "Never update, only append."),
    ]
    assert [message.text for message in main.messages] == [
        "You are terse.",
        "Explain event sourcing",
        "Keep facts, derive state.",
        "Never update, only append.",
    ]
    assert [message.origin for message in main.messages][1:] == [Origin.AUTHORED, Origin.AUTHORED, Origin.MERGED]
    assert past.branches.keys() == ["main"]
    assert [message.text for message in past.messages] == [
        "You are terse.",
        "Explain event sourcing",
        "Keep facts, derive state.",
    ]
    assert [recorded.name for recorded in session.events()] == [
        "session.started",
        "branch.created",
        "branch.system_set",
        "message.appended",
        "message.appended",
        "branch.created",
        "message.appended",
        "branch.merged",
    ]


@pytest.mark.parametrize("ending", ["", "os._exit(9)", "os.kill(os.getpid(), 9)", "raise SystemExit(9)"])
def test_what_a_process_wrote_reads_the_same_however_it_ended(elsewhere: Elsewhere, address: str, ending: str) -> None:
    said = elsewhere.run(
        TELL + ending,
        TURNLOG_STORE=address,
        ends_with={"": 0, "os.kill(os.getpid(), 9)": -signal.SIGKILL}.get(ending, 9),
    )

    assert as_read(address) == json.loads(said)


def test_what_a_process_wrote_is_there_while_it_still_runs_and_after_it_was_killed(
    elsewhere: Elsewhere, address: str
) -> None:
    process = elsewhere.start(TELL + "sys.stdin.read()", TURNLOG_STORE=address)
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())

    assert as_read(address) == said
    process.kill()
    process.wait()
    assert as_read(address) == said


def test_the_story_has_something_of_everything(elsewhere: Elsewhere, address: str) -> None:
    elsewhere.run(TELL, TURNLOG_STORE=address)

    with open_store(address) as store:
        names = {recorded.name for recorded in Session.open("told", store=store).events()}
    assert names == {
        *("session.started", "session.renamed", "session.state_set"),
        *("branch.created", "branch.system_set", "branch.rewound", "branch.merged", "branch.messages_shared"),
        *("branch.reordered", "branch.removed", "branch.truncated", "branch.cleared"),
        *("message.appended", "message.retracted"),
    }


def test_a_session_goes_on_in_another_process(elsewhere: Elsewhere, address: str, store: Store) -> None:
    session = Session(store=store)
    main = session.default_branch
    main.add("from here")
    program = """
import sys
from turnlog import Session, open_store
with open_store(sys.argv[1]) as store:
    main = Session.open(sys.argv[2], store=store).default_branch
    for line in sys.stdin:
        print(main.add(line.strip()).position, [message.text for message in main.messages], flush=True)
"""
    process = elsewhere.start(program, address, session.id)
    assert process.stdin is not None
    assert process.stdout is not None
    heard = []
    for word in ("one", "two"):
        process.stdin.write(f"{word}\n")
        process.stdin.flush()
        heard.append(process.stdout.readline().strip())
        assert [message.text for message in main.messages][-1] == word
        main.add(f"after {word}")

    assert heard == ["4 ['from here', 'one']", "6 ['from here', 'one', 'after one', 'two']"]
    assert session.position == 7
    assert store.verify().ok


def test_two_handles_of_one_session_see_what_the_other_does(store: Store) -> None:
    one = Session("You are terse.", store=store)
    two = Session.open(one.id, store=store)
    one.default_branch.add("first")
    retry = two.fork(name="retry")
    two.default_branch.add("second")
    one.rename("help")
    one.branches["retry"].rename("again")

    assert [message.text for message in one.messages] == ["You are terse.", "first", "second"]
    assert (two.position, two.name, retry.name) == (one.position, "help", "again")
    assert one == two
    assert one.default_branch == two.default_branch
    one.remove_branch("again")
    assert two.branches.keys() == ["main"]


def test_a_session_that_is_nowhere_cannot_be_opened(store: Store) -> None:
    for unknown in ("nobody", "", "\ud800", "x" * 1000):
        with pytest.raises(SessionNotFoundError, match="does not exist in this store"):
            Session.open(unknown, store=store)

    assert store.read_all() == []


def test_times_are_of_this_world_and_in_utc(store: Store) -> None:
    before = datetime.now(UTC)
    session = Session(store=store)
    message = session.add("hello")
    after = datetime.now(UTC)

    assert message.created_at is not None
    assert before <= session.created_at <= message.created_at == session.updated_at <= after
    assert message.created_at.tzinfo is UTC
