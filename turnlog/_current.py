"""The session at hand: a context variable from which an application's own log lines learn where they belong."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ._provenance import provenance
from .branch import Branch
from .session import Session

_at_hand: ContextVar[Session | Branch | None] = ContextVar("turnlog_at_hand", default=None)


@contextmanager
def working_on(handle: Session | Branch) -> Iterator[None]:
    """Inside, `add_session` puts this session, or branch, on every line; tasks and awaited twins follow."""
    token = _at_hand.set(handle)
    try:
        yield
    finally:
        _at_hand.reset(token)


def add_session(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A step for structlog's chain: adds session, branch and position at hand, actor and correlation, to a line.

    The position is the last one this handle knows; nothing is read for it. What a line says already, stays.
    """
    handle, who = _at_hand.get(), provenance()
    found: dict[str, Any] = {"actor": who.actor, "correlation": who.correlation}
    if handle is not None:
        found |= {"session": handle.session_id if isinstance(handle, Branch) else handle.id}
        found |= {"position": handle._live.known_position}
        found |= {"branch": handle.number if isinstance(handle, Branch) else None}
    for key, value in found.items():
        if value is not None:
            line.setdefault(key, value)
    return line
