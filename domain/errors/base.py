"""The families of errors, and the parts their sentences share."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import TypeVar, dataclass_transform


class TurnlogError(Exception):
    """The root of all errors that Turnlog raises on purpose."""

    def __post_init__(self) -> None:
        """Keep the fields as `args`, so that the error can be pickled."""
        self.args = tuple(getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]  # every error below is a dataclass


class InvalidOperationError(TurnlogError):
    """The request contradicts the record or is not valid; nothing was written."""


class StoreError(TurnlogError):
    """The store failed, or holds something that cannot be read."""


class OperationError(TurnlogError):
    """A model, a tool or a flow failed; the call is on the record."""


class NotFoundError(InvalidOperationError, LookupError):
    """Something that was named does not exist."""


class SessionError(InvalidOperationError):
    """The session does not allow the request."""


E = TypeVar("E", bound=TurnlogError)


@dataclass_transform(eq_default=False)
def error(kind: type[E]) -> type[E]:
    """Make a class of errors with fields, which are its arguments."""
    return dataclass(eq=False, repr=False)(kind)


@error
class ItemNotFoundError(NotFoundError, ValueError):
    """There is no such position, message, state key, model, tool, ...: `kind` says what was looked for."""

    kind: str
    name: str
    place: str = ""
    known: tuple[str, ...] = ()
    advice: str = ""

    def __str__(self) -> str:
        place = f" in {self.place}" if self.place else ""
        return (
            f"{self.kind} {self.name} does not exist{place}{_after(self.advice or suggestion(self.name, self.known))}"
        )


@error
class InvalidValueError(InvalidOperationError, ValueError):
    """An argument has a value that is not valid."""

    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what} {self.reason}"


@error
class ReadOnlyError(InvalidOperationError, AttributeError, TypeError):
    """A view of the past, or a value inside a message, cannot be changed."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@error
class MissingExtraError(InvalidOperationError, ImportError):
    """A package that comes with an extra of Turnlog is not installed."""

    package: str
    extra: str

    def __str__(self) -> str:
        return f"the package {self.package} is not installed; install it with: pip install 'turnlog[{self.extra}]'"


def position_not_found(session: str, position: int, first: int, last: int) -> ItemNotFoundError:
    """The error for a position that a session does not have."""
    advice = f"expected one from {first} to {last}"
    return ItemNotFoundError("position", str(position), f"session {session}", advice=advice)


def message_not_found(session: str, message: str, place: str = "") -> ItemNotFoundError:
    """The error for a message that a branch does not show, or a session does not have."""
    return ItemNotFoundError("message", message, f"{place}session {session}")


def projection_not_found(database: str, projection: str, names: Iterable[str]) -> ItemNotFoundError:
    """The error for a projection without rows in a database."""
    advice = "" if names else "start a runner with it first"
    return ItemNotFoundError("projection", repr(projection), database, tuple(names), advice)


def suggestion(name: str, known: Iterable[str], limit: int = 10) -> str:
    """The nearest known name as a question, or else the first names there are."""
    names = list(known)
    near = nearest(name.strip("'\""), names)
    if near or not names:
        return near
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"expected one of {', '.join(map(repr, names[:limit]))}{more}"


def nearest(name: str, known: Iterable[str], most: int = 1, cutoff: float = 0.6) -> str:
    """The known names that are spelt alike, as a question."""
    near = get_close_matches(name, list(known), n=most, cutoff=cutoff)
    return f"did you mean {' or '.join(repr(str(each)) for each in near)}?" if near else ""


def _after(advice: str) -> str:
    return f"; {advice}" if advice else ""
