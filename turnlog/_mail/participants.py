"""Participants as callers name them: a branch in the hand, its name, id or number, or a registered name."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias
from uuid import UUID

from .._session.as_of import StateSource
from ..branch_view import BranchView
from ..domain.errors import InvalidBranchError, InvalidValueError
from ..infrastructure.store import is_same_record

ParticipantLike: TypeAlias = BranchView | UUID | str | int
"""A branch, its name, id or number, or the name of somebody who was registered."""

ParticipantsLike: TypeAlias = ParticipantLike | Iterable[ParticipantLike] | None
"""One participant, several, or None for all."""


def resolve_participant(source: StateSource, given: ParticipantLike) -> str | int:
    """What a participant is looked up by; a branch of another session is refused."""
    if isinstance(given, BranchView):
        if given.session_id != source.id or not is_same_record(source.store, given._source.store):
            raise InvalidBranchError(
                source.id,
                repr(given.name),
                f"it belongs to session {given.session_id} in {given._source.store.address}",
            )
        return given.number
    if isinstance(given, UUID):
        return str(given)
    if not isinstance(given, str | int) or isinstance(given, bool):
        raise InvalidValueError("a participant", f"is a {type(given).__name__}: expected a branch, or a name or id")
    return given


def resolve_participants(source: StateSource, given: ParticipantsLike) -> Sequence[str | int] | None:
    """What several participants are looked up by, or None for all."""
    if given is None:
        return None
    if isinstance(given, BranchView | UUID | str | int) or not isinstance(given, Iterable):
        return [resolve_participant(source, given)]
    return [resolve_participant(source, each) for each in given]
