"""A branch forked at a position shows what its parent showed there, whatever either does later, and costs one row."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from turnlog import Branch, Session, Store


def texts(branch: Branch) -> list[str]:
    return [message.text for message in branch.messages]


def rows(path: Path) -> list[tuple[str]]:
    """Every event in the file, by the name it is stored under."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name FROM events ORDER BY global_position").fetchall()


def rewind(session: Session, branch: Branch) -> None:
    (created,) = [one.position for one in session.events() if getattr(one.event, "id", None) == branch.id]
    branch.add("later")
    branch.rewind(to=created)


def merge(session: Session, branch: Branch) -> None:
    session.create_branch("third").add("elsewhere")
    session.merge("third", into=branch)


LATER: dict[str, Callable[[Session, Branch], object]] = {
    "add": lambda session, branch: branch.add("later"),
    "add many": lambda session, branch: branch.add_many(["later", "still later"]),
    "set another system message": lambda session, branch: branch.set_system("Be kind."),
    "take the system message away": lambda session, branch: branch.set_system(None),
    "rewind": rewind,
    "truncate": lambda session, branch: branch.truncate(1),
    "clear": lambda session, branch: branch.clear(),
    "retract": lambda session, branch: branch.retract(branch.messages[1]),
    "reorder": lambda session, branch: branch.reorder(list(branch.messages)[:0:-1]),
    "share": lambda session, branch: branch.share([session.create_branch("third").add("elsewhere")]),
    "merge": merge,
    "rename": lambda session, branch: branch.rename("another name"),
    "remove": lambda session, branch: session.remove_branch(branch),
    "fork": lambda session, branch: branch.fork().add("later"),
    "archive": lambda session, branch: session.archive(),
}


@pytest.mark.parametrize("later", LATER)
def test_a_fork_shows_what_its_parent_showed_whatever_the_parent_does_later(store: Store, later: str) -> None:
    session = Session("Be terse.", store=store)
    main = session.default_branch
    main.add_many(["a", "b"])
    here = session.position
    main.add("c")
    fork = main.fork(at=here, name="fork")
    now = main.fork(name="now")
    LATER[later](session, main)

    assert texts(fork) == ["Be terse.", "a", "b"]
    assert texts(now) == ["Be terse.", "a", "b", "c"]
    assert (fork.parent, fork.forked_at) == (main.id, here)


@pytest.mark.parametrize("later", LATER)
def test_a_parent_shows_what_it_showed_whatever_its_fork_does_later(store: Store, later: str) -> None:
    session = Session("Be terse.", store=store)
    main = session.default_branch
    main.add_many(["a", "b", "c"])
    fork = main.fork(at=session.position - 1)
    LATER[later](session, fork)

    assert texts(main) == ["Be terse.", "a", "b", "c"]


@pytest.mark.parametrize("later", LATER)
def test_a_fork_made_afterwards_shows_what_its_parent_showed_before(store: Store, later: str) -> None:
    session = Session("Be terse.", store=store)
    main = session.default_branch
    main.add_many(["a", "b", "c"])
    here = session.position
    LATER[later](session, main)
    session.restore()

    assert texts(main.fork(at=here)) == ["Be terse.", "a", "b", "c"]


def test_forks_of_forks_show_what_each_parent_showed(store: Store) -> None:
    session = Session(store=store)
    branch, forks = session.default_branch, list[tuple[Branch, list[str]]]()
    for depth in range(30):
        branch.add_many([f"{depth}a", f"{depth}b"])
        shown = texts(branch)
        forks.append((branch, shown))
        branch = branch.fork(at=branch.messages[-2])
        assert texts(branch) == shown[:-1]

    assert [texts(branch) for branch, _ in forks] == [shown for _, shown in forks]
    assert texts(branch) == [f"{depth}a" for depth in range(30)]
    assert [message.text for message in reversed(branch.messages)] == [f"{depth}a" for depth in range(29, -1, -1)]


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_fork_writes_one_row_however_long_the_history(tmp_path: Path, store: Store, size: int) -> None:
    session = Session(store=store)
    main = session.default_branch
    added = main.add_many(str(number) for number in range(size))
    before = rows(tmp_path / "turnlog.db")
    fork = main.fork(name="fork")
    early = main.fork(at=added[size // 2 - 1], name="early")
    deep = early.fork(name="deep")

    assert rows(tmp_path / "turnlog.db") == [*before, *[("branch.created",)] * 3]
    assert [recorded.name for recorded in session.events(after=session.position - 3)] == ["branch.created"] * 3
    assert (len(fork.messages), len(early.messages), len(deep.messages)) == (size, size // 2, size // 2)
    assert [message.text for message in fork.messages.last(2)] == [str(size - 2), str(size - 1)]
    assert [message.text for message in deep.messages.last(2)] == [str(size // 2 - 2), str(size // 2 - 1)]
    assert (deep.messages[0].text, deep.messages[0].origin) == ("0", "inherited")


def test_a_fork_of_a_removed_branch_shows_what_it_showed(store: Store) -> None:
    session = Session(store=store)
    doomed = session.create_branch("doomed")
    doomed.add_many(["a", "b"])
    here = session.position
    session.remove_branch(doomed)

    assert texts(doomed.fork(at=here)) == ["a", "b"]
    assert texts(session.fork(session.at(here).branches["doomed"], at=here - 1)) == ["a"]


def test_a_fork_can_be_named_and_found_and_otherwise_gets_a_name_that_is_free(store: Store) -> None:
    session = Session(store=store)
    main = session.default_branch
    named = session.fork(main, name="retry")
    others = [main.fork() for _ in range(3)]

    assert session.branches["retry"] == named
    assert session.branches[named.id] == named
    assert session.branches[named.number] == named
    assert len({branch.name for branch in others} | {"main", "retry"}) == 5
    assert [branch.name for branch in session.branches] == session.branches.keys()


def test_a_fork_of_no_branch_in_particular_is_one_of_the_default(store: Store) -> None:
    session = Session(store=store)
    session.default_branch.add("a")

    assert texts(session.fork(name="retry")) == ["a"]


def test_a_fork_of_a_session_without_branches_makes_its_default_too(store: Store) -> None:
    session = Session(store=store)
    fork = session.fork(name="retry")

    assert session.branches.keys() == ["main", "retry"]
    assert fork.parent == session.default_branch.id
