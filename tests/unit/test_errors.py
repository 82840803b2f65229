"""Errors belong to one family, pickle, and say what was wrong and what to do."""

import pickle
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnlog import errors
from turnlog.domain.errors.base import message_not_found, position_not_found, projection_not_found
from turnlog.errors import InvalidOperationError, NotFoundError, OperationError, SessionError, StoreError, TurnlogError

ALL: list[Any] = [getattr(errors, name) for name in errors.__all__]
WITH_FIELDS = [each for each in ALL if is_dataclass(each)]
FLAT: dict[str, Any] = {"results": dict[str, int]}
"""Fields that may hold any JSON, which no strategy draws by its type."""


def values_of(error: Any) -> dict[str, Any]:
    """A strategy for every field."""
    hints = get_type_hints(error)
    return {field.name: st.from_type(FLAT.get(field.name, hints[field.name])) for field in fields(error)}


@pytest.mark.parametrize("error", WITH_FIELDS)
@settings(max_examples=20, derandomize=True)
@given(data=st.data())
def test_an_error_can_be_pickled(error: Any, data: st.DataObject) -> None:
    made = error(**data.draw(st.fixed_dictionaries(values_of(error))))
    arrived = pickle.loads(pickle.dumps(made))

    assert type(arrived) is error
    assert str(arrived) == str(made)
    assert arrived.args == made.args
    assert vars(arrived) == vars(made)


def test_an_error_without_fields_can_be_pickled() -> None:
    made = SessionError("storage is corrupt")

    assert str(pickle.loads(pickle.dumps(made))) == "storage is corrupt"


@pytest.mark.parametrize("error", [each for each in ALL if each is not TurnlogError])
def test_every_error_belongs_to_one_family(error: type[TurnlogError]) -> None:
    families = (InvalidOperationError, StoreError, OperationError)

    assert sum(issubclass(error, family) for family in families) == 1
    assert error.__name__.endswith("Error")
    assert error.__doc__


def test_all_errors_are_published() -> None:
    def below(kind: type[TurnlogError]) -> set[type[TurnlogError]]:
        return {each for child in kind.__subclasses__() for each in (child, *below(child))}

    assert {each for each in below(TurnlogError) if each.__module__.startswith("turnlog.domain")} <= set(ALL)


@pytest.mark.parametrize(
    ("error", "families"),
    [
        (errors.SessionNotFoundError, (NotFoundError, SessionError, LookupError)),
        (errors.SessionExistsError, (SessionError,)),
        (errors.SessionNotActiveError, (SessionError,)),
        (errors.ItemNotFoundError, (NotFoundError, LookupError, ValueError)),
        (errors.BranchNotFoundError, (NotFoundError, LookupError, ValueError)),
        (errors.InvalidBranchError, (ValueError,)),
        (errors.NameTakenError, (ValueError,)),
        (errors.InvalidMailError, (ValueError,)),
        (errors.InvalidValueError, (ValueError,)),
        (errors.InvalidContentError, (ValueError,)),
        (errors.ReadOnlyError, (AttributeError, TypeError)),
        (errors.MissingExtraError, (ImportError,)),
        (errors.AccessDeniedError, (PermissionError,)),
        (errors.ModelTimeoutError, (errors.ModelError, TimeoutError)),
        (errors.ToolTimeoutError, (errors.ToolError, TimeoutError)),
        (errors.OutcomeUnknownError, (errors.DatabaseError,)),
        (errors.StoreNotFoundError, (LookupError,)),
    ],
)
def test_an_error_can_be_caught_by_its_families(error: type[TurnlogError], families: tuple[type, ...]) -> None:
    assert [family for family in families if not issubclass(error, family)] == []


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (errors.SessionNotFoundError("s-1"), "session 's-1' does not exist in this store"),
        (errors.SessionNotFoundError("@last"), "the store has no session, so @last cannot be found"),
        (
            errors.SessionExistsError("s-1"),
            "session 's-1' exists already; use a new id, or open the session",
        ),
        (
            errors.PositionConflictError("s-1", "no stream", 4),
            "session s-1 was expected to have no event (NO_STREAM) and is at position 4; expect that position, "
            "or use a new session",
        ),
        (errors.SessionNotActiveError("s-1", "archived"), "session s-1 is archived; restore it first"),
        (
            errors.SessionNotActiveError("s-1", "deleted"),
            "session s-1 is deleted; it can only be read, at earlier positions",
        ),
        (
            errors.BranchNotFoundError("s-1", "'mian'", ("main", "retry")),
            "branch 'mian' does not exist in session s-1; did you mean 'main'?",
        ),
        (
            errors.BranchNotFoundError("s-1", "12", tuple(f"c{number}" for number in range(12))),
            "branch 12 does not exist in session s-1; expected one of "
            "'c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8', 'c9' and 2 more",
        ),
        (
            errors.BranchNotFoundError("s-1", "0", ()),
            "branch 0 does not exist in session s-1; the session has no branch",
        ),
        (
            errors.BranchNotFoundError("s-1", "'retry'", ("main",), removed_at=9),
            "branch 'retry' of session s-1 was removed at position 9; it can be read and forked up to position 8",
        ),
        (
            errors.BranchNotFoundError("s-1", "'retry'", ("main", "retry"), created_at=5),
            "branch 'retry' of session s-1 was created later, at position 5",
        ),
        (position_not_found("s-1", 9, 1, 4), "position 9 does not exist in session s-1; expected one from 1 to 4"),
        (
            message_not_found("s-1", "m-1", "branch 'main' of "),
            "message m-1 does not exist in branch 'main' of session s-1",
        ),
        (
            projection_not_found("b.db", "usage", ()),
            "projection 'usage' does not exist in b.db; start a runner with it first",
        ),
        (
            errors.ItemNotFoundError("tool", "'serch'", known=("search", "sum")),
            "tool 'serch' does not exist; did you mean 'search'?",
        ),
        (
            errors.PositionConflictError("s-1", 3, 5),
            "session s-1 was expected at position 3 and is at 5; read it again and retry",
        ),
        (
            errors.UnreadableEventError("s-1", 4, "session.exploded", "no event has this stored name"),
            "event 'session.exploded' at position 4 of session s-1 cannot be read: no event has this stored name",
        ),
    ],
)
def test_the_sentence_of_an_error(error: TurnlogError, sentence: str) -> None:
    assert str(error) == sentence
