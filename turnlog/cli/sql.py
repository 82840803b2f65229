"""The command that queries the store with SQL: rows as a table, CSV or JSON."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import typer

from .context import invocation
from .edit import read_text
from .escape import escape, escape_line
from .output import Output, note
from .values import choice, usage_errors

app = typer.Typer(rich_markup_mode=None)


@app.command(name="sql")
def query_store(
    ctx: typer.Context,
    query: Annotated[
        str,
        typer.Argument(metavar="QUERY", help="SQL over messages, events, usage, sessions; - is standard input."),
    ],
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="The longest time; default: by the settings, or 300.")
    ] = None,
    memory: Annotated[
        float | None, typer.Option(metavar="MB", help="The most memory; default: by the settings, or 1000.")
    ] = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            parser=choice(("text", "json", "jsonl", "csv")),
            help="text, json: one document, jsonl: one row per line, or csv.",
        ),
    ] = "text",
) -> None:
    """Query the store with SQL, in the dialect of DuckDB.

    It needs the extra `frames`.
    """
    with invocation(ctx).open() as store:
        with usage_errors("--timeout"):
            store.query_limits.with_changes(timeout, None)
        with usage_errors("--memory"):
            store.query_limits.with_changes(None, memory)
        result = store.sql(read_text(query), timeout=timeout, memory=memory)
        columns, rows = result.columns, result.rows()
    output = Output()
    if format_ == "csv":
        _print_csv(output, [columns, *([_text(row[column]) for column in columns] for row in rows)])
    elif format_ != "text":
        output.records(format_, ({column: _json_value(row[column]) for column in columns} for row in rows))
    elif rows:
        output.table(columns, [[_text(row[column]) for column in columns] for row in rows])
    else:
        note("no rows")


def _print_csv(output: Output, rows: Sequence[Sequence[str]]) -> None:
    """Print rows as CSV, with line feeds inside quotes; in a terminal a row is one line."""
    escaped = escape_line if output.is_terminal else escape
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(map(escaped, row))
        print(line.getvalue())


def _text(value: Any) -> str:
    """A value in a cell; None is an empty cell."""
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return msgspec.json.encode(_json_value(value)).decode()
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def _json_value(value: Any) -> Any:
    """A value as JSON."""
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal():
            return float(value)
        case bytes():
            return value.hex()
        case dict():
            return {str(key): _json_value(each) for key, each in value.items()}
        case list() | tuple():
            return [_json_value(each) for each in value]
        case _:
            return value
