"""What OpenTelemetry knows of who acts and as part of what, if the application uses it."""

import sys
from collections.abc import Callable
from typing import Any

from .domain.recorded_event import NO_PROVENANCE, Provenance
from .domain.validation import is_valid_name

ACTOR_KEYS = ("turnlog.actor", "enduser.id")
"""The entries of the baggage that name the actor, the first that is there."""


def provenance_from_opentelemetry() -> Provenance:
    """The current trace as the correlation, and the actor that the baggage names.

    It is not imported for this: where the application has not done so, there is nothing to read.
    """
    current_span = _function("opentelemetry.trace", "get_current_span")
    if current_span is None:
        return NO_PROVENANCE
    context = current_span().get_span_context()
    return Provenance(actor=_actor(), correlation=format(context.trace_id, "032x") if context.is_valid else None)


def _actor() -> str | None:
    """A name that cannot stand on the record is passed over: it came from outside, and is nobody's mistake here."""
    baggage = _function("opentelemetry.baggage", "get_baggage")
    named = (baggage(key) for key in ACTOR_KEYS) if baggage else ()
    return next((name for name in named if isinstance(name, str) and is_valid_name(name)), None)


def _function(module: str, name: str) -> Callable[..., Any] | None:
    """A function of a module that has been imported, and is not just being so in another thread."""
    return getattr(sys.modules.get(module), name, None)
