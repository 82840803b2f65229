"""Sessions in a list, and messages that were found."""

from dataclasses import dataclass

from .._session.names import CachedNameLookup
from .._session.search import SearchHit, search
from ..domain.json_values import Json
from ..domain.recorded_event import to_datetime, to_microseconds
from ..infrastructure.store import Store
from ..projections.catalogue import CatalogueEntry
from ..projections.selection import PRESENT, STATUSES, Order, Selection, parse_order
from ..session import Session
from .meaning import branch_of, pairs_of, session_of
from .showing import Showing, note
from .telling import clock_time, iso, message_told, show_message
from .times import span_of
from .values import usage
from .visible import quoted

HEADS = ("SESSION", "USED", "MESSAGES", "STATUS", "USER", "KEY", "NAME")


@dataclass(frozen=True)
class Wanted:
    """Which sessions are asked for, as it stands on the command line."""

    user: str | None
    status: str | None
    contains: str | None
    key_prefix: str | None
    metadata: list[str]
    since: str | None
    until: str | None
    sort: str
    reverse: bool

    @property
    def selection(self) -> Selection:
        """The same for the catalogue."""
        order = parse_order(self.sort)
        newest_first = order in (Order.CREATED, Order.UPDATED)
        return Selection(
            user=self.user,
            statuses=_statuses(self.status),
            contains=self.contains,
            key_prefix=self.key_prefix,
            metadata=pairs_of(self.metadata, "the metadata"),
            updated_since=None if self.since is None else to_microseconds(span_of(self.since, "--since")[0]),
            updated_until=None if self.until is None else to_microseconds(span_of(self.until, "--until")[1]),
            order=order,
            descending=newest_first != self.reverse,
        )


def list_sessions(store: Store, wanted: Wanted, limit: int, after: str | None, *, json: bool) -> None:
    """A page of the catalogue."""
    with usage("--after"):
        page = store.select_sessions(wanted.selection, after=after, limit=limit)
    showing = Showing()
    if json:
        showing.document({"sessions": [entry_told(entry) for entry in page.entries], "next": page.mark})
        return
    if not page.entries:
        note("no sessions" if after is None else "no more sessions")
        return
    showing.table(HEADS, [_cells(entry) for entry in page.entries])
    if page.mark is not None:
        note(f"(there are more: --after {page.mark})")


def entry_told(entry: CatalogueEntry) -> dict[str, Json]:
    """A session of the catalogue for programs."""
    return {
        "session": entry.session,
        "key": entry.key,
        "name": entry.name,
        "user": entry.user,
        "status": entry.status,
        "position": entry.position,
        "messages": entry.messages,
        "bytes": entry.bytes,
        "created_at": iso(entry.created),
        "updated_at": iso(entry.updated),
        "forked_from": entry.forked_from,
        "forked_at": entry.forked_at,
        "digest": entry.digest.hex(),
        "metadata": entry.metadata,
    }


def search_messages(
    store: Store,
    text: str,
    session: str | None,
    branch: str | None,
    role: str | None,
    user: str | None,
    limit: int,
    *,
    json: bool,
) -> None:
    """The messages in which a text is found, in one session or in all."""
    if session is None and branch is None:
        found = search(text, store=store, user=user, role=role, limit=limit)
    else:
        place = session_of(store, session or "@last")
        found = place.search(text, branch=branch_of(place, branch) if branch else None, role=role, limit=limit)
    if not found and not json:
        note("nothing found")
    showing, labels, names = Showing(), dict[str, str](), CachedNameLookup(store)
    for each in found:
        if json:
            told = message_told(each.message, names.of(each.message.session or ""))
            showing.json_line({**told, **_where(each), "excerpt": each.excerpt})
        else:
            _show_found(showing, store, each, labels, names)


def _show_found(
    showing: Showing, store: Store, found: SearchHit, labels: dict[str, str], names: CachedNameLookup
) -> None:
    message = found.message
    session = message.session or ""
    if session not in labels:
        labels[session] = Session.open(session, store=store).name or ""
    called = f"  {quoted(labels[session])}" if labels[session] else ""
    showing.line((f"{quoted(session)}{called}  on {', '.join(map(quoted, found.branches))}", "bold"))
    show_message(showing, names.of(session).message(message))


def _where(found: SearchHit) -> dict[str, Json]:
    return {"session": found.message.session, "branches": list(found.branches)}


def _statuses(status: str | None) -> tuple[str, ...]:
    if status is None:
        return PRESENT
    return STATUSES if status == "all" else (status,)


def _cells(entry: CatalogueEntry) -> tuple[str, ...]:
    return (
        entry.session,
        clock_time(to_datetime(entry.updated)),
        str(entry.messages),
        entry.status,
        entry.user or "",
        entry.key or "",
        entry.name or "",
    )
