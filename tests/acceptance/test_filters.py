"""Finding messages: by who says what, how they came here, when, and by a word."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from turnlog import Message, Session, Store
from turnlog.content import MessageRole, Origin
from turnlog.errors import InvalidValueError, ItemNotFoundError
from turnlog.projections import Messages

TOO_LATE = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))


@pytest.fixture
def session(store: Store) -> Session:
    session = Session("Be brief.", store=store)
    main = session.default_branch
    main.add("Where is Straße 5?", sender="ada", recipient="support")
    main.add({"assistant_response": "In the CAFÉ."}, sender="support", recipient="ada")
    main.add({"function": "look_up", "arguments": {"street": "Straße 5"}}, sender="support")
    main.add({"result": "Found"})
    main.add("Thanks", sender="bob")
    return session


@pytest.fixture
def messages(session: Session) -> Messages:
    return session.messages


def texts(messages: Messages) -> list[str]:
    return [message.text for message in messages]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"role": "user"}, ["Where is Straße 5?", "Thanks"]),
        ({"role": MessageRole.TOOL}, ["Found"]),
        ({"role": ["system", MessageRole.TOOL]}, ["Be brief.", "Found"]),
        ({"role": []}, []),
        ({"sender": "bob"}, ["Thanks"]),
        ({"sender": ("bob", "ada")}, ["Where is Straße 5?", "Thanks"]),
        ({"sender": [None]}, ["Be brief.", "Found"]),
        ({"sender": "Bob"}, []),
        ({"recipient": "ada"}, ["In the CAFÉ."]),
        ({"origin": "authored", "role": "tool"}, ["Found"]),
        ({"origin": Origin.LOADED}, []),
        ({"contains": "where"}, ["Where is Straße 5?"]),
        ({"contains": "STRASSE"}, ["Where is Straße 5?", 'look_up({"street":"Straße 5"})']),
        ({"contains": "cafe\u0301"}, ["In the CAFÉ."]),
        ({"contains": "cafe"}, []),
        ({"contains": "nowhere"}, []),
        ({"sender": "support", "role": "assistant", "contains": "the"}, ["In the CAFÉ."]),
    ],
)
def test_messages_that_are_all_that_is_asked_are_found(
    messages: Messages, asked: dict[str, Any], found: list[str]
) -> None:
    kept = messages.filter(**asked)

    assert texts(kept) == found
    assert [message.text for message in reversed(kept)] == found[::-1]
    assert len(kept) == len(found)
    assert texts(kept) == found


def test_a_filter_that_asks_nothing_leaves_all(messages: Messages) -> None:
    assert messages.filter() == messages


def test_what_is_found_is_a_sequence_again(messages: Messages) -> None:
    found = messages.filter(role=["user", "assistant"])

    assert found[0].text == "Where is Straße 5?"
    assert found[-1].text == "Thanks"
    assert texts(found[1:3]) == ["In the CAFÉ.", 'look_up({"street":"Straße 5"})']
    assert texts(found.last(1)) == ["Thanks"]
    assert texts(found.filter(sender="support").filter(contains="café")) == ["In the CAFÉ."]
    assert texts(found.last(2).filter(role="user")) == ["Thanks"]
    assert found.positions == [4, 5, 6, 8]
    assert found[0] in found
    assert messages[0] not in found
    assert (found.index(messages[5]), found.count(messages[5]), found.count(messages[0])) == (3, 1, 0)
    assert found.index(messages[2], 1, 3) == 1
    for outside in ((2,), (0, 1)):
        with pytest.raises(ValueError, match="is not among the"):
            found.index(messages[2], *outside)
    assert found == messages.filter(role=["assistant", "user"])


def test_moments_are_positions_or_messages_and_included(messages: Messages) -> None:
    assert texts(messages.filter(since=7)) == ["Found", "Thanks"]
    assert texts(messages.filter(until=4)) == ["Be brief.", "Where is Straße 5?"]
    assert texts(messages.filter(since=messages[4], until=messages[4])) == ["Found"]
    assert texts(messages.filter(since=99)) == []
    assert texts(messages.filter(role="user").filter(since=5)) == ["Thanks"]
    assert texts(messages.filter(since=5).filter(role="user")) == ["Thanks"]


def test_moments_are_times_a_naive_one_local(session: Session) -> None:
    first, *_, last = session.messages
    assert first.created_at is not None
    assert last.created_at is not None
    naive = last.created_at.astimezone().replace(tzinfo=None)
    times = [message.created_at for message in session.messages if message.created_at]

    assert len(session.messages.filter(since=naive)) == sum(time >= last.created_at for time in times)
    assert len(session.messages.filter(until=first.created_at)) == sum(time <= first.created_at for time in times)
    assert len(session.messages.filter(since=datetime(2001, 1, 1, tzinfo=UTC))) == 6
    assert len(session.messages.filter(until=datetime(2001, 1, 1, tzinfo=UTC))) == 0
    assert len(session.messages.filter(since=last.created_at + timedelta(microseconds=1))) == 0
    assert len(session.messages.last(0).filter(since=naive)) == 0


def test_moments_of_a_forked_session_reach_into_what_it_inherited(session: Session) -> None:
    later = session.fork_session()
    later.default_branch.add("More", sender="eve")

    assert texts(later.messages.filter(since=session.messages[4])) == ["Found", "Thanks", "More"]
    assert texts(later.messages.filter(until=0, sender=["ada", "bob"])) == ["Where is Straße 5?", "Thanks"]
    assert len(later.messages.filter(since=session.messages[4].created_at)) >= 3
    with pytest.raises(ItemNotFoundError):
        session.messages.filter(since=later.messages[-1])


def test_a_filter_goes_on_where_it_was_asked(session: Session) -> None:
    found = session.messages.filter(sender="bob")
    session.default_branch.add("Again", sender="bob")

    assert texts(found) == ["Thanks"]
    assert texts(session.messages.filter(sender="bob")) == ["Thanks", "Again"]
    assert texts(session.at(7).messages.filter(role=["user", "tool"])) == ["Where is Straße 5?", "Found"]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"role": "robot"}, r"the role is 'robot': expected one or several of system, user, assistant, tool, unset"),
        ({"role": ["user", "robot"]}, r"the role is \['user', 'robot'\]: expected one or several of system"),
        ({"role": 7}, r"the role is 7: expected one or several of system"),
        ({"origin": "stolen"}, r"the origin is 'stolen': expected one or several of authored, inherited, cloned"),
        ({"sender": 7}, r"the sender is 7: expected a str, or several, with None among them for nobody"),
        ({"recipient": ["ada", 7]}, r"the recipient is \['ada', 7\]: expected a str"),
        ({"contains": b"words"}, r"contains is a bytes: expected a str"),
        ({"since": "yesterday"}, r"since is 'yesterday': expected a position, a Message or a datetime"),
        ({"until": True}, r"until is True: expected a position"),
        ({"until": TOO_LATE}, r"until is 9999-12-31T23:00:00-05:00: expected a time that falls into the years"),
    ],
)
def test_what_no_message_can_be_is_refused_by_name(messages: Messages, asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidValueError, match=sentence):
        messages.filter(**asked)


def test_a_message_that_was_not_added_is_no_moment(messages: Messages) -> None:
    with pytest.raises(ItemNotFoundError):
        messages.filter(since=Message("new"))


def test_messages_are_iterated_without_stopping_the_event_loop(messages: Messages) -> None:
    async def read() -> list[str]:
        return [message.text async for message in messages.filter(role="user")]

    assert asyncio.run(read()) == ["Where is Straße 5?", "Thanks"]


# --- What it reads ----------------------------------------------------------------------------------------


class Pages:
    """How many pages of messages were read, and how many are still held."""

    def __init__(self) -> None:
        self.read = self.held = self.most = 0

    def counted(self, pages: Iterator[list[Any]]) -> Iterator[list[Any]]:
        for page in pages:
            held = _Page(page)
            held.pages = self
            self.read += 1
            self.held += 1
            self.most = max(self.most, self.held)
            yield held
            del held


class _Page(list[Any]):
    """A page that says when it is let go."""

    pages: Pages

    def __del__(self) -> None:
        self.pages.held -= 1


@pytest.fixture
def pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> Pages:
    counter, recorder = Pages(), type(store.recorder)
    everything = recorder.read_bodies
    monkeypatch.setattr(
        recorder, "read_bodies", lambda store, *where, **how: counter.counted(everything(store, *where, **how))
    )
    return counter


@pytest.fixture
def long(store: Store) -> Session:
    session = Session(store=store)
    for start in range(0, 20_000, 1_000):
        session.default_branch.add_many([f"number {start + number}" for number in range(1_000)])
    return session


def test_the_first_that_is_found_is_there_before_the_rest_is_read(long: Session, pages: Pages) -> None:
    found = long.messages.filter(contains="NUMBER 15", role="user")

    assert pages.read == 0
    assert next(iter(found)).text == "number 15"
    assert pages.read == 1
    assert next(reversed(found)).text == "number 15999"
    assert pages.read == 6


def test_a_filter_holds_no_page_that_it_has_read(long: Session, pages: Pages) -> None:
    found = long.messages.filter(contains="number 1")

    assert len(found) == 11_111
    assert (pages.read, pages.held) == (20, 0)
    assert pages.most <= 2
    assert found[-1].text == "number 19999"


def test_what_is_scattered_is_read_in_few_steps(long: Session, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    everything = store.recorder.read_bodies_at

    def counted(session: str, positions: Any) -> Any:
        steps.append(len(positions))
        return everything(session, positions)

    found = long.messages.filter(contains="7")
    count = len(found)
    monkeypatch.setattr(store.recorder, "read_bodies_at", counted)

    assert texts(found) == [f"number {number}" for number in range(20_000) if "7" in str(number)]
    assert count == 6_878
    assert len(steps) <= 8


def test_a_frame_is_made_page_by_page(long: Session, pages: Pages) -> None:
    table = long.messages.to_arrow()

    assert table.num_rows == 20_000
    assert table["text"][19_999].as_py() == "number 19999"
    assert (pages.read, pages.held) == (20, 0)
    assert pages.most <= 4


def test_a_stream_reads_as_it_is_taken(long: Session, pages: Pages) -> None:
    import pyarrow as pa

    stream = pa.RecordBatchReader.from_stream(long.messages)
    assert pages.read == 0
    batch = stream.read_next_batch()

    assert batch.num_rows == 2_000
    assert pages.read <= 3


def test_a_session_with_a_fork_of_a_long_branch_is_read_in_its_pages(long: Session, pages: Pages) -> None:
    fork = long.fork(name="fork")
    fork.add("on the fork")
    long.default_branch.add("on main")

    assert texts(long.concat_messages().last(3)) == ["number 19999", "on the fork", "on main"]
    assert long.to_arrow().num_rows == 20_002
    assert pages.read <= 21
