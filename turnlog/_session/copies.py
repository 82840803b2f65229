"""New sessions out of a moment of another: going on from it by reference, or told anew."""

from collections.abc import Mapping
from uuid import uuid4

from ..domain.decisions import session as sessions
from ..domain.decisions.copy_session import copied_events
from ..domain.errors import SessionExistsError
from ..domain.inherited_history import inherit, segments
from ..domain.json_values import Json
from ..domain.state import State
from ..domain.validation import validate_name
from ..infrastructure.session_reader import SessionReader
from ..infrastructure.state_loader import load_state, missing_forks
from ..projections.messages import messages_of_branches
from .as_of import HistoricState
from .stream import SessionStream, transact_together


def fork_by_reference(
    stream: SessionStream,
    at: int | None,
    *,
    name: str | None,
    user: str | None,
    key: str | None = None,
    session_id: str | None,
    metadata: Mapping[str, Json] | None,
) -> SessionStream:
    """A new session that goes on from what another was at a position, and reads it there."""
    source, point = _recorded_at(stream, at)
    id = _new_id(session_id)
    if source.store.find_session(id) is not None:
        raise SessionExistsError(id)
    fork = SessionStream(
        source.store, inherit(load_state(source.store.recorder, source.id, point), id, point), stream.images
    )
    (recorded,) = source.store.read(source.id, after=point - 1, until=point)
    transact_together(
        [source, fork],
        lambda there, here: sessions.fork(
            there, here, digest=recorded.digest, name=name, user=user, key=key, metadata=metadata
        ),
    )
    return fork


def fork_by_copy(
    stream: SessionStream,
    at: int | None,
    *,
    name: str | None,
    user: str | None,
    key: str | None = None,
    session_id: str | None,
    metadata: Mapping[str, Json] | None,
) -> SessionStream:
    """A new session with a copy of what another showed at a position."""
    with stream.state() as state:
        there = HistoricState(stream.store, stream.id, state.position if at is None else at, None)
    with there.state() as state:
        shown = [state.showing(branch.number) for branch in state.live]
        found = messages_of_branches(SessionReader(stream.store.recorder, state), shown, state.written, frozenset())
        told = copied_events(state, {message.position: message for message in found if message.position is not None})
        owner, kept = state.user if user is None else user, {**state.metadata, **(metadata or {})}
    copy = SessionStream(stream.store, State(_new_id(session_id)), stream.images)
    copy.transact(lambda state: [*sessions.start(state, name=name, user=owner, key=key, metadata=kept), *told])
    return copy


def delete_session(stream: SessionStream, reason: str | None) -> None:
    """Ends a session, and what the one that it goes on from knows of it."""
    with stream.state() as state:
        origin = state.ancestors[0].session if state.ancestors else None
        missing = missing_forks(stream.store.recorder, state)
    if origin is None:
        stream.transact(lambda state: sessions.delete(state, reason, missing=missing))
        return
    source = SessionStream(stream.store, load_state(stream.store.recorder, origin))
    transact_together(
        [stream, source],
        lambda here, there: (sessions.delete(here, reason, missing=missing), sessions.end_fork(there, here.session)),
    )


def _recorded_at(stream: SessionStream, at: int | None) -> tuple[SessionStream, int]:
    """The session that recorded what was last at a position, this one or one it goes on from, and where."""
    with stream.state() as state:
        point = state.position if at is None else at
        ((session, ahead, position, _),) = segments(state.session, state.ancestors, point, point)
    if session == stream.id:
        return stream, position
    return SessionStream(stream.store, load_state(stream.store.recorder, session)), position + ahead


def _new_id(given: str | None) -> str:
    return str(uuid4()) if given is None else validate_name(given, "a session id")
