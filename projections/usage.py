"""What the models have used: calls, tokens and time, by day, session, branch, model and user. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..domain.content import AssistantResponseContent
from ..domain.errors import InvalidValueError
from ..domain.events import EventRedacted, MessageAppended, MessageRedacted, ModelCalled, SessionStarted
from ..domain.ranges import Origin
from ..domain.recorded_event import RecordedEvent
from .prices import PRICES, Price, price_of
from .projection import Projection
from .rows import Rows
from .table_schema import INTEGER, REAL, TEXT, Key, Row, Table

NO_BRANCH = -1
"""Stands for the branch of a call that was made for none."""

UNKNOWN = ""
"""Stands for a model that was not named."""

USAGE = Table(
    "usage",
    {
        "day": TEXT,
        "session": TEXT,
        "branch": INTEGER,
        "model": TEXT,
        "user": TEXT,
        "calls": INTEGER,
        "failed": INTEGER,
        "input_tokens": INTEGER,
        "output_tokens": INTEGER,
        "duration_ms": REAL,
    },
    key=("day", "session", "branch", "model"),
    indexes=(("session",), ("user", "day"), ("model",)),
)
"""A row per day (UTC), session, branch and model."""

USERS = Table("users", {"session": TEXT, "user": TEXT, "named_by": TEXT, "started": INTEGER}, key=("session",))
"""A row per session: its user, the session whose first event names that user, and where its own first event is."""

CALLS = Table("calls", {"session": TEXT, "position": INTEGER}, key=("session", "position"))
"""Where calls stand: an answer that one of them led to has been counted with it."""

ANSWERS = Table(
    "answers",
    {
        "session": TEXT,
        "position": INTEGER,
        "day": TEXT,
        "branch": INTEGER,
        "model": TEXT,
        "input_tokens": INTEGER,
        "output_tokens": INTEGER,
    },
    key=("session", "position"),
)
"""What an answer was counted with, to be taken off again if it is redacted: the record says it no longer then."""

GROUPS = ("day", "session", "branch", "model", "user")
NO_USAGE: Row = {
    "calls": 0,
    "failed": 0,
    "input_tokens": 0,
    "output_tokens": 0,
    "duration_ms": 0.0,
    "cost": 0.0,
}


LARGEST = 2**63 - 1
"""The largest number that a column has room for; a sum ends here."""


class TokenUsage(Projection):
    """What was used, by the calls on the record and by the answers that say what they cost.

    An answer whose cause is a call is not counted beside it, nor is one that was loaded or copied from elsewhere.
    """

    name = "usage"
    names = ("session.started", "work.model_called", "message.appended", "message.redacted", "event.redacted")
    tables = (USAGE, USERS, CALLS, ANSWERS)

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for recorded in batch:
            match recorded.event:
                case SessionStarted(user=user, forked_from=source):
                    named_by = recorded.session
                    if user is None and source is not None and (known := rows[USERS].find(source)):
                        user, named_by = known["user"], known["named_by"]
                    row = {"session": recorded.session, "user": user, "named_by": named_by}
                    rows[USERS].put({**row, "started": recorded.position})
                case EventRedacted(position):
                    _redact(rows, recorded.session, position)
                case ModelCalled() as call:
                    rows[CALLS].put({"session": recorded.session, "position": recorded.position})
                    _count(rows, recorded, _of_call(call))
                case MessageAppended(branch, AssistantResponseContent(usage=used) as said, origin=Origin.AUTHORED):
                    counted = recorded.cause is not None and rows[CALLS].find(recorded.session, recorded.cause)
                    if used is not None and not counted:
                        spent = _TokenSums(branch, said.model, used.input_tokens, used.output_tokens)
                        _count(rows, recorded, spent)
                        rows[ANSWERS].put(_answer(recorded, spent))
                case MessageRedacted(position):
                    _take_off(rows, recorded.session, position)

    def needs(self, batch: Sequence[RecordedEvent]) -> Iterable[tuple[Table, Key]]:
        for recorded in batch:
            yield USERS, (recorded.session,)
            if recorded.cause is not None:
                yield CALLS, (recorded.session, recorded.cause)
            if isinstance(recorded.event, MessageRedacted):
                yield ANSWERS, (recorded.session, recorded.event.message)
            if isinstance(recorded.event, SessionStarted) and recorded.event.forked_from is not None:
                yield USERS, (recorded.event.forked_from,)


def usage_by(
    rows: Rows, by: Sequence[str] = ("model",), *, prices: Mapping[str, Price] = PRICES, **only: object
) -> list[Row]:
    """What was used, summed up by day, session, branch, model or user, with what it cost in US dollars.

    On request only where columns have these values: `session=...`, `user=...`. The cost is None if it includes a model
    that has no price.
    """
    for name in (*by, *only):
        if name not in GROUPS:
            raise InvalidValueError("usage", f"is not known by {name!r}: expected {', '.join(GROUPS)}")
    sums: dict[tuple[object, ...], Row] = {}
    for row in rows[USAGE].under():
        if all(row[name] == value for name, value in only.items()):
            sum_of = sums.setdefault(tuple(row[name] for name in by), _empty(row, by))
            add_usage(sum_of, {**row, "cost": _cost(row, prices)})
    return list(sums.values())


class _TokenSums(NamedTuple):
    branch: int | None
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    duration_ms: float | None = None
    failed: bool = False


def _of_call(call: ModelCalled) -> _TokenSums:
    failed = call.error is not None
    return _TokenSums(call.branch, call.model, call.input_tokens, call.output_tokens, call.duration_ms, failed)


def _key(recorded: RecordedEvent, spent: _TokenSums) -> tuple[str, str, int, str]:
    branch = NO_BRANCH if spent.branch is None else spent.branch
    return f"{recorded.recorded_at:%Y-%m-%d}", recorded.session, branch, spent.model or UNKNOWN


def _answer(recorded: RecordedEvent, spent: _TokenSums) -> Row:
    tokens = {name: min(getattr(spent, name) or 0, LARGEST) for name in ("input_tokens", "output_tokens")}
    return dict(zip(USAGE.key, _key(recorded, spent), strict=True)) | {"position": recorded.position} | tokens


def _take_off(rows: Rows, session: str, position: int) -> None:
    """Counts an answer no longer."""
    answer = rows[ANSWERS].find(session, position)
    if answer is None:
        return
    rows[ANSWERS].delete(session, position)
    key = [answer[name] for name in USAGE.key]
    row = rows[USAGE].find(*key)
    assert row is not None
    row["calls"] -= 1
    row["input_tokens"] -= answer["input_tokens"]
    row["output_tokens"] -= answer["output_tokens"]
    if row["calls"]:
        rows[USAGE].put(row)
    else:
        rows[USAGE].delete(*key)


def _count(rows: Rows, recorded: RecordedEvent, spent: _TokenSums) -> None:
    key = _key(recorded, spent)
    row = rows[USAGE].find(*key)
    if row is None:
        row = dict.fromkeys(USAGE.columns, 0) | dict(zip(USAGE.key, key, strict=True))
        row["user"] = _user(rows, recorded.session)
    row["calls"] += 1
    row["failed"] += spent.failed
    for name in ("input_tokens", "output_tokens", "duration_ms"):
        row[name] = min(row[name] + (getattr(spent, name) or 0), LARGEST)  # so that no call can stop the projection
    rows[USAGE].put(row)


def _redact(rows: Rows, session: str, position: int) -> None:
    """Forget the user whom an event named, if it is the one that started a session."""
    row = rows[USERS].find(session)
    if row is None or row["started"] != position:
        return
    named = {row["session"]: row for row in rows[USERS].under() if row["named_by"] == session}
    for row in named.values():
        rows[USERS].put({**row, "user": None})
    for row in rows[USAGE].under():
        if row["session"] in named:
            rows[USAGE].put({**row, "user": None})


def _user(rows: Rows, session: str) -> str | None:
    found = rows[USERS].find(session)
    return None if found is None else found["user"]


def _empty(row: Row, by: Sequence[str]) -> Row:
    return {name: row[name] for name in by} | NO_USAGE


def add_usage(sums: Row, row: Row) -> None:
    """Add what a row has used, and its cost; the sum has no cost if one of its rows has none."""
    for name in NO_USAGE.keys() - {"cost"}:
        sums[name] += row[name]
    sums["cost"] = None if row["cost"] is None or sums["cost"] is None else sums["cost"] + row["cost"]


def _cost(row: Row, prices: Mapping[str, Price]) -> float | None:
    price = price_of(row["model"], prices)
    return None if price is None else price.of(row["input_tokens"], row["output_tokens"])
