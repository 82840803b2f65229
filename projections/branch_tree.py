"""The branches of all sessions as a tree: who was forked from whom, where, and how much each holds. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from ..domain.content import SystemContent
from ..domain.events import (
    BranchCreated,
    BranchRemoved,
    BranchRenamed,
    EventRedacted,
    MessageAppended,
    SessionStarted,
    SystemSet,
)
from ..domain.recorded_event import RecordedEvent
from .projection import Projection
from .rows import Rows
from .table_schema import INTEGER, TEXT, Key, Table

BRANCHES = Table(
    "branch_tree",
    {
        "session": TEXT,
        "branch": INTEGER,
        "id": TEXT,
        "name": TEXT,
        "user": TEXT,
        "parent": INTEGER,
        "forked_at": INTEGER,
        "created_position": INTEGER,
        "named_position": INTEGER,
        "removed_position": INTEGER,
        "last_position": INTEGER,
        "messages": INTEGER,
        "created": INTEGER,
    },
    key=("session", "branch"),
)
"""A row per branch; `messages` counts those written on it, `last_position` is where the last of them stands.

`named_position` is the position of the event that gave the branch its name.
"""

ROOTS = Table(
    "roots", {"session": TEXT, "forked_from": TEXT, "forked_at": INTEGER}, key=("session",), indexes=(("forked_from",),)
)
"""A row per session, with the one it goes on from; the branches it inherited stand there."""


class BranchTree(Projection):
    """How each session has branched, and which sessions go on from which."""

    name = "branch_tree"
    names = (
        "session.started",
        "branch.created",
        "branch.renamed",
        "branch.removed",
        "branch.system_set",
        "message.appended",
        "event.redacted",
    )
    tables = (BRANCHES, ROOTS)

    def apply(self, batch: Sequence[RecordedEvent], rows: Rows) -> None:
        for recorded in batch:
            match recorded.event:
                case SessionStarted(forked_from=source, forked_at=position):
                    rows[ROOTS].put({"session": recorded.session, "forked_from": source, "forked_at": position})
                case BranchCreated() as created:
                    rows[BRANCHES].put(_row(recorded, created))
                case BranchRenamed(branch, name):
                    _change(rows, recorded, branch, name=name, named_position=recorded.position)
                case BranchRemoved(branch):
                    _change(rows, recorded, branch, removed_position=recorded.position)
                case MessageAppended(branch) | SystemSet(branch, SystemContent()):
                    _count_message(rows, recorded, branch)
                case EventRedacted(position, left):
                    _redact(rows, recorded.session, position, left)

    def needs(self, batch: Sequence[RecordedEvent]) -> Iterable[tuple[Table, Key]]:
        for recorded in batch:
            if recorded.branch is not None:
                yield BRANCHES, (recorded.session, recorded.branch)


def children(rows: Rows, session: str) -> dict[int | None, list[int]]:
    """The branches of a session under the number of the branch they were forked from, roots under None."""
    found: dict[int | None, list[int]] = {}
    for row in rows[BRANCHES].under(session):
        found.setdefault(row["parent"], []).append(row["branch"])
    return found


def _row(recorded: RecordedEvent, created: BranchCreated) -> dict[str, object]:
    return {
        "session": recorded.session,
        "branch": created.branch,
        "id": created.id,
        "name": created.name,
        "user": created.user,
        "parent": created.parent,
        "forked_at": created.at,
        "created_position": recorded.position,
        "named_position": recorded.position,
        "messages": 0,
        "created": recorded.time,
    }


def _change(rows: Rows, recorded: RecordedEvent, branch: int, **columns: object) -> None:
    """Changes the row of a branch; one that the session inherited gets a row of its own for what happens here."""
    found = rows[BRANCHES].find(recorded.session, branch)
    row = {"session": recorded.session, "branch": branch, "messages": 0} if found is None else found
    rows[BRANCHES].put({**row, **columns})


def _redact(rows: Rows, session: str, position: int, left: str) -> None:
    """Take out of the rows what the event at a position gave them, but for what is left of it."""
    for row in rows[BRANCHES].under(session):
        if position in (row["created_position"], row["named_position"]):
            user = None if row["created_position"] == position else row["user"]
            name = msgspec.json.decode(left)["name"] if row["named_position"] == position else row["name"]
            rows[BRANCHES].put({**row, "name": name, "user": user})


def _count_message(rows: Rows, recorded: RecordedEvent, branch: int) -> None:
    found = rows[BRANCHES].find(recorded.session, branch)
    before = 0 if found is None else found["messages"]
    _change(rows, recorded, branch, messages=before + 1, last_position=recorded.position)
