"""The events themselves: of a session from where one asks, and of the whole store as they come."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import typer

from .._session.names import CachedNameLookup
from ..domain.recorded_event import RecordedEvent
from ..infrastructure.store import Store
from ..infrastructure.subscription import Subscription
from ..session import Session
from .meaning import branch_of, session_of
from .showing import Showing, note
from .telling import event_line, event_told
from .times import moment_of
from .visible import quoted


@dataclass(frozen=True)
class Which:
    """Which events of a session are asked for, as it stands on the command line."""

    branch: str | None
    after: str | None
    until: str | None
    names: list[str]
    by: str | None


def show_log(store: Store, reference: str, which: Which, last: int | None, *, follow: bool, json: bool) -> None:
    """The events of a session, the last ones or all, and on request those to come."""
    if follow and which.until is not None:
        raise typer.BadParameter("--until is given too: expected one of the two", param_hint="--follow")
    session = session_of(store, reference)
    seen = session.position
    found, left_out = _chosen(session, which, last)
    if left_out and not json:
        note("(other events come before these: --last N or --all)")
    names = CachedNameLookup(store)
    _show(found, session, names, json)
    if follow:
        branch = None if which.branch is None else branch_of(session, which.branch)
        number = None if branch is None else branch.number
        with store.subscribe(after=seen, names=which.names, session=session.id) as coming:
            wanted = (
                each
                for each in coming
                if (number is None or each.branch == number) and (which.by is None or each.actor == which.by)
            )
            _show(wanted, session, names, json)


def follow(store: Store, reference: str | None, last: int, names: list[str], *, json: bool) -> None:
    """What was recorded last in the store or in a session, and then what comes, until somebody interrupts it."""
    session = None if reference is None else session_of(store, reference)
    with store.tail(last, names=names, session=None if session is None else session.id) as coming:
        _show(coming, session, CachedNameLookup(store), json)


def _chosen(
    session: Session, which: Which, last: int | None
) -> tuple[list[RecordedEvent] | Iterator[RecordedEvent], bool]:
    """The events asked for, in their order, and whether there are others before them."""

    def events(backwards: bool) -> Iterator[RecordedEvent]:
        return session.events(
            after=None if which.after is None else moment_of(which.after),
            until=None if which.until is None else moment_of(which.until),
            backwards=backwards,
            names=which.names,
            branch=None if which.branch is None else branch_of(session, which.branch),
            actor=which.by,
        )

    if last is None:
        return events(backwards=False), False
    found: deque[RecordedEvent] = deque()
    for event in events(backwards=True):
        if len(found) == last:
            return list(found), True
        found.appendleft(event)
    return list(found), False


def _show(events: Iterable[RecordedEvent], session: Session | None, names: CachedNameLookup, json: bool) -> None:
    """Events line by line; those of several sessions with the beginning of the session's id."""
    showing = Showing()
    coming = isinstance(events, Subscription | Iterator)
    for event in events:
        named = names.of(event.session if session is None else session.id, event.branch)
        if json:
            showing.json_line(event_told(event, named))
        else:
            place = f"{event.position:>6}" if session is not None else f"{quoted(event.session)} {event.position:>5}"
            event_line(showing, event, named, place=place)
        if coming:
            showing.flush()
