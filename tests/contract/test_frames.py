"""A frame holds what the messages say: on every store, whatever happened to the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnlog import Branch, Message, Session, Store
from turnlog.content import ActionResponseContent, Origin
from turnlog.errors import InvalidOperationError
from turnlog.projections import Messages
from turnlog.session_view import SessionView

if TYPE_CHECKING:
    from tests.contract.conftest import Stores

COLUMNS = [
    *("id", "session", "position", "global_position", "created_at", "user", "branch", "branch_id", "type", "role"),
    *("text", "content", "sender", "recipient", "origin", "model", "input_tokens", "output_tokens", "metadata"),
    *("actor", "correlation_id", "retracted"),
]

GIVEN: list[Any] = [
    "words",
    "Grüße 🌍 \0 مرحبا",
    {"instruction": {"do": ["this", 2**70]}, "guidance": "careful"},
    {"assistant_response": "done", "model": "m-1"},
    {"assistant_response": ["a", {"text": "b"}], "usage": {"input_tokens": 3, "output_tokens": 5}},
    {"function": "add", "arguments": {"a": 1}, "request_id": "r"},
    {"result": None, "request_id": "r"},
    ActionResponseContent(error="failed"),
    {"role": "user", "content": "a chat message", "temperature": 0.5},
]


def rows(messages: Messages, session: SessionView) -> list[dict[str, Any]]:
    """What a frame of the messages should hold, from the messages themselves."""
    user, branches = session.user, {branch.number: (branch.name, branch.id) for branch in session.branches}
    return [row(message, user, *branches[message.branch or 0]) for message in messages]


def row(message: Message, user: str | None, branch: str, branch_id: str) -> dict[str, Any]:
    content: Any = message.content
    usage = getattr(content, "usage", None)
    return {
        "id": message.id,
        "position": message.position,
        "created_at": message.created_at,
        "session": message.session,
        "user": user,
        "branch": branch,
        "branch_id": branch_id,
        "type": message.to_dict()["content"]["type"],
        "role": message.role.value,
        "text": message.text,
        "sender": message.sender,
        "recipient": message.recipient,
        "origin": message.origin.value,
        "model": getattr(content, "model", None),
        "input_tokens": usage and usage.input_tokens,
        "output_tokens": usage and usage.output_tokens,
        "metadata": message.metadata,
        "actor": None,
        "correlation_id": None,
        "retracted": False,
    }


def framed(messages: Messages) -> list[dict[str, Any]]:
    table = messages.to_arrow()
    assert table.column_names == COLUMNS
    found: list[dict[str, Any]] = table.to_pylist()
    for each in found:
        each["metadata"] = msgspec.json.decode(each["metadata"])
        del each["content"], each["global_position"]  # test_column_names compares these with the record
    return found


def agree(session: SessionView) -> None:
    """Each branch, and the session, reads as a frame as it reads message by message."""
    several = [session.concat_messages(), session.concat_messages(exclude_clone=True, exclude_load=True)]
    for messages in [*(branch.messages for branch in session.branches), *several]:
        expected = rows(messages, session)
        assert framed(messages) == expected
        assert framed(messages[::-1]) == expected[::-1]
        for one in ({"role": "user"}, {"origin": ["merged", "loaded"]}, {"contains": "a"}, {"sender": ["ada", None]}):
            kept: Any = messages.filter(**one)
            assert framed(kept) == [
                each for each, message in zip(expected, messages, strict=True) if takes(message, one)
            ]
            assert [message.id for message in reversed(kept)] == [message.id for message in kept][::-1]


def takes(message: Message, asked: dict[str, Any]) -> bool:
    ((field, value),) = asked.items()
    if field == "contains":
        return value in message.text.lower()
    said = getattr(message, field)
    return said in value if isinstance(value, list) else said == value


STEPS = ["add", "fork", "merge", "rewind", "truncate", "retract", "system", "share", "load", "clone", "undo", "inherit"]


def stepped(session: Session, step: str, number: int, data: st.DataObject) -> Session:
    """The session after one step of a random history; it may be another one that goes on from it."""
    branch: Branch = session.branches[data.draw(st.sampled_from([each.name for each in session.branches]))]
    if step == "add":
        sender = data.draw(st.sampled_from([None, "ada", "bob"]))
        for each in data.draw(st.lists(st.sampled_from(GIVEN), min_size=1, max_size=3)):
            branch.add(each, sender=sender, recipient="all", metadata={"n": 2**65 + number})
        return session
    try:
        match step:
            case "fork":
                branch.fork(name=f"fork {number}")
            case "merge":
                session.merge(session.default_branch, into=branch)
            case "rewind":
                branch.rewind(to=session.position - 1)
            case "truncate":
                branch.truncate(keep_last=2)
            case "retract":
                branch.retract(branch.messages[-1])
            case "system":
                branch.set_system(f"Be terse {number}.")
            case "share":
                branch.share(session.default_branch.messages.last(2))
            case "load":
                session.create_branch(name=f"loaded {number}", messages=["loaded", {"assistant_response": "too"}])
            case "clone":
                branch.add(session.default_branch.messages[0])
            case "undo":
                branch.undo()
            case "inherit":
                return session.fork_session(name=f"later {number}")
    except (InvalidOperationError, IndexError):
        pass  # there was nothing to do it to
    return session


def test_a_frame_of_a_random_history_holds_what_its_messages_say(stores: Stores) -> None:
    store = stores.new()

    @settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(st.sampled_from(STEPS), min_size=4, max_size=14), st.data())
    def agrees(steps: list[str], data: st.DataObject) -> None:
        session = Session("Be kind.", store=store)
        session.default_branch.add_many(GIVEN[:3])
        for number, step in enumerate(steps):
            session = stepped(session, step, number, data)
        agree(session)
        agree(session.at(data.draw(st.integers(1, session.position) if session.position else st.just(0))))

    agrees()


def test_branches_written_in_turns_are_one_frame_in_the_order_recorded(store: Store) -> None:
    session = Session(store=store)
    one, two = session.create_branch("one"), session.create_branch("two")
    for number in range(600):
        one.add(f"one {number}", sender="ada")
        two.add(f"two {number}")

    frame = session.to_arrow()

    assert frame["text"].to_pylist()[:4] == ["one 0", "two 0", "one 1", "two 1"]
    assert frame["branch"].to_pylist() == ["one", "two"] * 600
    assert frame["position"].to_pylist() == sorted(frame["position"].to_pylist())
    assert session.concat_messages().filter(sender="ada").to_arrow()["text"].to_pylist() == [
        f"one {number}" for number in range(600)
    ]
    assert [message.text for message in reversed(session.concat_messages())][:3] == ["two 599", "one 599", "two 598"]


def test_the_origin_of_a_row_is_how_its_message_came_there(store: Store) -> None:
    session = Session(store=store)
    main = session.default_branch
    main.add("one")
    fork = main.fork(name="fork")
    fork.add(main.messages[0])
    loaded = session.create_branch(name="loaded", messages=["elsewhere"])
    session.merge(fork, into=main)

    assert fork.messages.to_arrow()["origin"].to_pylist() == ["inherited", "cloned"]
    assert loaded.messages.to_arrow()["origin"].to_pylist() == ["loaded"]
    assert main.messages.to_arrow()["origin"].to_pylist() == ["authored", "merged"]
    assert main.messages.filter(origin=Origin.MERGED).to_arrow()["branch"].to_pylist() == ["fork"]
