"""Decisions on a session as a whole: start, name, metadata, state, and where it is in its life."""

from collections.abc import Mapping, Set

from msgspec.structs import replace

from ..errors import (
    InvalidValueError,
    ItemNotFoundError,
    SessionExistsError,
    SessionNotActiveError,
    SessionNotFoundError,
    SessionReferencedError,
)
from ..events import (
    Event,
    ForkEnded,
    MetadataUpdated,
    SessionArchived,
    SessionDeleted,
    SessionForked,
    SessionRenamed,
    SessionRestored,
    SessionStarted,
    StateRemoved,
    StateSet,
)
from ..json_values import Json, json_equal, to_json_value
from ..state import State, Status
from ..validation import validate_name


def start(
    state: State,
    *,
    name: str | None = None,
    user: str | None = None,
    key: str | None = None,
    metadata: Mapping[str, Json] | None = None,
) -> list[Event]:
    """Starts the session; one that has been started is refused."""
    if state.status is not Status.UNSTARTED:
        raise SessionExistsError(state.session)
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InvalidValueError("metadata", f"cannot be a {type(metadata).__name__}: expected a dict")
    validate_name(state.session, "a session id")
    return [
        SessionStarted(
            name=None if name is None else validate_name(name, "a session name"),
            user=None if user is None else validate_name(user, "a user"),
            key=None if key is None else validate_name(key, "a session key"),
            metadata=to_json_value(metadata or {}, "metadata"),
        )
    ]


def fork(
    source: State,
    fork: State,
    *,
    digest: bytes,
    name: str | None = None,
    user: str | None = None,
    key: str | None = None,
    metadata: Mapping[str, Json] | None = None,
) -> tuple[list[Event], list[Event]]:
    """Starts a session that goes on from another, inherited at a position; answers what each of the two records.

    `source` is the other session now, `fork` the state inherited from it, `digest` that of its event at the position.
    """
    if require_started(source).status is Status.DELETED:
        raise SessionNotActiveError(source.session, source.status.value)
    (beginning,) = start(fork, name=name, user=user, key=key, metadata=metadata)
    origin = fork.ancestors[0]
    begun = replace(
        beginning,
        forked_from=origin.session,
        forked_at=origin.ahead,
        forked_digest=digest.hex(),
        inherited_messages=fork.messages_until(fork.position),
    )
    return [SessionForked(fork.session, origin.ahead)], [begun]


def rename(state: State, name: str | None, *, key: str | None = None) -> list[Event]:
    """Gives the session another label, or none; and another key, if one is given."""
    require_active(state)
    if name is not None:
        validate_name(name, "a session name")
    if key is not None:
        validate_name(key, "a session key")
    same_key = key is None or key == state.key
    return [] if name == state.name and same_key else [SessionRenamed(name, None if same_key else key)]


def update_metadata(state: State, changes: Mapping[str, Json]) -> list[Event]:
    """Merges changes into the metadata, key by key."""
    require_active(state)
    if not isinstance(changes, Mapping):
        raise InvalidValueError("metadata", f"cannot be a {type(changes).__name__}: expected a dict")
    given = to_json_value(changes, "metadata")
    news = {key: value for key, value in given.items() if not _has(state.metadata, key, value)}
    return [MetadataUpdated(news)] if news else []


def set_state(state: State, key: str, value: Json) -> list[Event]:
    """Keeps a value under a key."""
    require_active(state)
    validate_name(key, "a state key")
    kept = to_json_value(value, f"state {key!r}")
    return [] if _has(state.values, key, kept) else [StateSet(key, kept)]


def remove_state(state: State, key: str) -> list[Event]:
    """Keeps nothing under the key any longer."""
    require_active(state)
    if key not in state.values:
        raise ItemNotFoundError("state key", repr(key), f"session {state.session}", tuple(state.values))
    return [StateRemoved(key)]


def archive(state: State, reason: str | None = None) -> list[Event]:
    """Puts the session away: it can be read and restored, not changed."""
    if _require_not_deleted(state) is Status.ARCHIVED:
        return []
    return [SessionArchived(reason)]


def restore(state: State, reason: str | None = None) -> list[Event]:
    """Takes an archived session out again."""
    return [SessionRestored(reason)] if _require_not_deleted(state) is Status.ARCHIVED else []


def delete(state: State, reason: str | None = None, *, missing: Set[str] = frozenset()) -> list[Event]:
    """Ends the session for good: a tombstone, under which what was recorded stays.

    Forks that are `missing` from the store, as after an import of this session alone, do not prevent it.
    """
    if require_started(state).status is Status.DELETED:
        return []
    if forks := state.forks - missing:
        raise SessionReferencedError(state.session, tuple(sorted(forks)))
    return [SessionDeleted(reason)]


def end_fork(state: State, fork: str) -> list[Event]:
    """Forgets a session that went on from this one, since it was deleted."""
    return [ForkEnded(fork)] if fork in require_started(state).forks else []


def require_started(state: State) -> State:
    """The state of a session that is on the record."""
    if state.status is Status.UNSTARTED:
        raise SessionNotFoundError(state.session)
    return state


def require_active(state: State) -> State:
    """The state of a session that takes changes."""
    if require_started(state).status is not Status.ACTIVE:
        raise SessionNotActiveError(state.session, state.status.value)
    return state


def _require_not_deleted(state: State) -> Status:
    if require_started(state).status is Status.DELETED:
        raise SessionNotActiveError(state.session, state.status.value)
    return state.status


def _has(kept: Mapping[str, Json], key: str, value: Json) -> bool:
    return key in kept and json_equal(kept[key], value)
