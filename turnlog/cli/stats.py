"""The command that counts: sessions, messages, tokens, cost and activity over time."""

from collections.abc import Sequence
from typing import Annotated

import typer

from .._session.names import CachedNameLookup
from ..domain.json_values import Json
from ..infrastructure.store import Store
from ..projections.activity import Activity, TimelineSteps, activity_timeline
from ..projections.table_schema import Row
from ..projections.usage import GROUPS, NO_BRANCH, NO_USAGE, TokenUsage, add_usage, usage_by
from .context import invocation
from .options import FORMAT
from .output import Output
from .parse import open_session
from .render import SessionTitles
from .values import choice

app = typer.Typer(rich_markup_mode=None)

BAR = 30
"""Cells of the longest bar."""

STEPS = 14
"""The last steps of the timeline to print."""

TIME_FORMATS = {"hour": "%Y-%m-%d %HZ", "day": "%Y-%m-%dZ", "month": "%Y-%mZ"}


@app.command()
def stats(
    ctx: typer.Context,
    session: Annotated[
        str | None, typer.Argument(metavar="SESSION", help="One session; default: the whole store.")
    ] = None,
    by: Annotated[
        str,
        typer.Option(metavar="COLUMN", parser=choice(GROUPS), help="Tokens by model, day, session, branch or user."),
    ] = "model",
    span: Annotated[
        str, typer.Option(metavar="SPAN", parser=choice(TimelineSteps), help="Activity by hour, day or month.")
    ] = "day",
    format_: FORMAT = "text",
) -> None:
    """Show messages, tokens, cost and activity."""
    with invocation(ctx).open() as store:
        id = None if session is None else open_session(store, session).id
        usage = _usage(store, id, by)
        titles = SessionTitles(store)
        shown = usage if by != "session" or format_ == "json" else [{**row, by: titles[row[by]]} for row in usage]
        steps = activity_timeline(store.project(Activity(), session=id), span)
        totals = _totals(store, id)
    output = Output()
    if format_ == "json":
        activity = [{**step, "start": step["start"].isoformat()} for step in steps]
        output.document({**totals, "usage": usage, "activity": activity})
        return
    for name, value in totals.items():
        output.line((f"{name:<9}", "dim"), f" {value}")
    if shown:
        _print_usage(output, by, shown)
    if steps:
        _print_activity(output, span, steps[-STEPS:])


def _usage(store: Store, session: str | None, by: str) -> list[Row]:
    """Tokens and cost by a column; branches of one name count together, also those of different sessions."""
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


def _print_usage(output: Output, by: str, usage: Sequence[Row]) -> None:
    heads = (by.upper(), "CALLS", "FAILED", "INPUT", "OUTPUT", "USD", "TOKENS")
    most = max(_tokens(row) for row in usage)
    ordered = sorted(usage, key=_tokens, reverse=True)
    output.line("")
    output.table(heads, [_usage_cells(output, by, row, most) for row in ordered])


def _usage_cells(output: Output, by: str, row: Row, most: int) -> tuple[str, ...]:
    cost = "" if row["cost"] is None else f"{row['cost']:.4f}"
    counts = (str(row[name]) for name in ("calls", "failed", "input_tokens", "output_tokens"))
    return (str(row[by] if row[by] not in (None, "") else "unknown"), *counts, cost, _bar(output, _tokens(row), most))


def _print_activity(output: Output, span: str, steps: Sequence[Row]) -> None:
    most = max(step["messages"] for step in steps)
    rows = [
        (
            f"{step['start']:{TIME_FORMATS[span]}}",
            str(step["sessions"]),
            str(step["events"]),
            str(step["messages"]),
            _bar(output, step["messages"], most),
        )
        for step in steps
    ]
    output.line("")
    output.table((span.upper(), "SESSIONS", "EVENTS", "MESSAGES", ""), rows)


def _tokens(row: Row) -> int:
    total: int = row["input_tokens"] + row["output_tokens"]
    return total


def _bar(output: Output, value: int, most: int) -> str:
    """A bar in proportion to the value in a terminal; the number in a pipe."""
    if not output.is_terminal:
        return str(value)
    return "█" * max(round(BAR * value / most), 1) if value else ""
