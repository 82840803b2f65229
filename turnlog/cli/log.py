"""Commands for events: those of a session, and new events of the store as they are recorded."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from .._session.names import CachedNameLookup, NameLookup
from ..domain.events import STORED_NAMES
from ..domain.json_values import Json
from ..domain.recorded_event import RecordedEvent
from ..infrastructure.store import Store
from ..infrastructure.subscription import Subscription
from ..session import Session
from .context import invocation
from .escape import quote
from .options import ALL, LAST, ONLY_BRANCH, RECORDS_FORMAT, SESSION
from .output import Output, note
from .parse import find_branch, open_session
from .render import SessionTitles, event_document, print_event
from .times import MICROSECOND, parse_moment, parse_time
from .values import MOMENT, TIME, choice

app = typer.Typer(rich_markup_mode=None)

NAME = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", parser=choice(STORED_NAMES), help="Only events of this name. May be repeated."),
]


@dataclass(frozen=True)
class EventFilter:
    """The events of a session to print."""

    branch: str | None
    after: int | datetime | None
    until: int | datetime | None
    names: list[str]
    actor: str | None


@app.command()
def log(
    ctx: typer.Context,
    session: SESSION,
    branch: ONLY_BRANCH = None,
    after: Annotated[
        str | None, typer.Option(metavar="MOMENT", parser=MOMENT, help="Only events after a position or time.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", parser=TIME, help="Only events at that time or later, such as 1d or 2h."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="MOMENT", parser=MOMENT, help="Only events up to a position or time.")
    ] = None,
    name: NAME = None,
    by: Annotated[str | None, typer.Option(metavar="ACTOR", help="Only events of this actor.")] = None,
    last: LAST = 50,
    all_: ALL = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Continue with new events.")] = False,
    format_: RECORDS_FORMAT = "text",
) -> None:
    """Show the events of a session, newest last."""
    if follow and until is not None:
        raise typer.BadParameter("--until is given too: expected one of the two", param_hint="--follow")
    if follow and format_ == "json":
        raise typer.BadParameter("json is one document, which never ends: use jsonl", param_hint="--follow")
    if after is not None and since is not None:
        raise typer.BadParameter("--after is given too: expected one of the two", param_hint="--since")
    with invocation(ctx).open() as store:
        opened = open_session(store, session)
        start = None if after is None else parse_moment(after)
        event_filter = EventFilter(
            branch,
            start if since is None else _before(opened, parse_time(since, "--since")[0]),
            None if until is None else parse_moment(until),
            name or [],
            by,
        )
        _print_log(store, opened, event_filter, None if all_ else last, follow, format_)


@app.command()
def tail(
    ctx: typer.Context,
    last: LAST = 10,
    session: Annotated[str | None, typer.Option("--session", "-s", metavar="SESSION", help="Of one session.")] = None,
    name: NAME = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            parser=choice(("text", "jsonl")),
            help="text, or jsonl: one document per line.",
        ),
    ] = "text",
) -> None:
    """Follow the events that any process records, until it is interrupted."""
    with invocation(ctx).open() as store:
        one = None if session is None else open_session(store, session)
        with store.tail(last, names=name or [], session=None if one is None else one.id) as events:
            _print_events(events, one, CachedNameLookup(store), format_, SessionTitles(store))


def _before(session: Session, time: datetime) -> datetime | None:
    """The time just before a time, or None if every event of the session is later."""
    first = next(session.events(until=1))
    return None if first.created_at >= time.astimezone(UTC) else time - MICROSECOND


def _print_log(
    store: Store, session: Session, event_filter: EventFilter, last: int | None, follow: bool, format_: str
) -> None:
    position = session.position
    events, are_more = _select(session, event_filter, last)
    if are_more and format_ == "text":
        note("(other events come before these: --last N or --all)")
    names = CachedNameLookup(store)
    _print_events(events, session, names, format_)
    if follow:
        branch = None if event_filter.branch is None else find_branch(session, event_filter.branch)
        number = None if branch is None else branch.number
        with store.subscribe(after=position, names=event_filter.names, session=session.id) as new:
            matching = (
                each
                for each in new
                if (number is None or each.branch == number) and event_filter.actor in (None, each.actor)
            )
            _print_events(matching, session, names, format_)


def _select(
    session: Session, event_filter: EventFilter, last: int | None
) -> tuple[list[RecordedEvent] | Iterator[RecordedEvent], bool]:
    """The events in their order, and whether there are earlier ones."""

    def events(backwards: bool) -> Iterator[RecordedEvent]:
        return session.events(
            after=event_filter.after,
            until=event_filter.until,
            backwards=backwards,
            names=event_filter.names,
            branch=None if event_filter.branch is None else find_branch(session, event_filter.branch),
            actor=event_filter.actor,
        )

    if last is None:
        return events(backwards=False), False
    newest: deque[RecordedEvent] = deque()
    for event in events(backwards=True):
        if len(newest) == last:
            return list(newest), True
        newest.appendleft(event)
    return list(newest), False


def _print_events(
    events: Iterable[RecordedEvent],
    session: Session | None,
    names: CachedNameLookup,
    format_: str,
    titles: SessionTitles | None = None,
) -> None:
    """Print events line by line; those of several sessions with the name of their session."""
    output = Output()
    if format_ == "json":
        documents = [
            event_document(each, names.of(session.id if session else each.session, each.branch)) for each in events
        ]
        output.document(list(documents))
        return
    arrive_later = isinstance(events, Subscription | Iterator)
    for event in events:
        if format_ == "jsonl":
            output.json_line(_document(event, session, names))
        else:
            place = (
                f"{event.position:>6}"
                if session is not None
                else f"{quote(titles[event.session] if titles else event.session)} {event.position:>5}"
            )
            print_event(output, event, _names(event, session, names), place=place)
        if arrive_later:
            output.flush()


def _names(event: RecordedEvent, session: Session | None, names: CachedNameLookup) -> NameLookup:
    return names.of(event.session if session is None else session.id, event.branch)


def _document(event: RecordedEvent, session: Session | None, names: CachedNameLookup) -> dict[str, Json]:
    return event_document(event, _names(event, session, names))
