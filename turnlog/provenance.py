"""Who acts, and as part of what: a context variable that every append reads."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from msgspec.structs import replace

from .domain.errors import InvalidValueError
from .domain.recorded_event import NO_PROVENANCE, Provenance
from .domain.validation import is_valid_name, validate_name
from .infrastructure.stored_event import LAST

__all__ = ["acting", "provenance", "with_provenance"]

P = ParamSpec("P")
R = TypeVar("R")

_provenance: ContextVar[Provenance] = ContextVar("turnlog_provenance", default=NO_PROVENANCE)


@contextmanager
def acting(
    *, actor: str | None = None, correlation_id: str | None = None, causation: int | None = None
) -> Iterator[Provenance]:
    """Puts who did it, the run it belongs to and the position that led to it on every event recorded inside.

    What is not named is taken from the block around. Tasks, `asyncio.to_thread` and the awaited twins follow by
    themselves; work handed to a thread of your own follows if it is wrapped in `with_provenance`. The actor of a
    model's answer is the model, and that of the result of a call is the tool.
    """
    given = {
        "actor": None if actor is None else validate_name(actor, "an actor"),
        "correlation_id": None if correlation_id is None else validate_name(correlation_id, "a correlation id"),
        "causation": None if causation is None else _position(causation),
    }
    named = {field: value for field, value in given.items() if value is not None}
    inside = replace(_provenance.get(), **named)
    token = _provenance.set(inside)
    try:
        yield inside
    finally:
        _provenance.reset(token)


def provenance() -> Provenance:
    """Who acts here and now; what no block around names is taken from OpenTelemetry, where that is in use."""
    named = _provenance.get()
    if named.actor is not None and named.correlation_id is not None:
        return named
    found = provenance_from_opentelemetry()
    if found is NO_PROVENANCE:
        return named
    return Provenance(named.actor or found.actor, named.correlation_id or found.correlation_id, named.causation)


def with_provenance(work: Callable[P, R]) -> Callable[P, R]:
    """The work, to be done in another thread on behalf of whoever acts here and now."""
    context = copy_context()

    @wraps(work)
    def carry(*args: P.args, **kwargs: P.kwargs) -> R:
        return context.copy().run(work, *args, **kwargs)

    return carry


def _position(causation: int) -> int:
    if not isinstance(causation, int) or isinstance(causation, bool) or not 1 <= causation < LAST:
        raise InvalidValueError("a causation", f"is {causation!r}: expected the position of an event")
    return causation


ACTOR_KEYS = ("turnlog.actor", "enduser.id")
"""The entries of the baggage that name the actor, the first that is there."""


def provenance_from_opentelemetry() -> Provenance:
    """The id of the current trace as the correlation id, and the actor that the baggage names.

    It is not imported for this: where the application has not done so, there is nothing to read.
    """
    current_span = _function("opentelemetry.trace", "get_current_span")
    if current_span is None:
        return NO_PROVENANCE
    context = current_span().get_span_context()
    trace = format(context.trace_id, "032x") if context.is_valid else None
    return Provenance(actor=_actor(), correlation_id=trace)


def _actor() -> str | None:
    """A name that cannot stand on the record is passed over: it came from outside, and is nobody's mistake here."""
    baggage = _function("opentelemetry.baggage", "get_baggage")
    named = (baggage(key) for key in ACTOR_KEYS) if baggage else ()
    return next((name for name in named if isinstance(name, str) and is_valid_name(name)), None)


def _function(module: str, name: str) -> Callable[..., Any] | None:
    """A function of a module that has been imported, and is not just being so in another thread."""
    return getattr(sys.modules.get(module), name, None)
