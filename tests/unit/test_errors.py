"""Every refusal says what is and what was expected, belongs to a family, and travels between processes."""

import pickle
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnlog.domain import (
    content_errors,
    errors,
    mail_errors,
    projection_errors,
    reference_errors,
    store_errors,
    work_errors,
)
from turnlog.domain.errors import ItemNotFoundError, Refused, SessionError, StoreError, TurnlogError, WorkFailed

MODULES = {
    module.__name__
    for module in (
        content_errors,
        errors,
        mail_errors,
        projection_errors,
        reference_errors,
        store_errors,
        work_errors,
    )
}
FREE_SENTENCE = {
    mail_errors.InvalidPackage,
    content_errors.AnswerMisfit,
    content_errors.ImageRefused,
    content_errors.InvalidContent,
    errors.InvalidMerge,
    errors.InvalidValue,
}
"""Whoever raises one of these says what was expected; the tests of decisions hold them to it."""


def all_errors(root: type[TurnlogError] = TurnlogError) -> list[type[TurnlogError]]:
    found = {kind for child in root.__subclasses__() for kind in (child, *all_errors(child))}
    return sorted((kind for kind in found if kind.__module__ in MODULES), key=lambda kind: kind.__name__)


FLAT: dict[str, Any] = {"results": dict[str, int]}
"""Fields that may hold any JSON, which no strategy draws by its type."""


def values_of(error: Any) -> dict[str, Any]:
    """A value for every field."""
    hints = get_type_hints(error)
    return {field.name: st.from_type(FLAT.get(field.name, hints[field.name])) for field in fields(error)}


NAMED: list[Any] = [error for error in all_errors() if is_dataclass(error)]


@pytest.mark.parametrize("error", NAMED)
@settings(max_examples=20, derandomize=True)
@given(data=st.data())
def test_an_error_travels_between_processes(error: Any, data: st.DataObject) -> None:
    made = error(**data.draw(st.fixed_dictionaries(values_of(error))))
    arrived = pickle.loads(pickle.dumps(made))

    assert type(arrived) is error
    assert str(arrived) == str(made)
    assert arrived.args == made.args
    assert vars(arrived) == vars(made)


@pytest.mark.parametrize("error", all_errors())
def test_every_error_belongs_to_one_family(error: type[TurnlogError]) -> None:
    assert [issubclass(error, family) for family in (Refused, StoreError, WorkFailed)].count(True) == 1
    assert error.__doc__


@pytest.mark.parametrize(
    "error", [error for error in NAMED if issubclass(error, Refused) and error not in FREE_SENTENCE]
)
def test_every_refusal_says_what_was_expected(error: Any) -> None:
    samples: dict[Any, Any] = {str: "a", str | None: "a", int: 7, int | str: 7, bool: True, tuple[str, ...]: ("main",)}
    hints = get_type_hints(error)

    sentence = str(error(**{field.name: samples[hints[field.name]] for field in fields(error)}))

    assert "expected" in sentence


def test_an_error_without_fields_travels_too() -> None:
    made = errors.SessionError("storage is corrupt")

    assert str(pickle.loads(pickle.dumps(made))) == "storage is corrupt"


@pytest.mark.parametrize(
    ("error", "families"),
    [
        (errors.SessionNotFoundError, (ItemNotFoundError, SessionError, LookupError)),
        (errors.SessionExists, (SessionError,)),
        (errors.SessionNotActive, (SessionError,)),
        (errors.UnknownState, (ItemNotFoundError, LookupError)),
        (errors.UnknownBranch, (ItemNotFoundError, errors.InvalidBranch, LookupError, ValueError)),
        (errors.RemovedBranch, (errors.UnknownBranch,)),
        (errors.BranchNotYet, (errors.UnknownBranch,)),
        (errors.ForeignBranch, (errors.InvalidBranch, ValueError)),
        (errors.NameTaken, (errors.InvalidBranch, ValueError)),
        (mail_errors.UnknownParticipant, (mail_errors.InvalidMail, ValueError, LookupError)),
        (mail_errors.UnknownCategory, (mail_errors.InvalidMail, ValueError)),
        (errors.InvalidMerge, (errors.InvalidBranch, ValueError)),
        (errors.UnknownPosition, (ItemNotFoundError, LookupError, ValueError)),
        (errors.UnknownMessage, (ItemNotFoundError, LookupError, ValueError)),
        (errors.InvalidOrder, (ValueError,)),
        (content_errors.InvalidContent, (ValueError,)),
        (errors.InvalidValue, (ValueError,)),
        (errors.PositionConflict, (Refused,)),
        (store_errors.UnreadableEvent, (StoreError,)),
        (store_errors.StoreClosed, (StoreError,)),
    ],
)
def test_an_error_can_be_caught_by_its_families(error: type[TurnlogError], families: tuple[type, ...]) -> None:
    assert [family for family in families if not issubclass(error, family)] == []


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            errors.SessionNotFoundError("s-1"),
            "there is no session 's-1': expected the id of one in this store, or its name to a manager",
        ),
        (
            errors.SessionExists("s-1"),
            "session 's-1' is on the record already: expected a new id, or open the session by this one",
        ),
        (
            errors.SessionNotActive("s-1", "archived"),
            "session s-1 is archived: expected an active one; restore it first",
        ),
        (
            errors.SessionNotActive("s-1", "deleted"),
            "session s-1 is deleted: expected an active one; it can only be read, at earlier positions",
        ),
        (
            errors.UnknownBranch("s-1", "'tangent'", ("main", "retry")),
            "session s-1 has no branch 'tangent': expected one of 'main', 'retry'",
        ),
        (
            errors.UnknownBranch("s-1", "12", tuple(f"b{number}" for number in range(12))),
            "session s-1 has no branch 12: expected one of "
            "'b0', 'b1', 'b2', 'b3', 'b4', 'b5', 'b6', 'b7', 'b8', 'b9' and 2 more",
        ),
        (
            errors.UnknownBranch("s-1", "0", ()),
            "session s-1 has no branch 0: expected a branch, but the session has none",
        ),
        (
            errors.RemovedBranch("s-1", "'retry'", ("main",), 9),
            "branch 'retry' of session s-1 was removed at position 9: expected one of 'main'; "
            "up to position 8 it can be read and forked",
        ),
        (
            errors.BranchNotYet("s-1", "'retry'", ("main", "retry"), 3, 5),
            "branch 'retry' of session s-1 did not exist at position 3: "
            "expected position 5, where it was created, or a later one",
        ),
        (
            errors.UnknownPosition("s-1", 9, 1, 4),
            "session s-1 has no position 9: expected a position from 1 to 4, its last",
        ),
        (
            errors.PositionConflict("s-1", 3, 5),
            "session s-1 was expected at 3 and is at 5: read it and decide again",
        ),
        (
            store_errors.UnreadableEvent("s-1", 4, "session.exploded", "no event has this stored name"),
            "event 'session.exploded' at position 4 of session s-1 cannot be read: no event has this stored name",
        ),
    ],
)
def test_the_sentence_of_an_error(error: TurnlogError, sentence: str) -> None:
    assert str(error) == sentence
