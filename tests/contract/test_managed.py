"""A manager over every kind of store: names that are unique, lists, life and search; written through, or deferred."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from turnlog import Session, SessionManager
from turnlog.errors import (
    InvalidValueError,
    KeyTakenError,
    PositionConflictError,
    SessionNotFoundError,
    SessionTooLargeError,
)
from turnlog.manager import Template, read_templates

if TYPE_CHECKING:
    from tests.contract.conftest import Clock, Stores
    from turnlog.infrastructure.store import Store

HOUR = 3_600_000_000


@pytest.fixture(params=["written through", "deferred"])
def managed(request: pytest.FixtureRequest) -> Callable[[Store], SessionManager]:
    """Makes a manager of one kind and the other."""
    deferred = request.param == "deferred"
    return lambda store: SessionManager({"session": {"deferred": deferred}}, store=store)


def texts(session: Session) -> list[str]:
    return [message.text for message in session.messages]


def test_of_many_who_create_a_name_one_starts_it(stores: Stores) -> None:
    store = stores.new()
    managers = [SessionManager(store=stores.beside(store)) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: managers[number % 4].create_session(f"name {number % 3}"), range(48)))

    assert len({session.id for session in made}) == 3
    assert len(managers[0].list_sessions()) == 3
    for manager in managers:
        manager.close()


def test_the_life_of_a_managed_session(
    stores: Stores, clock: Clock, managed: Callable[[Store], SessionManager]
) -> None:
    store = stores.new()
    manager = managed(store)
    session = manager.create_session("chat", user="ada", metadata={"a": 1}, system="Be brief.")
    session.add("hello")
    assert manager.create_session("chat") == session
    assert texts(manager.get("chat")) == ["Be brief.", "hello"]
    assert manager.save(session).position == session.position
    with pytest.raises(KeyTakenError):
        manager.create_session("chat", user="bob")

    clock.now += HOUR
    branch = manager.create_session("branch", branch_from="chat", metadata={"b": 2})
    branch.add("there")
    assert (branch.user, branch.metadata, texts(branch)) == ("ada", {"a": 1, "b": 2}, ["Be brief.", "hello", "there"])
    assert [(info.name, info.message_count) for info in manager.list_sessions()] == [("chat", 2), ("branch", 3)]

    with pytest.raises(KeyTakenError):
        manager.rename("chat", "branch")
    manager.rename("chat", "talk")
    assert (session.key, session.name) == ("talk", "talk")
    assert manager.get_session_info("chat") is None
    manager.rename("talk", "talk")
    manager.create_session("chat")
    manager.archive("talk", "for now")
    assert [info.name for info in manager.list_sessions(status="archived")] == ["talk"]
    manager.restore("talk")

    manager.delete("branch")
    manager.delete("talk")
    for gone in ("talk", "branch", session.id):
        with pytest.raises(SessionNotFoundError):
            manager.get(gone)
    assert [info.name for info in manager.list_sessions()] == ["chat"]
    manager.close()
    assert stores.beside(store).verify().ok


def test_pages_filters_and_orders(stores: Stores, clock: Clock, managed: Callable[[Store], SessionManager]) -> None:
    with managed(stores.new()) as manager:
        for number in range(12):
            clock.now += HOUR
            user = "ada" if number % 2 else "bob"
            manager.create_session(f"session {number:02}", user=user, metadata={"third": number % 3})
        clock.now += HOUR
        manager.get("session 03").add("the latest")

        first = manager.list_sessions(limit=5)
        rest = manager.list_sessions(limit=10, after=first.mark)
        assert [info.name for info in [*first, *rest]] == [f"session {number:02}" for number in range(12)]
        assert rest.mark is None
        names = [info.name for info in manager.list_sessions(order="updated", descending=True, user="ada")]
        assert names == [f"session {number:02}" for number in (3, 11, 9, 7, 5, 1)]
        assert [info.name for info in manager.list_sessions(metadata={"third": 2}, contains="0")] == [
            "session 02",
            "session 05",
            "session 08",
        ]
        assert [info.name for info in manager.list_sessions(prefix="session 1")] == ["session 10", "session 11"]
        middle = manager.get("session 06").created_at
        assert [info.name for info in manager.list_sessions(created_since=middle, limit=1)] == ["session 06"]
        assert len(manager.list_sessions(created_until=middle)) == 7
        assert manager.get_sessions_for_user("ada")[0].name == "session 03"
        with pytest.raises(InvalidValueError, match="expected one of created, updated, name, position"):
            manager.list_sessions(order="size")
        with pytest.raises(InvalidValueError, match="expected active, archived or deleted"):
            manager.list_sessions(status="gone")


def test_what_is_not_used_is_archived_and_then_ends(
    stores: Stores, clock: Clock, managed: Callable[[Store], SessionManager]
) -> None:
    with managed(stores.new()) as manager:
        manager.create_session("old")
        clock.now += 24 * HOUR
        manager.create_session("young")
        old = manager.get("old").id

        assert manager.archive_inactive(days=1) == [old]
        assert manager.archive_inactive(days=1) == []
        clock.now += HOUR
        assert manager.sweep(24 * 3600).ended == (old,)
        assert [info.name for info in manager.list_sessions()] == ["young"]
        with pytest.raises(InvalidValueError, match="ttl is neither given nor set"):
            manager.sweep()


def test_sessions_are_found_by_what_they_say(
    stores: Stores, clock: Clock, managed: Callable[[Store], SessionManager]
) -> None:
    with managed(stores.new()) as manager:
        for name, said in (("one", "Straßenbahn"), ("two", "nothing"), ("three", "nothing")):
            clock.now += HOUR
            manager.create_session(name).add(said)
        manager.get("two").update_metadata({"tags": ["x", {"deep": "the STRASSE"}]})
        hidden = manager.get("three").add("strasse")
        manager.get("three").default_branch.retract(hidden)

        assert [info.name for info in manager.search("strasse")] == ["two", "one"]
        assert [info.name for info in manager.search("THREE")] == ["three"]


def test_a_template_makes_a_session_once(
    stores: Stores, tmp_path: Path, managed: Callable[[Store], SessionManager]
) -> None:
    (tmp_path / "templates.toml").write_text('[greeter]\nsystem = "Greet in $language."\nmetadata = {kind = "x"}\n')
    greeter = read_templates(tmp_path / "templates.toml")["greeter"]
    assert greeter == Template("greeter", "Greet in $language.", {"kind": "x"})
    with managed(stores.new()) as manager:
        made = manager.create_from_template(greeter, "hello", user="ada", language="German")
        assert texts(made) == ["Greet in German."]
        assert made.metadata == {
            "kind": "x",
            "template": "greeter",
            "created_from_template": True,
            "language": "German",
        }
        assert manager.create_from_template(greeter, "hello", language="German") == made
        with pytest.raises(KeyTakenError):
            manager.create_from_template(greeter, "hello", language="French")
        manager.create_session("plain")
        with pytest.raises(KeyTakenError):
            manager.create_from_template("code_review", "plain")
        assert "review" in texts(manager.create_from_template("code_review", "pr 7"))[0]
        with pytest.raises(InvalidValueError, match="are none: expected subject"):
            manager.create_from_template("tutoring", "maths")
        with pytest.raises(InvalidValueError, match="did you mean 'tutoring'"):
            manager.create_from_template("tutorin", "maths")


def test_every_method_that_touches_the_store_is_awaited_too(
    stores: Stores, managed: Callable[[Store], SessionManager]
) -> None:
    async def awaited(store: Store) -> None:
        async with managed(store) as manager:
            made = await asyncio.gather(*(manager.acreate_session("chat") for _ in range(5)))
            assert len({session.id for session in made}) == 1
            await made[0].aadd("hello")
            await manager.asave(made[0])
            assert [info.name for info in await manager.alist_sessions()] == ["chat"]
            assert (await manager.aget_statistics())["total_sessions"] == 1
            assert await manager.aclear_all(confirm=True) == 1

    asyncio.run(awaited(stores.new()))


def test_a_deferred_session_is_in_memory_once_whoever_opens_it(stores: Stores) -> None:
    from turnlog._manager.write_behind import WriteBehindRepository

    store = stores.new()
    kept = WriteBehindRepository(store, most=100)
    Session(name="chat", key="chat", store=store).default_branch.add("hello")
    entry = store.find_key("chat")
    assert entry is not None
    first = kept.open(entry)
    second = kept.adopt(Session.open(entry.session, store=store))
    first.add("again")
    kept.save_all()

    assert second is first
    assert texts(Session.open(entry.session, store=store)) == ["hello", "again"]


def test_a_session_that_is_too_large_is_refused_before_anything_is_written(stores: Stores, clock: Clock) -> None:
    from turnlog.infrastructure.store import Store

    store = Store(stores.new().recorder, clock, most_bytes=2000)
    with SessionManager({"session": {"deferred": True}}, store=store) as manager:
        session = manager.create_session("chat")
        session.add("x" * 1000)
        with pytest.raises(SessionTooLargeError):
            session.add("y" * 1000)
        assert texts(session) == ["x" * 1000]


def test_a_session_of_another_store_is_refused_and_stays_as_it_is(
    stores: Stores, managed: Callable[[Store], SessionManager]
) -> None:
    with managed(stores.new()) as manager, managed(stores.new()) as other:
        foreign = other.create_session("chat")
        refused = pytest.raises(InvalidValueError, match=r"the session is .*: expected one of")
        with refused:
            manager.save(foreign)
        with refused:
            manager.archive(foreign)
        with refused:
            manager.delete(foreign)
        with refused:
            manager.export_sessions("foreign.jsonl", foreign)
        assert foreign.status == "active"


# Deferred


@pytest.fixture
def deferred() -> dict[str, dict[str, object]]:
    return {"session": {"deferred": True, "message_cache_size": 10}}


def test_deferred_messages_stand_in_the_store_when_they_are_saved_and_exactly_as_they_were(
    stores: Stores, deferred: dict[str, dict[str, object]]
) -> None:
    store = stores.new()
    manager = SessionManager(deferred, store=store)
    session = manager.create_session("chat")
    before = store.get_session(session.id).position
    messages = [session.add(text) for text in ("one", "two")]
    branch = session.fork(name="other")
    branch.add("three")
    record = session.record()
    assert store.get_session(session.id).position == before
    manager.save(session)

    assert store.record_of(session.id) == record
    there = Session.open(session.id, store=store)
    assert list(there.messages) == messages
    assert texts(there) == ["one", "two"]
    assert [message.text for message in there.branches["other"].messages] == ["one", "two", "three"]
    assert manager.save(session).position == session.position
    session.add("four")
    manager.close()
    assert texts(Session.open(session.id, store=store)) == ["one", "two", "four"]


def test_what_two_deferred_managers_said_is_all_there(stores: Stores, deferred: dict[str, dict[str, object]]) -> None:
    store = stores.new()
    one, other = SessionManager(deferred, store=store), SessionManager(deferred, store=stores.beside(store))
    mine, theirs = one.create_session("chat"), other.create_session("chat")
    mine.add("mine")
    mine.update_metadata({"a": 1})
    theirs.add("theirs")
    theirs.set_state("k", 1)
    one.save(mine)
    other.save(theirs)

    assert texts(theirs) == ["mine", "theirs"]
    assert (theirs.metadata, theirs.state) == ({"a": 1}, {"k": 1})
    mine.add("again")
    one.save(mine)
    assert texts(Session.open(mine.id, store=store)) == ["mine", "theirs", "again"]
    one.close()
    other.close()
    assert stores.beside(store).verify().ok


def test_what_cannot_be_put_behind_what_others_said_stays_until_it_is_given_up(
    stores: Stores, deferred: dict[str, dict[str, object]]
) -> None:
    store = stores.new()
    manager = SessionManager(deferred, store=store)
    session = manager.create_session("chat")
    session.add("one")
    manager.save(session)
    Session.open(session.id, store=store).add("two")
    session.default_branch.clear()
    session.add("three")

    with pytest.raises(PositionConflictError):
        manager.save(session)
    with pytest.raises(PositionConflictError):
        manager.close()
    assert texts(session) == ["three"]
    manager.discard(session)
    assert texts(session) == ["one", "two"]
    session.add("four")
    manager.close()
    assert texts(Session.open(session.id, store=store)) == ["one", "two", "four"]


def test_a_deferred_session_that_has_grown_long_is_written_through_from_there_on(
    stores: Stores, deferred: dict[str, dict[str, object]]
) -> None:
    store = stores.new()
    manager = SessionManager(deferred, store=store)
    session = manager.create_session("chat")
    for number in range(11):
        session.add(f"{number}")
    manager.save(session)
    session.add("at once")

    assert texts(Session.open(session.id, store=store))[-1] == "at once"
    assert manager.get("chat").add("and so") == Session.open(session.id, store=store).messages[-1]
    manager.close()


def test_a_session_that_goes_on_from_a_deferred_one_has_what_waits_there(
    stores: Stores, deferred: dict[str, dict[str, object]]
) -> None:
    with SessionManager(deferred, store=stores.new()) as manager:
        manager.create_session("one").add("user", "not saved yet")
        branch = manager.create_session("two", branch_from="one")

        assert branch.get_messages() == [{"role": "user", "content": "not saved yet"}]


def test_what_is_said_in_a_deferred_session_when_its_manager_is_closed_is_written_through(
    stores: Stores, deferred: dict[str, dict[str, object]]
) -> None:
    store = stores.new()
    with SessionManager(deferred, store=store) as manager:
        session = manager.create_session("one")
        session.add("user", "before")
    session.add("user", "after")

    with SessionManager(store=store) as manager:
        assert [each["content"] for each in manager.get("one").get_messages()] == ["before", "after"]


@pytest.mark.parametrize(
    ("method", "wrong", "refusal"),
    [
        ("list_sessions", {"user": 5}, "the user of a selection is a int"),
        ("list_sessions", {"prefix": 5}, "the name_prefix of a selection is a int"),
        ("list_sessions", {"contains": b"x"}, "the contains of a selection is a bytes"),
        ("list_sessions", {"forked_from": 5}, "the forked_from of a selection is a int"),
        ("list_sessions", {"metadata": ["topic"]}, "the metadata of a selection are no values"),
        ("list_sessions", {"metadata": {5: "x"}}, "the metadata of a selection are no values"),
        ("get_sessions_for_user", {"user": 5}, "user is 5: expected a str"),
        ("get_sessions_for_user", {"user": None}, "user is None: expected a str"),
        ("search", {"text": 5}, "the text is a int"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(
    stores: Stores, method: str, wrong: dict[str, object], refusal: str
) -> None:
    with SessionManager(store=stores.new()) as manager:
        manager.create_session("one", user="ada", metadata={"topic": "x"})
        with pytest.raises(InvalidValueError, match=refusal):
            getattr(manager, method)(**wrong)
