"""New sessions out of a moment of another: going on from it by reference, or told anew."""

from collections.abc import Mapping
from uuid import uuid4

from ._live import Live, change_together
from ._moments import Past
from .domain.decisions import session as sessions
from .domain.decisions.retelling import retell
from .domain.errors import SessionExistsError
from .domain.inheritance import inherit, stretches
from .domain.plain import Json
from .domain.state import State
from .domain.validation import checked_name
from .infrastructure.loading import missing_forks
from .infrastructure.reading import SessionReader
from .projections.messages import all_shown


def gone_on(
    live: Live,
    at: int | None,
    *,
    name: str | None,
    user: str | None,
    key: str | None = None,
    session_id: str | None,
    metadata: Mapping[str, Json] | None,
) -> Live:
    """A new session that goes on from what another was at a position, and reads it there."""
    source, point = _recorded_at(live, at)
    id = _new_id(session_id)
    if source.store.find_session(id) is not None:
        raise SessionExistsError(id)
    fork = Live(source.store, inherit(source.store.load(source.id, point), id, point), live.images)
    (recorded,) = source.store.read(source.id, after=point - 1, until=point)
    change_together(
        [source, fork],
        lambda there, here: sessions.fork(
            there, here, digest=recorded.digest, name=name, user=user, key=key, metadata=metadata
        ),
    )
    return fork


def retold(
    live: Live,
    at: int | None,
    *,
    name: str | None,
    user: str | None,
    key: str | None = None,
    session_id: str | None,
    metadata: Mapping[str, Json] | None,
) -> Live:
    """A new session with a copy of what another showed at a position."""
    with live.current() as state:
        there = Past(live.store, live.id, state.position if at is None else at, None)
    with there.current() as state:
        shown = [state.showing(branch.number) for branch in state.live]
        found = all_shown(SessionReader(live.store, state), shown, state.written, frozenset())
        told = retell(state, {message.position: message for message in found if message.position is not None})
        owner, kept = state.user if user is None else user, {**state.metadata, **(metadata or {})}
    copy = Live(live.store, State(_new_id(session_id)), live.images)
    copy.change(lambda state: [*sessions.start(state, name=name, user=owner, key=key, metadata=kept), *told])
    return copy


def ended(live: Live, reason: str | None) -> None:
    """Ends a session, and what the one that it goes on from knows of it."""
    with live.current() as state:
        origin = state.ancestors[0].session if state.ancestors else None
        missing = missing_forks(live.store.recorder, state)
    if origin is None:
        live.change(lambda state: sessions.delete(state, reason, missing=missing))
        return
    source = Live(live.store, live.store.load(origin))
    change_together(
        [live, source],
        lambda here, there: (sessions.delete(here, reason, missing=missing), sessions.end_fork(there, here.session)),
    )


def _recorded_at(live: Live, at: int | None) -> tuple[Live, int]:
    """The session that recorded what was last at a position, this one or one it goes on from, and where."""
    with live.current() as state:
        point = state.position if at is None else at
        ((session, ahead, position, _),) = stretches(state.session, state.ancestors, point, point)
    if session == live.id:
        return live, position
    return Live(live.store, live.store.load(session)), position + ahead


def _new_id(given: str | None) -> str:
    return str(uuid4()) if given is None else checked_name(given, "a session id")
