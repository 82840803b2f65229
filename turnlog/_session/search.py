"""Finding what was said: by words, phrases and beginnings, in what branches show and nowhere else."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

import msgspec

from ..domain.content import MessageRole
from ..domain.errors import InvalidValueError, SessionNotFoundError, UnreadableEventError
from ..domain.errors.base import nearest
from ..domain.inherited_history import local_position
from ..domain.message import Message
from ..domain.ranges import index_of
from ..domain.state import State, Status
from ..infrastructure.read_models.row_store import RowStore
from ..infrastructure.read_models.transcript_index import find_candidates
from ..infrastructure.session_reader import SessionReader
from ..infrastructure.state_loader import load_state
from ..infrastructure.store import Store
from ..projections.full_text import Phrase, excerpt, matches, parse_query
from ..projections.recorded_messages import message_from_recorded
from .default_store import StoreLike, resolve_existing_store


class SearchHit(msgspec.Struct, frozen=True):
    """A message that was found, the names of the branches that show it, and the part of it that was looked for."""

    message: Message
    branches: tuple[str, ...]
    excerpt: str


def search(
    query: str,
    *,
    store: StoreLike | None = None,
    user: str | None = None,
    branch: str | None = None,
    role: str | None = None,
    limit: int = 20,
    index: RowStore | None = None,
) -> list[SearchHit]:
    """Return the newest messages that contain all of the query: words, "phrases in quotes" and beginnings*.

    Only messages that a branch shows now are found: none that was retracted, cleared or redacted. `user` limits the
    search to sessions of a user, `branch` to branches of a name. Where rows of the projection `Transcript` are kept,
    in the store's own database or in `index`, they are used; later events are read from the record.
    """
    phrases, most, role = parse_query(query), validate_limit(limit), validate_role(role)
    kept = resolve_existing_store(store)
    found: list[SearchHit] = []
    states: dict[str, State | None] = {}
    for session, position in find_candidates(kept.recorder, index, phrases, ()):
        if len(found) >= most:
            break
        if session not in states:
            states[session] = _state(kept, session)
        state = states[session]
        if state is not None and state.status is not Status.DELETED and (user is None or state.user == user):
            with suppress(UnreadableEventError):  # of one session, which must not keep the others from being found
                numbers = [each.number for each in state.live if branch in (None, each.name)]
                found += _visible_hits(kept, state, position, phrases, role, numbers)
    return found


def validate_role(role: str | None) -> str | None:
    """The role, if messages can have it."""
    if role is None or role in tuple(MessageRole):
        return role
    near = nearest(role, MessageRole) if isinstance(role, str) else ""
    raise InvalidValueError("the role", f"{role!r} is not one of {', '.join(MessageRole)}{near and f'; {near}'}")


def _state(store: Store, session: str) -> State | None:
    """The state of a session; None if it cannot be read."""
    try:
        return load_state(store.recorder, session)
    except (UnreadableEventError, SessionNotFoundError):
        return None


def search_in(
    store: Store,
    state: State,
    branches: Sequence[int],
    query: str,
    *,
    role: str | None = None,
    limit: int = 20,
    index: RowStore | None = None,
) -> list[SearchHit]:
    """The newest messages of some branches of a session, those inherited from other sessions included."""
    phrases, most, role = parse_query(query), validate_limit(limit), validate_role(role)
    sessions = [state.session, *(ancestor.session for ancestor in state.ancestors)]
    found: list[SearchHit] = []
    for position in _local(state, find_candidates(store.recorder, index, phrases, sessions)):
        if len(found) >= most:
            break
        found += _visible_hits(store, state, position, phrases, role, branches)
    return found


def validate_limit(limit: int) -> int:
    """The limit, if it is one."""
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise InvalidValueError("the limit", f"is {limit!r}: expected 1 or more")
    return limit


def _local(state: State, places: Iterator[tuple[str, int]]) -> Iterator[int]:
    for session, place in places:
        position = local_position(state, session, place)
        if position is not None and state.first <= position <= state.position:
            yield position


def _visible_hits(
    store: Store, state: State, position: int, phrases: Sequence[Phrase], role: str | None, branches: Sequence[int]
) -> list[SearchHit]:
    """What is found at a position, if one of the branches shows it and the record still has its words."""
    names = tuple(state.branches[number].name for number in branches if _shows(state, number, position))
    if not names:
        return []
    reader = SessionReader(store.recorder, state)
    event = reader.read_event(position)
    message = message_from_recorded(event)
    if event.session != state.session:
        message = msgspec.structs.replace(message, session=state.session, position=position, recorded_as=message.id)
    if not matches(message.text, phrases) or (role is not None and message.role != role):
        return []
    return [SearchHit(message, names, excerpt(message.text, phrases))]


def _shows(state: State, branch: int, position: int) -> bool:
    showing = state.showing(branch)
    return showing.system == position or index_of(showing.ranges, position, state.written) is not None
