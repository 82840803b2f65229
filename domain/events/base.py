"""The base classes of events."""

import msgspec

from ..json_values import Json


class Event(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, repr_omit_defaults=True):
    """The root of all events."""


class UnknownEvent(Event, frozen=True):
    """An event that this version of Turnlog cannot read, with its payload as far as it is JSON; never recorded.

    A newer version wrote it, or a program that uses the eventsourcing library. Or its payload was damaged.
    """

    reason: str
    payload: Json = None


class BranchEvent(Event, frozen=True):
    """Something that happened on one branch, which is named by its number."""

    branch: int
