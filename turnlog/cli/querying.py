"""Questions in SQL: rows as a table, as comma-separated values, or as JSON."""

import csv as separated
import io
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import msgspec

from ..infrastructure.store import Store
from .changes import text_given
from .showing import Showing, note
from .values import usage
from .visible import on_one_line, visible


def answer_query(
    store: Store, query: str, *, csv: bool, json: bool, timeout: float | None, memory: float | None
) -> None:
    """The rows that answer a query."""
    with usage("--timeout"):
        store.query_limits.with_changes(timeout, None)
    with usage("--memory"):
        store.query_limits.with_changes(None, memory)
    answer = store.sql(text_given(query), timeout=timeout, memory=memory)
    columns, rows = answer.columns, answer.rows()
    showing = Showing()
    if json:
        for row in rows:
            showing.json_line({column: _plain(row[column]) for column in columns})
    elif csv:
        _show_separated(showing, [columns, *([_word(row[column]) for column in columns] for row in rows)])
    elif rows:
        showing.table(columns, [[_word(row[column]) for column in columns] for row in rows])
    else:
        note("no rows")


def _show_separated(showing: Showing, rows: Sequence[Sequence[str]]) -> None:
    """Rows as a spreadsheet reads them, which takes line feeds inside of quotes; in a terminal a row is one line."""
    spelled = on_one_line if showing.looked_at else visible
    for row in rows:
        line = io.StringIO()
        separated.writer(line, lineterminator="").writerow(map(spelled, row))
        print(line.getvalue())


def _word(value: Any) -> str:
    """A value in a cell; none is an empty one."""
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return msgspec.json.encode(_plain(value)).decode()
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal():
            return float(value)
        case bytes():
            return value.hex()
        case dict():
            return {str(key): _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return value
