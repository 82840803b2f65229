"""What was said is found by its words, where a branch shows it, with an index and without one."""

from collections.abc import Callable
from typing import Any

import pytest

from turnlog import Runner, Session, Store, search
from turnlog.errors import InvalidValueError
from turnlog.projections.transcript import Transcript

Prepared = Callable[[Store], None]


def nothing(store: Store) -> None:
    """Without an index everything is looked through."""


def inline(store: Store) -> None:
    """The index is written by every append."""
    store.attach(Transcript())


def behind(store: Store) -> None:
    """The index has what was there, and not what comes after."""
    Session("Find forks here.", store=store).default_branch.add("An older fork in the road")
    with Runner(store, [Transcript()]) as runner:
        runner.catch_up()


@pytest.fixture(params=[nothing, inline, behind], ids=lambda each: each.__name__)
def prepared(request: pytest.FixtureRequest, stores: Any, store: Store) -> Store:
    """A store of every kind, with an index, without one, and with one that is behind."""
    if stores.kind != "redis":  # which keeps no rows of projections
        request.param(store)
    return store


def texts(found: Any) -> list[str]:
    return [each.message.text for each in found]


def test_messages_are_found_by_words_phrases_and_beginnings_the_newest_first(prepared: Store) -> None:
    session = Session(store=prepared)
    main = session.default_branch
    main.add_many(["Never update", "only append", "update, never delete", {"assistant_response": "Größe der STRASSE"}])
    main.add("私は東京へ行く")

    assert texts(session.search("update")) == ["update, never delete", "Never update"]
    assert texts(session.search('"never update"')) == ["Never update"]
    assert texts(session.search("app*")) == ["only append"]
    assert texts(session.search("größe straße")) == ["Größe der STRASSE"]
    assert texts(session.search("東京")) == ["私は東京へ行く"]
    assert texts(session.search("update", limit=1)) == ["update, never delete"]
    assert texts(session.search("strasse", role="user")) == []
    assert session.search("missing") == []
    assert texts(search("update", store=prepared)) == ["update, never delete", "Never update"]


def test_what_a_branch_does_not_show_is_not_found_there(prepared: Store) -> None:
    session = Session("A system of needles", store=prepared)
    main = session.default_branch
    needle = main.add("a needle in the hay")
    fork = session.fork(name="retry")
    fork.add("another needle")
    main.retract(needle)

    assert [(each.message.text, each.branches) for each in session.search("needle*")] == [
        ("another needle", ("retry",)),
        ("a needle in the hay", ("retry",)),
        ("A system of needles", ("main", "retry")),
    ]
    assert texts(session.search("needle", branch="main")) == []
    fork.clear()
    assert session.search("needle") == []
    assert search("needle", store=prepared) == []
    assert texts(session.at(5).search("needle")) == ["a needle in the hay"]
    fork.undo()
    assert texts(session.search("needle", branch=fork)) == ["another needle", "a needle in the hay"]


def test_what_was_redacted_is_found_no_more(prepared: Store) -> None:
    session = Session(store=prepared)
    said = session.default_branch.add("the secret needle")
    session.redact(said)

    assert search("needle", store=prepared) == []
    assert session.search("secret") == []


def test_what_was_redacted_is_not_found_in_a_fork_either(prepared: Store) -> None:
    session = Session(store=prepared)
    slip = session.default_branch.add("the zebra")
    fork = session.fork_session(name="fork")
    session.redact(slip)

    assert (search("zebra", store=prepared), session.search("zebra"), fork.search("zebra")) == ([], [], [])


def test_what_a_session_inherited_is_found_in_it_too(prepared: Store) -> None:
    source = Session(store=prepared)
    source.default_branch.add("one needle")
    fork = source.fork_session()
    source.default_branch.add("two needles, one needle")
    fork.default_branch.add("three needle")

    assert [(each.message.text, each.message.position) for each in fork.search("needle")] == [
        ("three needle", 2),
        ("one needle", 0),
    ]
    assert fork.search("needle")[1].message == fork.messages[0]


def test_sessions_of_one_user_are_searched_and_deleted_ones_are_not(prepared: Store) -> None:
    for user in ("ada", "bob"):
        Session(user=user, store=prepared).default_branch.add(f"needle of {user}")
    gone = Session(store=prepared)
    gone.default_branch.add("needle of nobody")
    gone.delete()

    assert texts(search("needle", store=prepared)) == ["needle of bob", "needle of ada"]
    assert texts(search("needle", store=prepared, user="ada")) == ["needle of ada"]


@pytest.mark.parametrize("limit", [0, -1, True, None, 1.5])
def test_a_limit_that_is_none_is_refused(store: Store, limit: Any) -> None:
    with pytest.raises(InvalidValueError, match="the limit"):
        search("needle", store=store, limit=limit)


def test_many_hits_come_page_by_page(prepared: Store) -> None:
    session = Session(store=prepared)
    session.default_branch.add_many([f"needle {number}" for number in range(450)])

    assert [each.message.position for each in session.search("needle", limit=500)] == list(range(452, 2, -1))
