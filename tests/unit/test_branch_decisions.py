"""What may happen to the branches of a session: create, fork, name, remove, and what a branch may use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from turnlog.domain.branch_lookup import get_branch
from turnlog.domain.content import InstructionContent, SystemContent
from turnlog.domain.decisions import branch, history, message
from turnlog.domain.errors import BranchNotFoundError, InvalidValueError, ItemNotFoundError, NameTakenError
from turnlog.domain.events import (
    AccessChanged,
    BranchCleared,
    BranchCreated,
    BranchRemoved,
    BranchRenamed,
    DefaultBranchChanged,
    Event,
    MessageAppended,
    SessionStarted,
    SystemSet,
)
from turnlog.domain.message import Message
from turnlog.domain.ranges import Origin

if TYPE_CHECKING:
    from tests.unit.conftest import Given, Scenario

STARTED = SessionStarted()
MAIN = BranchCreated(0, "id-main", "main")
OTHER = BranchCreated(1, "id-other", "other")
TERSE = SystemContent(system_message="be terse")


def said(branch: int = 0) -> Event:
    return MessageAppended(branch, InstructionContent(instruction="hello"))


def number_of(scenario: Scenario, reference: str | int) -> int:
    return get_branch(scenario.state, reference).number


# --- Create -----------------------------------------------------------------------------------------------


def test_the_first_branch_is_the_default_and_named_main(given: Given) -> None:
    after = given(STARTED).when(branch.create, id="id-main").then(BranchCreated(0, "id-main", "main"))

    assert after.state.default == 0
    assert after.state.branches[0].created_at == 2
    assert after.shows(0) == []


def test_a_second_branch_does_not_become_the_default(given: Given) -> None:
    after = given(STARTED, MAIN).when(branch.create, id="b").then(BranchCreated(1, "b", "branch"))

    assert after.state.default == 0


def test_a_branch_is_created_with_everything_known_of_it(given: Given) -> None:
    given(STARTED).when(
        branch.create,
        id="b",
        name="plan",
        user="ada",
        capabilities={"Summary", "Analysis"},
        resources=("gpt-4o-mini",),
    ).then(BranchCreated(0, "b", "plan", None, None, Origin.INHERITED, "ada", ["Analysis", "Summary"], ["gpt-4o-mini"]))


def test_automatic_names_are_free(given: Given) -> None:
    before = given(STARTED, MAIN, BranchCreated(1, "b", "branch"), BranchCreated(2, "c", "branch-3"))

    before.when(branch.create, id="d").then(BranchCreated(3, "d", "branch-4"))


def test_an_automatic_name_is_not_the_id_of_another_branch(given: Given) -> None:
    given(STARTED, BranchCreated(0, "branch", "main")).when(branch.create, id="b").then(
        BranchCreated(1, "b", "branch-1")
    )


@pytest.mark.parametrize("name", ["main", "id-other"])
def test_a_name_that_means_another_branch_is_refused(given: Given, name: str) -> None:
    before = given(STARTED, MAIN, OTHER)

    before.when(branch.create, id="b", name=name).refused(NameTakenError, repr(name), "use another name")
    before.when(branch.fork, 0, id="b", name=name).refused(NameTakenError, repr(name))
    before.when(branch.rename, 0, "other").refused(NameTakenError, "'other'")
    before.when(branch.rename, 0, "id-other").refused(NameTakenError, "'id-other'")


@pytest.mark.parametrize("id", ["id-main", "main"])
def test_an_id_that_means_another_branch_is_refused(given: Given, id: str) -> None:
    before = given(STARTED, MAIN)

    before.when(branch.create, id=id).refused(InvalidValueError, repr(id), "in use")
    before.when(branch.fork, 0, id=id).refused(InvalidValueError, repr(id), "in use")


@pytest.mark.parametrize("name", ["", "x" * 256, "a\tb", "\ud800", 7])
def test_a_branch_name_that_cannot_be_shown_is_refused(given: Given, name: Any) -> None:
    before = given(STARTED, MAIN)

    before.when(branch.create, id="b", name=name).refused(InvalidValueError, "a branch name")
    before.when(branch.fork, 0, id="b", name=name).refused(InvalidValueError, "a branch name")
    before.when(branch.rename, 0, name).refused(InvalidValueError, "a branch name")


@pytest.mark.parametrize("user", ["", 7])
def test_a_user_is_a_name(given: Given, user: Any) -> None:
    before = given(STARTED, MAIN)

    before.when(branch.create, id="b", user=user).refused(InvalidValueError, "a user")
    before.when(branch.fork, 0, id="b", user=user).refused(InvalidValueError, "a user")


def test_an_empty_id_is_refused(given: Given) -> None:
    given(STARTED).when(branch.create, id="").refused(InvalidValueError, "a branch id")


# --- Fork -------------------------------------------------------------------------------------------------


def test_a_fork_shows_what_its_parent_shows_now(given: Given) -> None:
    after = (
        given(STARTED, MAIN, said(), said())
        .when(branch.fork, 0, id="f")
        .then(BranchCreated(1, "f", "main-fork", parent=0, at=4))
    )

    assert after.shows(1) == [3, 4]
    assert after.origins(1) == ["inherited", "inherited"]
    assert after.state.branches[1].parent == 0
    assert after.state.branches[1].forked_at == 4
    assert after.state.default == 0


def test_a_fork_at_a_position_shows_what_its_parent_showed_there(given: Given) -> None:
    after = (
        given(STARTED, MAIN, said(), said(), said())
        .when(branch.fork, 0, id="f", at=4, name="retry")
        .then(BranchCreated(1, "f", "retry", parent=0, at=4))
    )

    assert after.shows(1) == [3, 4]


def test_a_fork_and_its_parent_go_separate_ways(given: Given) -> None:
    after = given(STARTED, MAIN, said(), BranchCreated(1, "f", "retry", parent=0, at=3), said(0), said(1), said(0))

    assert after.shows(0) == [3, 5, 7]
    assert after.shows(1) == [3, 6]


def test_a_fork_inside_inherited_history_shows_a_part_of_it(given: Given) -> None:
    forked = BranchCreated(1, "f", "fork", parent=0, at=5)
    after = (
        given(STARTED, MAIN, said(), said(), said(), forked, said(1))
        .when(branch.fork, 1, id="g", at=6)
        .then(BranchCreated(2, "g", "fork-fork", parent=1, at=6))
    )

    assert after.shows(1) == [3, 4, 5, 7]
    assert after.shows(2) == [3, 4, 5]


def test_a_fork_where_its_parent_was_created_shows_what_that_began_with(given: Given) -> None:
    after = (
        given(STARTED, MAIN, said(), said())
        .when(branch.fork, 0, id="f", at=2)
        .then(BranchCreated(1, "f", "main-fork", parent=0, at=2))
    )

    assert after.shows(1) == []


def test_a_fork_before_its_parent_was_changed_shows_the_old_view(given: Given) -> None:
    after = (
        given(STARTED, MAIN, SystemSet(0, TERSE), said(), said(), BranchCleared(0), SystemSet(0, None), said())
        .when(branch.fork, 0, id="f", at=5)
        .then(BranchCreated(1, "f", "main-fork", parent=0, at=5))
    )

    assert after.shows(1) == [4, 5]
    assert after.system(1) == 3
    assert after.shows(0) == [8]
    assert after.system(0) is None


def test_a_fork_before_the_branch_existed_is_refused(given: Given) -> None:
    given(STARTED, MAIN, said(), OTHER).when(branch.fork, 1, id="f", at=3).refused(
        BranchNotFoundError, "'other'", "created later, at position 4"
    )


def test_a_fork_before_its_parent_was_forked_shows_what_that_goes_on_from(given: Given) -> None:
    before = given(STARTED, MAIN, said(), said(), BranchCreated(1, "f", "retry", parent=0, at=3), said(1))

    after = before.when(branch.fork, 1, id="g", at=3).then(BranchCreated(2, "g", "retry-fork", parent=1, at=3))
    assert after.shows(2) == [3]
    assert before.shows(1, at=4) == [3]
    assert before.shows(1, at=2) == []
    before.when(branch.fork, 1, id="g", at=1).refused(BranchNotFoundError, "'retry'")


@pytest.mark.parametrize("at", [-1, 0, 4, 99])
def test_a_fork_at_an_unknown_position_is_refused(given: Given, at: int) -> None:
    given(STARTED, MAIN, said()).when(branch.fork, 0, id="f", at=at).refused(
        ItemNotFoundError, f"position {at} does not exist", "from 1 to 3"
    )


def test_a_position_is_a_whole_number(given: Given) -> None:
    before = given(STARTED, MAIN, said())

    before.when(branch.fork, 0, id="f", at=2.5).refused(InvalidValueError, "branch.created")
    before.when(history.rewind, 0, 2.5).refused(InvalidValueError, "branch.rewound")


@pytest.mark.parametrize("source", [-1, 1, 99])
def test_a_fork_of_an_unknown_branch_is_refused(given: Given, source: int) -> None:
    given(STARTED, MAIN).when(branch.fork, source, id="f").refused(BranchNotFoundError, str(source), "does not exist")


def test_a_removed_branch_can_be_forked_where_it_was_there(given: Given) -> None:
    before = given(STARTED, MAIN, OTHER, said(1), BranchRemoved(1), said(0))

    after = before.when(branch.fork, 1, id="f", at=4).then(BranchCreated(2, "f", "other-fork", parent=1, at=4))
    assert after.shows(2) == [4]


@pytest.mark.parametrize("at", [None, 5, 6])
def test_a_removed_branch_cannot_be_forked_after_that(given: Given, at: int | None) -> None:
    before = given(STARTED, MAIN, OTHER, said(1), BranchRemoved(1), said(0))

    before.when(branch.fork, 1, id="f", at=at).refused(
        BranchNotFoundError, "'other'", "removed at position 5", "up to position 4"
    )


def test_the_automatic_name_of_a_fork_is_free(given: Given) -> None:
    names = ("main-fork", "main-fork-4", "main-fork-2")
    taken = [BranchCreated(number, f"id-{number}", name) for number, name in enumerate(names, 1)]
    before = given(STARTED, MAIN, *taken)

    before.when(branch.fork, 0, id="f").then(BranchCreated(4, "f", "main-fork-5", parent=0, at=5))


def test_the_automatic_name_of_a_fork_does_not_take_the_one_a_user_gave(given: Given) -> None:
    before = given(STARTED, MAIN, BranchCreated(1, "a", "main-fork-2"))

    after = before.when(branch.fork, 0, id="b").then(BranchCreated(2, "b", "main-fork", parent=0, at=3))
    after.when(branch.fork, 0, id="c").then(BranchCreated(3, "c", "main-fork-3", parent=0, at=4))


def test_the_automatic_name_of_a_removed_branch_is_free_again(given: Given) -> None:
    before = given(STARTED, MAIN, BranchCreated(1, "a", "main-fork"), BranchRemoved(1))

    before.when(branch.fork, 0, id="b").then(BranchCreated(2, "b", "main-fork", parent=0, at=4))


def test_automatic_names_of_forks_of_forks_stay_within_the_limit(given: Given) -> None:
    before = given(STARTED, BranchCreated(0, "a", "x" * 255))

    after = before.when(branch.fork, 0, id="b").then(BranchCreated(1, "b", "x" * 235 + "-fork", parent=0, at=2))
    after.when(branch.fork, 1, id="c").then(BranchCreated(2, "c", "x" * 235 + "-fork-2", parent=1, at=3))


def test_a_fork_belongs_to_the_user_of_its_parent_or_to_the_one_given(given: Given) -> None:
    before = given(STARTED, BranchCreated(0, "a", "main", user="ada"))

    before.when(branch.fork, 0, id="f").then(BranchCreated(1, "f", "main-fork", 0, 2, user="ada"))
    before.when(branch.fork, 0, id="f", user="bob").then(BranchCreated(1, "f", "main-fork", 0, 2, user="bob"))


def test_a_fork_can_say_that_its_messages_are_cloned(given: Given) -> None:
    after = (
        given(STARTED, MAIN, said())
        .when(branch.fork, 0, id="f", origin=Origin.CLONED)
        .then(BranchCreated(1, "f", "main-fork", 0, 3, Origin.CLONED))
    )

    assert after.origins(1) == ["cloned"]


# --- Rename -----------------------------------------------------------------------------------------------


def test_a_renamed_branch_answers_to_its_new_name_its_id_and_its_number(given: Given) -> None:
    after = given(STARTED, MAIN).when(branch.rename, 0, "plan").then_once(BranchRenamed(0, "plan"))

    assert [number_of(after, "plan"), number_of(after, "id-main"), number_of(after, 0)] == [0, 0, 0]
    with pytest.raises(BranchNotFoundError, match="branch 'main' does not exist in session s; expected one of 'plan'"):
        get_branch(after.state, "main")


def test_the_old_name_of_a_renamed_branch_is_free(given: Given) -> None:
    before = given(STARTED, MAIN, BranchRenamed(0, "plan"))

    after = before.when(branch.create, id="b", name="main").then(BranchCreated(1, "b", "main"))
    assert [number_of(after, "plan"), number_of(after, "main")] == [0, 1]


def test_two_branches_can_swap_their_names(given: Given) -> None:
    after = given(STARTED, MAIN, OTHER, BranchRenamed(0, "third"), BranchRenamed(1, "main"), BranchRenamed(0, "other"))

    assert [number_of(after, "main"), number_of(after, "other")] == [1, 0]
    assert [number_of(after, "id-main"), number_of(after, "id-other")] == [0, 1]


@pytest.mark.parametrize(
    ("decide", "args"),
    [
        (branch.rename, ("name",)),
        (branch.remove, ()),
        (branch.change_default, ()),
        (branch.change_access, ()),
        (branch.set_system, (None,)),
        (history.rewind, (1,)),
        (history.truncate, (0,)),
        (history.clear, ()),
        (history.undo, ()),
        (history.share, ([1],)),
        (history.reorder, ([],)),
        (message.append, ([Message("hello")],)),
        (message.retract, (1,)),
    ],
)
def test_nothing_happens_to_a_branch_that_is_not_there(
    given: Given, decide: Callable[..., list[Event]], args: tuple[Any, ...]
) -> None:
    removed = given(STARTED, MAIN, OTHER, BranchRemoved(1))

    removed.when(decide, 7, *args).refused(BranchNotFoundError, "branch 7 does not exist", "one of 'main'")
    removed.when(decide, 1, *args).refused(BranchNotFoundError, "'other'", "removed at position 4")


def test_a_session_without_branches_says_so(given: Given) -> None:
    given(STARTED).when(branch.rename, 0, "plan").refused(BranchNotFoundError, "the session has no branch")


# --- Remove, default --------------------------------------------------------------------------------------


def test_a_removed_branch_is_there_no_longer_and_stays_readable(given: Given) -> None:
    after = given(STARTED, MAIN, OTHER, said(1)).when(branch.remove, 1).then(BranchRemoved(1))

    assert [live.name for live in after.state.live] == ["main"]
    assert after.shows(1, at=4) == [4]
    after.when(branch.remove, 1).refused(BranchNotFoundError, "'other'", "removed at")


def test_the_name_of_a_removed_branch_is_free_and_its_id_is_not(given: Given) -> None:
    before = given(STARTED, MAIN, OTHER, BranchRemoved(1))

    after = before.when(branch.create, id="b", name="other").then(BranchCreated(2, "b", "other"))
    assert number_of(after, "other") == 2
    before.when(branch.create, id="id-other").refused(InvalidValueError, "'id-other'", "in use")


def test_when_the_default_is_removed_the_oldest_that_is_left_becomes_it(given: Given) -> None:
    before = given(STARTED, MAIN, OTHER, BranchCreated(2, "c", "third"))

    after = before.when(branch.remove, 0).then(BranchRemoved(0), DefaultBranchChanged(1))
    assert after.state.default == 1


def test_when_the_last_branch_is_removed_there_is_no_default(given: Given) -> None:
    after = given(STARTED, MAIN).when(branch.remove, 0).then(BranchRemoved(0), DefaultBranchChanged(None))

    assert after.state.default is None
    assert after.when(branch.create, id="b").then(BranchCreated(1, "b", "branch")).state.default == 1


def test_another_branch_can_be_the_default(given: Given) -> None:
    after = given(STARTED, MAIN, OTHER).when(branch.change_default, 1).then_once(DefaultBranchChanged(1))

    assert after.state.default == 1


def test_the_default_is_the_default_already(given: Given) -> None:
    given(STARTED, MAIN).when(branch.change_default, 0).nothing()


# --- Access -----------------------------------------------------------------------------------------------


def restricted(capabilities: list[str] | None, resources: list[str] | None) -> Event:
    return BranchCreated(0, "id-main", "main", capabilities=capabilities, resources=resources)


def test_without_access_sets_everything_is_allowed(given: Given) -> None:
    main = given(STARTED, MAIN).state.branches[0]

    assert (main.capabilities, main.resources) == (None, None)


def test_an_empty_access_set_allows_nothing(given: Given) -> None:
    after = (
        given(STARTED)
        .when(branch.create, id="b", capabilities=(), resources=set())
        .then(BranchCreated(0, "b", "main", capabilities=[], resources=[]))
    )

    assert (after.state.branches[0].capabilities, after.state.branches[0].resources) == (frozenset(), frozenset())


def test_a_fork_may_use_what_its_parent_may_use(given: Given) -> None:
    given(STARTED, restricted(["b", "a"], [])).when(branch.fork, 0, id="f").then(
        BranchCreated(1, "f", "main-fork", 0, 2, capabilities=["a", "b"], resources=[])
    )


def test_a_fork_before_a_restriction_is_restricted_too(given: Given) -> None:
    before = given(STARTED, MAIN, said(), AccessChanged(0, ["a"], None))

    before.when(branch.fork, 0, id="f", at=3).then(
        BranchCreated(1, "f", "main-fork", 0, 3, capabilities=["a"], resources=None)
    )


def test_a_fork_may_be_given_access_of_its_own(given: Given) -> None:
    before = given(STARTED, restricted(["a"], ["gpt-4o-mini"]))

    before.when(branch.fork, 0, id="f", capabilities=None, resources=["b", "b"]).then(
        BranchCreated(1, "f", "main-fork", 0, 2, capabilities=None, resources=["b"])
    )


def test_access_that_is_not_named_stays_as_it_is(given: Given) -> None:
    before = given(STARTED, restricted(["a"], ["x"]))

    after = before.when(branch.change_access, 0, resources={"y"}).then_once(AccessChanged(0, ["a"], ["y"]))
    assert after.state.branches[0].capabilities == frozenset({"a"})
    assert after.state.branches[0].resources == frozenset({"y"})


def test_access_can_be_lifted_and_denied(given: Given) -> None:
    before = given(STARTED, restricted(["a"], None))

    before.when(branch.change_access, 0, capabilities=None).then_once(AccessChanged(0, None, None))
    before.when(branch.change_access, 0, resources=[]).then_once(AccessChanged(0, ["a"], []))


def test_access_that_is_so_already_changes_nothing(given: Given) -> None:
    before = given(STARTED, restricted(["a", "b"], None))

    before.when(branch.change_access, 0).nothing()
    before.when(branch.change_access, 0, capabilities={"b", "a"}, resources=None).nothing()


@pytest.mark.parametrize("access", ["Analysis", ["a", 7], {None}])
def test_access_that_is_no_set_of_names_is_refused(given: Given, access: Any) -> None:
    before = given(STARTED, MAIN)

    before.when(branch.create, id="b", capabilities=access).refused(InvalidValueError, "capabilities", "a set of str")
    before.when(branch.fork, 0, id="b", resources=access).refused(InvalidValueError, "resources")
    before.when(branch.change_access, 0, resources=access).refused(InvalidValueError, "resources")


# --- System message ---------------------------------------------------------------------------------------


def test_a_system_message_stands_in_front_of_all_others(given: Given) -> None:
    after = (
        given(STARTED, MAIN, said())
        .when(branch.set_system, 0, TERSE, sender="ada", metadata={"a": (1,)})
        .then(SystemSet(0, TERSE, "ada", {"a": [1]}))
    )

    assert after.system(0) == 4
    assert after.shows(0) == [3]
    assert after.state.showing(0).length == 2
    assert after.system(0, at=3) is None


def test_a_system_message_replaces_the_one_before_it(given: Given) -> None:
    polite = SystemContent(system_message="be polite")

    after = given(STARTED, MAIN, SystemSet(0, TERSE)).when(branch.set_system, 0, polite).then(SystemSet(0, polite))
    assert after.system(0) == 4
    assert after.system(0, at=3) == 3
    assert after.state.showing(0).length == 1


def test_a_branch_can_lose_its_system_message(given: Given) -> None:
    before = given(STARTED, MAIN, SystemSet(0, TERSE))

    after = before.when(branch.set_system, 0, None).then_once(SystemSet(0, None))
    assert after.system(0) is None


def test_a_branch_without_a_system_message_has_none_to_lose(given: Given) -> None:
    given(STARTED, MAIN).when(branch.set_system, 0, None).nothing()


def test_a_fork_has_the_system_message_of_its_parent_until_it_has_its_own(given: Given) -> None:
    forked = BranchCreated(1, "f", "fork", parent=0, at=3)
    after = given(STARTED, MAIN, SystemSet(0, TERSE), forked, SystemSet(0, TERSE), SystemSet(1, TERSE))

    assert [after.system(1, at=4), after.system(1, at=5), after.system(1), after.system(0)] == [3, 3, 6, 5]


@pytest.mark.parametrize(
    ("content", "kwargs"),
    [
        (SystemContent(system_message=7), {}),  # type: ignore[arg-type]  # what a caller without types can do
        (TERSE, {"sender": 7}),
        (TERSE, {"sender": "\ud800"}),
        (TERSE, {"metadata": {1: 2}}),
        (SystemContent(extra={"a": float("nan")}), {}),
        (SystemContent(system_message="\ud800"), {}),
    ],
)
def test_a_system_message_that_the_record_cannot_say_is_refused(
    given: Given, content: SystemContent, kwargs: dict[str, Any]
) -> None:
    given(STARTED, MAIN).when(branch.set_system, 0, content, **kwargs).refused(InvalidValueError)
