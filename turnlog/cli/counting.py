"""How much there is: sessions, messages, tokens and what they cost, and when it was."""

from collections.abc import Sequence

from .._session.names import CachedNameLookup
from ..domain.json_values import Json
from ..infrastructure.store import Store
from ..projections.activity import Activity, activity_timeline
from ..projections.table_schema import Row
from ..projections.usage import NO_BRANCH, NO_USAGE, TokenUsage, add_usage, usage_by
from .meaning import session_of
from .showing import Showing

BAR = 30
"""Cells of the longest bar."""

STEPS = 14
"""Steps of the timeline that are shown, the last ones."""

FORMS = {"hour": "%Y-%m-%d %HZ", "day": "%Y-%m-%dZ", "month": "%Y-%mZ"}


def show_statistics(store: Store, reference: str | None, by: str, span: str, *, json: bool) -> None:
    """Totals, what was used, and the activity, of the store or of one session."""
    session = None if reference is None else session_of(store, reference).id
    usage = _used(store, session, by)
    steps = activity_timeline(store.project(Activity(), session=session), span)
    totals = _totals(store, session)
    showing = Showing()
    if json:
        activity = [{**step, "start": step["start"].isoformat()} for step in steps]
        showing.document({**totals, "usage": usage, "activity": activity})
        return
    for name, value in totals.items():
        showing.line((f"{name:<9}", "dim"), f" {value}")
    if usage:
        _show_usage(showing, by, usage)
    if steps:
        _show_activity(showing, span, steps[-STEPS:])


def _used(store: Store, session: str | None, by: str) -> list[Row]:
    """What was used, by a column; branches of one name count together, whichever session they are in."""
    rows = store.project(TokenUsage(), session=session)
    if by != "branch":
        return usage_by(rows, [by])
    names = CachedNameLookup(store)
    sums: dict[str | None, Row] = {}
    for row in usage_by(rows, ["session", "branch"]):
        number = row["branch"]
        name = None if number == NO_BRANCH else names.of(row["session"], number).branch(number)
        add_usage(sums.setdefault(name, {"branch": name, **NO_USAGE}), row)
    return list(sums.values())


def _totals(store: Store, session: str | None) -> dict[str, Json]:
    if session is not None:
        entry = store.get_session(session)
        return {"session": session, "events": entry.position, "messages": entry.messages, "bytes": entry.bytes}
    entries = list(store.sessions())
    return {
        "sessions": len(entries),
        "events": sum(entry.position for entry in entries),
        "messages": sum(entry.messages for entry in entries),
        "bytes": sum(entry.bytes for entry in entries),
    }


def _show_usage(showing: Showing, by: str, usage: Sequence[Row]) -> None:
    heads = (by.upper(), "CALLS", "FAILED", "INPUT", "OUTPUT", "USD", "TOKENS")
    most = max(_tokens(row) for row in usage)
    ordered = sorted(usage, key=_tokens, reverse=True)
    showing.line("")
    showing.table(heads, [_usage_cells(showing, by, row, most) for row in ordered])


def _usage_cells(showing: Showing, by: str, row: Row, most: int) -> tuple[str, ...]:
    cost = "" if row["cost"] is None else f"{row['cost']:.4f}"
    counts = (str(row[name]) for name in ("calls", "failed", "input_tokens", "output_tokens"))
    return (str(row[by] if row[by] not in (None, "") else "unknown"), *counts, cost, _bar(showing, _tokens(row), most))


def _show_activity(showing: Showing, span: str, steps: Sequence[Row]) -> None:
    most = max(step["messages"] for step in steps)
    rows = [
        (
            f"{step['start']:{FORMS[span]}}",
            str(step["sessions"]),
            str(step["events"]),
            str(step["messages"]),
            _bar(showing, step["messages"], most),
        )
        for step in steps
    ]
    showing.line("")
    showing.table((span.upper(), "SESSIONS", "EVENTS", "MESSAGES", ""), rows)


def _tokens(row: Row) -> int:
    total: int = row["input_tokens"] + row["output_tokens"]
    return total


def _bar(showing: Showing, value: int, most: int) -> str:
    """A bar as long as the value is in proportion, where somebody looks; the number in a pipe."""
    if not showing.looked_at:
        return str(value)
    return "█" * max(round(BAR * value / most), 1) if value else ""
