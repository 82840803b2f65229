"""Record the corpus of a version: every kind of event, as this version writes it.

Run once per released version (python -P tests/corpus/record.py 0.1.0); a recorded corpus never changes afterwards.
"""

import sys
from datetime import UTC, datetime
from json import dumps
from pathlib import Path

from turnlog import Session, SessionView, Store, acting, open_store
from turnlog.content import ActionRequestContent, ActionResponseContent, AssistantResponseContent, InstructionContent
from turnlog.domain import events as e
from turnlog.domain.events.work import LogType
from turnlog.domain.json_values import Json
from turnlog.domain.ranges import Origin, Range

FOLDER = Path(__file__).parent


def record(store: Store) -> None:
    """Sessions in which everything happens that can."""
    with acting(actor="ada", correlation_id="run-7"):
        conversation(store)
    mail_and_work(store)
    forks(store)
    redactions(store)


def conversation(store: Store) -> None:
    session = Session(
        "You are terse.", session_id="conversation", name="support", user="ada", key="ticket-7", store=store
    )
    main = session.default_branch
    main.add(
        InstructionContent(instruction="Compare.", context=["a", {"b": 2**70}], images=["https://example.org/a.png"])
    )
    main.add(AssistantResponseContent(assistant_response="Done.", model="small"), sender="model", command_id="c-1")
    main.add(ActionRequestContent(function="search", arguments={"q": "é\u0000\u2028"}, request_id="call-1"))
    main.add(ActionResponseContent(result=[1, 1.0, None], request_id="call-1"))
    main.add(ActionResponseContent(error="no such page", request_id="call-2"))
    main.add(
        {
            "role": "assistant",
            "content": "Looking.",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
        }
    )
    main.add({"role": "developer", "content": "Be brief from here on."})
    main.add({"role": "user", "content": [{"type": "text", "text": "And this?"}]}, metadata={"source": "web"})
    retry = main.fork(at=5, name="retry")
    retry.add("Again.")
    session.merge(retry, into=main)
    main.retract(main.messages[-1])
    main.undo()
    main.rewind(6)
    main.add("After the rewind.")
    session.default_branch.truncate(2)
    session.default_branch.clear()
    main.add("After clearing.")
    session.default_branch.set_system("You are kind.")
    store.append(
        session.id,
        [
            e.SystemSet(0, None),
            e.MetadataUpdated({"plan": "pro", "seats": 3}),
            e.StateSet("topic", {"of": ["talk"]}),
            e.StateSet("step", 1),
            e.StateRemoved("step"),
            e.BranchRenamed(1, "tangent"),
            e.AccessChanged(1, ["Report"], None),
            e.DefaultBranchChanged(1),
            e.DefaultBranchChanged(0),
            e.SessionRenamed("billing", key="ticket-8"),
        ],
    )
    session.remove_branch("tangent")
    session.archive("done for today")
    session.restore()


def mail_and_work(store: Store) -> None:
    session = Session(session_id="work", store=store)
    first = session.default_branch.id
    store.append(
        session.id,
        [
            e.ParticipantRegistered("eve"),
            e.ParticipantRegistered("gone"),
            e.ParticipantUnregistered("gone"),
            e.MailSent("m-1", first, "eve", content={"a": 1}, channel="gossip"),
            e.MailSent("m-2", first, message={"type": "instruction", "instruction": "hello"}, author="ada"),
            e.MailSent("m-3", first, "nobody", "tool", content="lost"),
            e.MailCollected(first, [6, 7, 8]),
            e.MailDelivered("eve", [6, 7]),
            e.MailReceived("eve", [6]),
            e.MailParked("nobody", [8], "there is no participant of this name"),
            e.ToolRegistered("search", 0, {"type": "object"}),
            e.ToolRegistered("add"),
            e.ToolRemoved("add"),
            e.ModelSet("chat", "small", "local", settings={"seed": 7}),
            e.ModelSet("parse", "small"),
            e.ModelSet("parse", None),
            e.OperationStarted("o-1", "chat", 0, {"instruction": "hi"}),
            e.ModelCalled("small", "local", "o-1", 0, [1], "hello", None, 3, 4, 12.5, "chat", 2),
            e.OperationCompleted("o-1", "hello"),
            e.OperationStarted("o-2", "operate"),
            e.OperationResumed("o-2"),
            e.OperationFailed("o-2", "TimeoutError", "no answer"),
            e.OperationStarted("o-3", "chat"),
            e.AccessDenied("tool", ["rm"], 0, ["search"]),
            e.LogRecorded(
                LogType.API_CALL, "api", "called", {"status": 200}, 0, "small", "local", "q", "a", 1.5, 1, 2, 3
            ),
            e.LogRecorded(LogType.ERROR, error="Timeout"),
        ],
    )


def forks(store: Store) -> None:
    source = Session("Be brief.", session_id="source", store=store)
    source.default_branch.add("one")
    other = source.create_branch(name="other")
    other.add("elsewhere")
    source.default_branch.add("two")
    fork = source.fork_session(at=4, session_id="fork", name="fork")
    fork.default_branch.add("three")
    fork.fork_session(session_id="fork-of-fork").default_branch.add("four")
    gone = source.fork_session(session_id="gone")
    gone.delete("not needed")
    store.append(
        source.id,
        [
            e.MessagesShared(1, (Range(0, 4, 4, 1, Origin.SHARED),)),
            e.BranchReordered(1, (Range(0, 4, 4, 1, Origin.SHARED), Range(1, 6, 6, 1))),
        ],
    )


def redactions(store: Store) -> None:
    session = Session(session_id="redacted", name="Ada Lovelace", metadata={"phone": "555-0199"}, store=store)
    main = session.default_branch
    slip = main.add("My PIN is 4821.", sender="ada")
    main.add("What else?")
    session.redact(slip, "a PIN")
    session.redact(1, "a name")
    session.redact(session.position - 1)


def read(store: Store) -> dict[str, Json]:
    """What a reader sees of the sessions, as plain values."""
    return {entry.session: session_read(Session.open(entry.session, store=store)) for entry in store.sessions()}


def session_read(session: Session) -> dict[str, Json]:
    return {
        "name": session.name,
        "user": session.user,
        "key": session.key,
        "status": session.status,
        "metadata": dict(session.metadata),
        "state": session.state,
        "position": session.position,
        "branches": shown(session),
        "past": [shown(session.at(position)) for position in range(1, session.position)],
        "events": [[event.position, event.name, event.actor] for event in session.events()],
    }


def shown(view: Session | SessionView) -> dict[str, Json]:
    return {
        branch.name: [[message.role, message.sender, message.text] for message in branch.messages]
        for branch in view.branches
    }


if __name__ == "__main__":
    version = sys.argv[1]
    instant = int(datetime(2026, 12, 1, 9, 30, tzinfo=UTC).timestamp()) * 1_000_000
    with open_store("memory://") as kept:
        kept._clock = lambda: instant
        record(kept)
        (FOLDER / f"{version}.jsonl").write_bytes(kept.record_of())
        lines = [f"{dumps(session)}: {dumps(seen)}" for session, seen in read(kept).items()]
        (FOLDER / f"{version}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
