"""A session told anew: what another shows at a position as events of its own, so that it needs the other no more."""

from array import array
from collections.abc import Mapping

from ..events import (
    BranchCreated,
    BranchReordered,
    DefaultBranchChanged,
    Event,
    ModelSet,
    ParticipantRegistered,
    StateSet,
    ToolRegistered,
)
from ..message import Message
from ..ranges import Origin, Positions, from_positions, message_origins
from ..state import BranchState, State
from .message import message_event as message_written
from .message import system_event

FIRST = 2
"""The position of the first event told: 1 is the start of the session."""


def copied_events(source: State, messages: Mapping[int, Message]) -> list[Event]:
    """The events behind the start of a session that shows what the source shows; messages by their positions there.

    Branches that were removed are left out. Each message is written once, on the branch it was written on if that one
    is there; a branch that shows others, or in another order, is said to by one event.
    """
    numbers = {branch.number: number for number, branch in enumerate(source.live)}
    told = [_creation_of(numbers[branch.number], branch) for branch in source.live]
    told += [StateSet(key, value) for key, value in source.values.items()]
    told += [ParticipantRegistered(name) for name in source.participants]
    told += _equipment(source, numbers)
    told += _conversation(source, numbers, messages, FIRST + len(told))
    for branch in source.live:
        told += _system(numbers[branch.number], source.showing(branch.number).system, messages)
    if source.default is not None and numbers[source.default] != 0:
        told.append(DefaultBranchChanged(numbers[source.default]))
    return told


def _conversation(
    source: State, numbers: Mapping[int, int], messages: Mapping[int, Message], first: int
) -> list[Event]:
    """The messages in the order they were recorded, the first at a position, and which branch shows which."""
    lines = {new: list(message_origins(source.showing(old).ranges, source.written)) for old, new in numbers.items()}
    owners: dict[int, int] = {}
    for number, line in lines.items():
        for owner, position, _ in line:
            owners.setdefault(position, numbers.get(owner, number))
    places = {position: place for place, position in enumerate(sorted(owners), first)}
    written: dict[int, Positions] = {number: array("q") for number in lines}
    told: list[Event] = []
    for position, place in places.items():
        written[owners[position]].append(place)
        told.append(message_written(owners[position], messages[position].clone()))
    for number, line in lines.items():
        order = [(owners[position], places[position], Origin.CLONED) for _, position, _ in line]
        if [place for _, place, _ in order] != list(written[number]):
            told.append(BranchReordered(number, from_positions(order, written)))
    return told


def _creation_of(number: int, branch: BranchState) -> Event:
    return BranchCreated(
        number,
        branch.id,
        branch.name,
        user=branch.user,
        capabilities=None if branch.capabilities is None else sorted(branch.capabilities),
        resources=None if branch.resources is None else sorted(branch.resources),
        metadata=branch.metadata,
    )


def _equipment(source: State, numbers: Mapping[int, int]) -> list[Event]:
    told: list[Event] = []
    for tool, owners in source.tools.items():
        kept = [owner for owner in owners if owner is None or owner in numbers]
        told += [ToolRegistered(tool, None if owner is None else numbers[owner]) for owner in kept]
    for purpose, model in source.models.items():
        owner, _, rest = purpose.rpartition("/")
        if not owner or int(owner) in numbers:
            number = numbers[int(owner)] if owner else None
            told.append(ModelSet(rest, model.model, model.provider, number, model.settings))
    return told


def _system(branch: int, position: int | None, messages: Mapping[int, Message]) -> list[Event]:
    if position is None:
        return []
    return [system_event(branch, messages[position].clone())]
