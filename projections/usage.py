"""What the models have used: calls, tokens and time, by day, session, branch, model and user. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from ..domain.content import AssistantResponseContent
from ..domain.errors import InvalidValueError
from ..domain.events import Event, EventRedacted, MessageAppended, MessageRedacted, ModelCalled, SessionStarted
from ..domain.ranges import Origin
from ..domain.recorded_event import RecordedEvent
from .prices import PRICES, Price, cost_of
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
                case MessageRedacted(position):
                    _subtract(rows, recorded.session, position)
                case ModelCalled() | MessageAppended() as event:
                    _add(rows, recorded, event)

    def needs(self, batch: Sequence[RecordedEvent]) -> Iterable[tuple[Table, Key]]:
        for recorded in batch:
            yield USERS, (recorded.session,)
            if recorded.causation is not None:
                yield CALLS, (recorded.session, recorded.causation)
            if isinstance(recorded.event, MessageRedacted):
                yield ANSWERS, (recorded.session, recorded.event.message)
            if isinstance(recorded.event, SessionStarted) and recorded.event.forked_from is not None:
                yield USERS, (recorded.event.forked_from,)


def call_of(event: Event) -> ModelCalled | None:
    """The call of a model that used something, as it was recorded, or as an answer with a usage stands for it."""
    match event:
        case ModelCalled():
            return event
        case MessageAppended(branch, AssistantResponseContent(model=model, usage=used), origin=Origin.AUTHORED):
            if used is not None:
                tokens = used.input_tokens, used.output_tokens
                return ModelCalled(model or UNKNOWN, branch=branch, input_tokens=tokens[0], output_tokens=tokens[1])
    return None


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
            sum_of = sums.setdefault(tuple(row[name] for name in by), {name: row[name] for name in by} | NO_USAGE)
            cost = cost_of(row["model"], row["input_tokens"], row["output_tokens"], prices)
            add_usage(sum_of, {**row, "cost": cost})
    return list(sums.values())


def _add(rows: Rows, recorded: RecordedEvent, event: ModelCalled | MessageAppended) -> None:
    call = call_of(event)
    if call is None:
        return
    if isinstance(event, ModelCalled):
        rows[CALLS].put({"session": recorded.session, "position": recorded.position})
    elif recorded.causation is not None and rows[CALLS].find(recorded.session, recorded.causation):
        return
    branch = NO_BRANCH if call.branch is None else call.branch
    key = (f"{recorded.created_at:%Y-%m-%d}", recorded.session, branch, call.model)
    group = dict(zip(USAGE.key, key, strict=True))
    used = {name: min(getattr(call, name) or 0, LARGEST) for name in ("input_tokens", "output_tokens", "duration_ms")}
    row = rows[USAGE].find(*key)
    if row is None:
        row = dict.fromkeys(USAGE.columns, 0) | group
        row["user"] = _user(rows, recorded.session)
    row["calls"] += 1
    row["failed"] += call.error is not None
    for name, value in used.items():
        row[name] = min(row[name] + value, LARGEST)  # so that no call can stop the projection
    rows[USAGE].put(row)
    if isinstance(event, MessageAppended):
        del used["duration_ms"]
        rows[ANSWERS].put({**group, "position": recorded.position, **used})


def _subtract(rows: Rows, session: str, position: int) -> None:
    """Remove the usage of an answer from the sums."""
    answer = rows[ANSWERS].find(session, position)
    if answer is None:
        return
    rows[ANSWERS].delete(session, position)
    key = [answer[name] for name in USAGE.key]
    row = rows[USAGE].find(*key)
    assert row is not None
    for name in ("input_tokens", "output_tokens"):
        row[name] -= answer[name]
    row["calls"] -= 1
    if row["calls"]:
        rows[USAGE].put(row)
    else:
        rows[USAGE].delete(*key)


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


def add_usage(sums: Row, row: Row) -> None:
    """Add what a row has used, and its cost; the sum has no cost if one of its rows has none."""
    for name in NO_USAGE.keys() - {"cost"}:
        sums[name] += row[name]
    sums["cost"] = None if row["cost"] is None or sums["cost"] is None else sums["cost"] + row["cost"]
