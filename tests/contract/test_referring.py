"""A session is meant by its id, a beginning of it, its key, a label or @last; and what may be several is refused."""

from __future__ import annotations

from typing import Any

import pytest

from turnlog import Session
from turnlog.errors import AmbiguousSessionError, SessionNotFoundError
from turnlog.infrastructure.store import Store


@pytest.fixture
def filled(store: Store, clock: Any) -> Store:
    """Three sessions, the first of which was used last."""
    for id, key, name in (("abc-1", "one", "first"), ("abd-2", None, "same"), ("xyz", None, "same")):
        clock.now += 1_000_000
        Session(session_id=id, key=key, name=name, store=store)
    clock.now += 1_000_000
    Session.open("abc-1", store=store).add("used")
    return store


@pytest.mark.parametrize(
    ("reference", "session"),
    [
        *(("abc-1", "abc-1"), ("abc", "abc-1"), ("abd", "abd-2"), ("x", "xyz")),
        *(("one", "abc-1"), ("first", "abc-1"), ("@last", "abc-1")),
    ],
)
def test_a_reference_finds_its_session(filled: Store, reference: str, session: str) -> None:
    assert filled.resolve(reference).session == session


@pytest.mark.parametrize(("reference", "sessions"), [("ab", ("abc-1", "abd-2")), ("same", ("abd-2", "xyz"))])
def test_a_reference_to_several_is_refused_with_all_of_them(
    filled: Store, reference: str, sessions: tuple[str, ...]
) -> None:
    with pytest.raises(AmbiguousSessionError) as refusal:
        filled.resolve(reference)

    assert (refusal.value.reference, refusal.value.sessions) == (reference, sessions)


@pytest.mark.parametrize("reference", ["", "nobody", "ABC", "c-1", "\0"])
def test_a_reference_to_none_is_refused(filled: Store, reference: str) -> None:
    with pytest.raises(SessionNotFoundError):
        filled.resolve(reference)


def test_an_exact_id_and_a_key_count_before_what_only_begins_so(store: Store) -> None:
    for id, key in (("a", None), ("ab", None), ("b-1", "ab-key"), ("ab-key-2", None)):
        Session(session_id=id, key=key, store=store)

    assert store.resolve("a").session == "a"
    assert store.resolve("ab-key").session == "b-1"


def test_in_an_empty_store_there_is_no_last_one(store: Store) -> None:
    with pytest.raises(SessionNotFoundError):
        store.resolve("@last")


def test_a_default_branch_is_found_and_none_is_made_for_it(store: Store) -> None:
    session = Session(default_branch=None, store=store)
    before = session.find_default_branch()
    main = session.create_branch("main")

    assert before is None
    assert session.find_default_branch() == main
    assert session.at(1).find_default_branch() is None


def test_events_that_are_no_messages_are_found_by_their_names(store: Store) -> None:
    session = Session("Be nice.", store=store)
    session.default_branch.add_many(["one", "two"])
    session.default_branch.fork(name="other")
    later = session.fork_session(at=session.position)
    later.default_branch.truncate(1)

    names = ["branch.created", "branch.truncated"]
    assert [(e.session, e.position) for e in later.events(after=-99, names=names)] == [
        (session.id, 2),
        (session.id, 6),
        (later.id, 2),
    ]
    assert [e.position for e in later.events(names=names)] == [2]
    assert [e.position for e in session.events(names=names, backwards=True)] == [6, 2]
    assert [e.position for e in session.events(names=["branch.created", "message.appended"], until=5)] == [2, 4, 5]
