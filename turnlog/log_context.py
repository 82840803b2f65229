"""The session at hand: a context variable from which an application's own log lines learn where they belong."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .branch import Branch
from .infrastructure.logs.structlog_lines import log_event
from .provenance import provenance
from .session import Session

__all__ = ["add_session_context", "bind_session", "log_event"]

_bound: ContextVar[Session | Branch | None] = ContextVar("turnlog_at_hand", default=None)


@contextmanager
def bind_session(handle: Session | Branch) -> Iterator[None]:
    """Inside, `add_session_context` puts this session, or branch, on every line; tasks and awaited twins follow."""
    token = _bound.set(handle)
    try:
        yield
    finally:
        _bound.reset(token)


def add_session_context(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A step for structlog's chain: adds session, branch and position at hand, actor and correlation id, to a line.

    The position is the last one this handle knows; nothing is read for it. What a line says already, stays.
    """
    handle, who = _bound.get(), provenance()
    found: dict[str, Any] = {"actor": who.actor, "correlation_id": who.correlation_id}
    if handle is not None:
        found |= {"session": handle.session_id if isinstance(handle, Branch) else handle.id}
        found |= {"position": handle._stream.known_state().position}
        found |= {"branch": handle.number if isinstance(handle, Branch) else None}
    for key, value in found.items():
        if value is not None:
            line.setdefault(key, value)
    return line
