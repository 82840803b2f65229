"""What may happen to a session as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from turnlog.domain.content import InstructionContent, SystemContent
from turnlog.domain.decisions import branch, history, message, session
from turnlog.domain.errors import (
    InvalidValueError,
    ItemNotFoundError,
    SessionExistsError,
    SessionNotActiveError,
    SessionNotFoundError,
    SessionReferencedError,
)
from turnlog.domain.events import (
    BranchCreated,
    Event,
    ForkEnded,
    MessageAppended,
    MessageRedacted,
    MetadataUpdated,
    SessionArchived,
    SessionDeleted,
    SessionForked,
    SessionRenamed,
    SessionRestored,
    SessionStarted,
    StateRemoved,
    StateSet,
)
from turnlog.domain.message import Message
from turnlog.domain.state import State, Status

if TYPE_CHECKING:
    from tests.unit.conftest import Given

STARTED = SessionStarted()
MAIN = BranchCreated(0, "id-main", "main")
RETRY = BranchCreated(1, "id-retry", "retry", parent=0, at=2)
HELLO = MessageAppended(0, InstructionContent(instruction="hello"))

# --- The life of a session --------------------------------------------------------------------------------


def test_a_session_starts_with_what_is_known_of_it(given: Given) -> None:
    after = (
        given()
        .when(session.start, name="support", user="ada", key="ticket-7", metadata={"channel": "web"})
        .then(SessionStarted(name="support", user="ada", key="ticket-7", metadata={"channel": "web"}))
    )

    assert after.state.status is Status.ACTIVE
    assert after.state.created == 10
    assert after.state.metadata == {"channel": "web"}


def test_a_session_starts_without_anything_known(given: Given) -> None:
    given().when(session.start).then(SessionStarted())


def test_a_session_does_not_start_twice(given: Given) -> None:
    given(STARTED).when(session.start).refused(SessionExistsError, "'s'")


def test_a_deleted_session_does_not_start_again(given: Given) -> None:
    given(STARTED, SessionDeleted()).when(session.start).refused(SessionExistsError, "'s'")


@pytest.mark.parametrize("field", ["name", "user", "key"])
@pytest.mark.parametrize("value", ["", "x" * 256, "two\nlines", "nul\0", "\ud800", 7, b"bytes"])
def test_a_label_that_cannot_be_shown_is_refused(given: Given, field: str, value: Any) -> None:
    given().when(session.start, **{field: value}).refused(InvalidValueError, field)


def test_a_label_may_be_long_and_in_any_script(given: Given) -> None:
    name = "δοκιμή 试验 🚀".ljust(255, "x")

    given().when(session.start, name=name).then(SessionStarted(name=name))


def test_a_session_id_that_cannot_be_shown_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="a session id has 0 characters: expected 1 to 255"):
        session.start(State(""))


def test_an_archived_session_can_be_restored(given: Given) -> None:
    archived = given(STARTED).when(session.archive, "done").then_once(SessionArchived("done"))
    restored = archived.when(session.restore, "again").then_once(SessionRestored("again"))

    assert archived.state.status is Status.ARCHIVED
    assert restored.state.status is Status.ACTIVE


def test_an_active_session_needs_no_restoring(given: Given) -> None:
    given(STARTED).when(session.restore).nothing()


def test_a_session_is_deleted_by_a_tombstone(given: Given) -> None:
    after = given(STARTED).when(session.delete, "asked for").then_once(SessionDeleted("asked for"))

    assert after.state.status is Status.DELETED


def test_an_archived_session_can_be_deleted(given: Given) -> None:
    given(STARTED, SessionArchived()).when(session.delete).then_once(SessionDeleted())


@pytest.mark.parametrize("decide", [session.archive, session.restore])
def test_a_deleted_session_comes_not_back(given: Given, decide: Callable[..., list[Event]]) -> None:
    given(STARTED, SessionDeleted()).when(decide).refused(SessionNotActiveError, "deleted")


def test_a_session_that_others_go_on_from_is_not_deleted_before_them(given: Given) -> None:
    before = given(STARTED, SessionForked("s-3", 1), SessionForked("s-2", 1))

    before.when(session.delete).refused(SessionReferencedError, "session s", "are forked from it", "s-2, s-3")
    before.when(session.archive).then_once(SessionArchived())


def test_a_session_forgets_those_that_went_on_from_it_and_were_deleted(given: Given) -> None:
    before = given(STARTED, SessionForked("s-2", 1), SessionForked("s-3", 1))

    after = before.when(session.end_fork, "s-2").then_once(ForkEnded("s-2"))
    assert after.state.forks == {"s-3"}
    given(*after.events, ForkEnded("s-3")).when(session.delete).then_once(SessionDeleted())


@pytest.mark.parametrize("decide", [session.archive, session.restore, session.delete])
def test_a_reason_is_text(given: Given, decide: Callable[..., list[Event]]) -> None:
    before = given(STARTED, SessionArchived()) if decide is session.restore else given(STARTED)

    before.when(decide, 7).refused(InvalidValueError, "reason")


CHANGES: list[tuple[Callable[..., list[Event]], tuple[Any, ...], dict[str, Any]]] = [
    (session.rename, ("other",), {}),
    (session.update_metadata, ({"a": 1},), {}),
    (session.set_state, ("key", 1), {}),
    (session.remove_state, ("key",), {}),
    (branch.create, (), {"id": "id-new"}),
    (branch.fork, (0,), {"id": "id-new"}),
    (branch.rename, (0, "other"), {}),
    (branch.remove, (0,), {}),
    (branch.change_default, (1,), {}),
    (branch.change_access, (0,), {"capabilities": []}),
    (branch.set_system, (0, SystemContent(system_message="be terse")), {}),
    (history.rewind, (0, 2), {}),
    (history.truncate, (0, 0), {}),
    (history.clear, (0,), {}),
    (history.undo, (0,), {}),
    (history.share, (1, [3]), {}),
    (history.merge, (0, 1), {}),
    (history.reorder, (0, [3]), {}),
    (message.append, (0, [Message("hello")]), {}),
    (message.retract, (0, 3), {}),
]


@pytest.mark.parametrize(("decide", "args", "kwargs"), CHANGES)
@pytest.mark.parametrize(
    ("put_away", "words"),
    [
        (SessionArchived(), ("is archived", "restore it first")),
        (SessionDeleted(), ("is deleted", "earlier positions")),
    ],
)
def test_a_session_that_was_put_away_takes_no_changes(
    given: Given,
    decide: Callable[..., list[Event]],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    put_away: Event,
    words: tuple[str, ...],
) -> None:
    before = given(STARTED, MAIN, HELLO, RETRY, StateSet("key", 0), put_away)

    before.when(decide, *args, **kwargs).refused(SessionNotActiveError, *words)


@pytest.mark.parametrize(
    ("decide", "args", "kwargs"),
    [
        *CHANGES,
        (session.archive, (), {}),
        (session.restore, (), {}),
        (session.delete, (), {}),
        (session.end_fork, ("s-2",), {}),
        (message.redact, (3, "message.appended", "{}"), {}),
    ],
)
def test_a_session_that_was_never_started_takes_no_changes(
    given: Given, decide: Callable[..., list[Event]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    given().when(decide, *args, **kwargs).refused(SessionNotFoundError, "'s'")


@pytest.mark.parametrize("put_away", [SessionArchived(), SessionDeleted()])
def test_words_can_be_taken_off_the_record_of_a_session_that_was_put_away(given: Given, put_away: Event) -> None:
    before = given(STARTED, MAIN, HELLO, put_away)

    before.when(message.redact, 3, "message.appended", "{}").then(MessageRedacted(3, "{}"))


# --- Name and metadata ------------------------------------------------------------------------------------


def test_a_session_gets_another_name(given: Given) -> None:
    after = given(SessionStarted(name="old")).when(session.rename, "new").then_once(SessionRenamed("new"))

    assert after.state.name == "new"


def test_a_session_may_lose_its_name(given: Given) -> None:
    given(SessionStarted(name="old")).when(session.rename, None).then_once(SessionRenamed(None))


def test_a_session_name_that_cannot_be_shown_is_refused(given: Given) -> None:
    given(STARTED).when(session.rename, "").refused(InvalidValueError, "a session name")


def test_only_the_metadata_that_changed_is_recorded(given: Given) -> None:
    after = (
        given(SessionStarted(metadata={"topic": "billing", "stars": 4}))
        .when(session.update_metadata, {"topic": "billing", "stars": 5, "tags": ["a"]})
        .then_once(MetadataUpdated({"stars": 5, "tags": ["a"]}))
    )

    assert after.state.metadata == {"topic": "billing", "stars": 5, "tags": ["a"]}


def test_metadata_that_is_so_already_changes_nothing(given: Given) -> None:
    before = given(SessionStarted(metadata={"a": {"b": [1, 2], "c": None}}))

    before.when(session.update_metadata, {"a": {"c": None, "b": (1, 2)}}).nothing()
    before.when(session.update_metadata, {}).nothing()


def test_a_key_that_is_new_is_recorded_even_if_it_says_nothing(given: Given) -> None:
    given(STARTED).when(session.update_metadata, {"a": None}).then_once(MetadataUpdated({"a": None}))


@pytest.mark.parametrize(
    ("kept", "given_now"),
    [(1, True), (True, 1), (1, 1.0), (0, False), (0, None), ([1], [True]), ({"a": 1}, {"a": 1.0}), ("1", 1)],
)
def test_one_and_true_and_one_point_nought_are_different_values(given: Given, kept: Any, given_now: Any) -> None:
    before = given(SessionStarted(metadata={"a": kept}), StateSet("a", kept))

    before.when(session.update_metadata, {"a": given_now}).then_once(MetadataUpdated({"a": given_now}))
    before.when(session.set_state, "a", given_now).then_once(StateSet("a", given_now))


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud800", {1: "a"}, {"\udfff": 1}, object(), b"bytes"])
def test_metadata_and_state_that_the_record_cannot_say_are_refused(given: Given, value: Any) -> None:
    before = given(SessionStarted(metadata={"a": "kept"}), StateSet("a", "kept"))

    given().when(session.start, metadata={"a": value}).refused(InvalidValueError, "metadata")
    before.when(session.update_metadata, {"a": value}).refused(InvalidValueError, "metadata")
    before.when(session.set_state, "a", value).refused(InvalidValueError, "state 'a'")


@pytest.mark.parametrize("metadata", [["a"], "a", 7])
def test_metadata_that_is_no_dict_is_refused(given: Given, metadata: Any) -> None:
    given().when(session.start, metadata=metadata).refused(InvalidValueError, "metadata cannot be a", "a dict")
    given(STARTED).when(session.update_metadata, metadata).refused(InvalidValueError, "metadata cannot be a", "a dict")


# --- State ------------------------------------------------------------------------------------------------


def test_state_is_kept_under_a_key(given: Given) -> None:
    after = given(STARTED).when(session.set_state, "topic", ["a", 1]).then_once(StateSet("topic", ["a", 1]))

    assert after.state.values == {"topic": ["a", 1]}


def test_state_may_be_nothing(given: Given) -> None:
    given(STARTED).when(session.set_state, "topic", None).then_once(StateSet("topic", None))


def test_state_under_a_key_that_cannot_be_shown_is_refused(given: Given) -> None:
    given(STARTED).when(session.set_state, "", 1).refused(InvalidValueError, "a state key")


def test_state_can_be_removed(given: Given) -> None:
    after = given(STARTED, StateSet("topic", 1)).when(session.remove_state, "topic").then(StateRemoved("topic"))

    assert after.state.values == {}
    after.when(session.remove_state, "topic").refused(ItemNotFoundError, "'topic'")


def test_state_that_was_never_set_cannot_be_removed(given: Given) -> None:
    given(STARTED).when(session.remove_state, "topic").refused(ItemNotFoundError, "'topic'", "does not exist")
