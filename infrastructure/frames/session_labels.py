"""Whose a session is and what its branches were called, as the record is read along; at most so many are remembered."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ...domain.codec import decode
from ...domain.errors import UnreadableEventError
from ...domain.events import BranchCreated, BranchRenamed, Event, SessionStarted
from ..recorder import Recorder

NAMING = ("session.started", "branch.created", "branch.renamed")
"""The events that say whose a session is and what its branches are called."""

MOST = 50_000
"""Sessions that are remembered; what is forgotten is read again."""


class Label(NamedTuple):
    """The user of a session, and the names and ids of its branches by their numbers."""

    user: str | None
    names: dict[int, str]
    ids: dict[int, str]

    def take(self, event: BranchCreated | BranchRenamed) -> None:
        """Remember what an event says about a branch."""
        self.names[event.branch] = event.name
        if isinstance(event, BranchCreated):
            self.ids[event.branch] = event.id


class Labels:
    """The labels of sessions as they were where the reading has come to.

    Which name is found does not depend on where the reading began, nor on what happened after.
    """

    def __init__(self, recorder: Recorder, most: int = MOST) -> None:
        self._recorder = recorder
        self._most = most
        self._known: dict[str, Label] = {}

    def of(self, session: str, position: int) -> Label:
        """The label of a session at a position, at which the reading is."""
        return self._known.get(session) or self._remember(session, self._read(session, position))

    def take(self, session: str, position: int, name: str, payload: bytes | None) -> None:
        """Takes an event that is one of `NAMING` into the label of its session."""
        event = _event(session, position, name, payload)
        if isinstance(event, SessionStarted) and event.forked_from is None:
            self._remember(session, Label(event.user, {}, {}))
        elif isinstance(event, SessionStarted):
            self._remember(session, self._read(session, position))
        elif isinstance(event, BranchCreated | BranchRenamed):
            self.of(session, position).take(event)

    def _remember(self, session: str, label: Label) -> Label:
        if len(self._known) >= self._most:
            for forgotten in list(self._known)[: len(self._known) // 2 + 1]:
                del self._known[forgotten]
        self._known[session] = label
        return label

    def _read(self, session: str, position: int) -> Label:
        user: str | None = None
        label = Label(None, {}, {})
        for life, until in _lineage(self._recorder, session, position):
            for row in self._recorder.read_structure(life, until=until):
                if row.name not in NAMING:
                    continue
                event = _event(life, row.position, row.name, row.payload)
                if isinstance(event, SessionStarted):
                    user = user if event.user is None else event.user
                elif isinstance(event, BranchCreated | BranchRenamed):
                    label.take(event)
        return label._replace(user=user)


def _event(session: str, position: int, name: str, payload: bytes | None) -> Event | None:
    """The event; None if it cannot be read, so that its session stays without a label and the others do not."""
    try:
        return None if payload is None else decode(name, payload, session, position)
    except UnreadableEventError:
        return None


def sessions_of(recorder: Recorder, users: Iterable[str]) -> Iterator[str]:
    """The sessions of some users, in the order they were started.

    One that goes on from another is that one's user's, if it was not said whose it is.
    """
    wanted, found = set(users), set()
    for entry in recorder.read_entries():
        own = entry.user in wanted if entry.user is not None else entry.forked_from in found
        if own:
            found.add(entry.session)
            yield entry.session


def _lineage(recorder: Recorder, session: str, position: int) -> list[tuple[str, int]]:
    """The sessions that a session goes on from, and itself, each up to the position that matters; the oldest first."""
    lives = [(session, position)]
    entry = recorder.find_entry(session)
    while entry is not None and entry.forked_from is not None:
        lives.append((entry.forked_from, entry.forked_at or 0))
        entry = recorder.find_entry(entry.forked_from)
    return lives[::-1]
