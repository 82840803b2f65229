"""The command that draws branches like a version history: a column per branch, positions downwards."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

import typer

from .._session.names import NameLookup
from ..branch_view import BranchView
from ..domain.events import BranchCreated, BranchMerged, BranchRemoved, BranchRenamed
from ..domain.inherited_history import segments
from ..domain.json_values import Json
from ..domain.recorded_event import RecordedEvent
from ..domain.state import State
from ..infrastructure.session_reader import read_structure
from ..infrastructure.state_loader import load_state
from ..infrastructure.store import Store
from .context import invocation
from .escape import quote
from .options import AT, FORMAT, SESSION
from .output import Output, Part, count_of
from .parse import open_session, view_at
from .render import event_summary

app = typer.Typer(rich_markup_mode=None)

BRANCH_EVENTS = (
    "branch.created",
    "branch.renamed",
    "branch.removed",
    "branch.default_changed",
    "branch.messages_shared",
    "branch.rewound",
    "branch.truncated",
    "branch.cleared",
    "branch.merged",
    "branch.reordered",
    "branch.change_undone",
    "branch.system_set",
    "message.retracted",
)
"""The events that create or remove a branch, or change which messages it has."""

COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")
WIDEST = 12
"""Columns; the branches after that share the last one."""


@dataclass
class _Columns:
    """The columns at a position, and the names of their branches."""

    taken: dict[int, int] = field(default_factory=dict)
    """The column of each branch."""
    names: dict[int, str] = field(default_factory=dict)

    def name(self, branch: int) -> str:
        """Return the name of a branch here; its number where it has no name yet."""
        return quote(self.names.get(branch, str(branch)))

    def give(self, branch: int) -> int:
        """Give a branch the first free column, or the last one."""
        used = set(self.taken.values())
        column = next(column for column in range(WIDEST) if column not in used or column == WIDEST - 1)
        self.taken[branch] = column
        return column

    def row(self, branch: int | None = None, sign: str = "*") -> list[Part]:
        """Draw a line for each branch, and a sign in the column of one of them."""
        used = set(self.taken.values())
        marked = None if branch is None else self.taken.get(branch)
        parts: list[Part] = []
        for column in range(max(used, default=-1) + 1):
            mark = sign if column == marked else "|" if column in used else " "
            parts.append((f"{mark} ", COLOURS[column % len(COLOURS)]))
        return parts

    def link(self, left: int, right: int, sign: str) -> list[Part]:
        """Draw a line that joins the columns of two branches."""
        low, high = sorted((self.taken[left], self.taken[right]))
        used = set(self.taken.values())
        text = ""
        for column in range(max(used) + 1):
            gap = "--" if low < column < high else ""
            text += gap or (f"|{sign}" if column == low else "| " if column in used and column != high else "  ")
        return [(text.rstrip() + " ", COLOURS[high % len(COLOURS)])]


@app.command(name="branches")
def draw_branches(ctx: typer.Context, session: SESSION, at: AT = None, format_: FORMAT = "text") -> None:
    """Draw the branches of a session and how they were forked and merged.

    A column per branch, positions downwards: o is its first event, * another one, x its removal.
    """
    with invocation(ctx).open() as store:
        view = view_at(open_session(store, session), at)
        main = view.find_default_branch()
        if format_ == "json":
            Output().document(
                {
                    "session": view.id,
                    "position": view.position,
                    "default_branch": None if main is None else main.name,
                    "branches": [_document(branch) for branch in view.branches],
                }
            )
            return
        output = Output()
        output.line((f"session {view.id}", "bold"), f" at position {view.position}")
        rows = list(_rows(store, load_state(store.recorder, view.id, view.position)))
        width = max((len(place) for place, _, _ in rows), default=0)
        for place, columns, parts in rows:
            output.line((f"{place:>{width}}  ", "dim"), *columns, *parts)
        for branch in view.branches:
            default = ", the default" if branch == main else ""
            output.line(
                "branch ", (quote(branch.name), "bold"), f": {count_of(len(branch.messages), 'message')}{default}"
            )


def _document(branch: BranchView) -> dict[str, Json]:
    parents = branch.lineage()
    return {
        "number": branch.number,
        "id": branch.id,
        "name": branch.name,
        "user": branch.user,
        "parent": parents[0][0].number if parents else None,
        "forked_at": branch.forked_at,
        "messages": len(branch.messages),
        "capabilities": None if branch.capabilities is None else sorted(branch.capabilities),
        "resources": None if branch.resources is None else sorted(branch.resources),
    }


def _rows(store: Store, state: State) -> Iterator[tuple[str, list[Part], list[Part]]]:
    """Lines from the first event to the last: positions, columns, and texts."""
    columns, before = _Columns(), state.first - 1
    for position, recorded in _branch_events(store, state):
        yield from _messages(columns, state, before, position)
        before = position
        yield from _branch_event(columns, state, position, recorded)
    yield from _messages(columns, state, before, state.position + 1)


def _branch_events(store: Store, state: State) -> Iterator[tuple[int, RecordedEvent]]:
    """The events of branches, at the positions that they have in this session."""
    for session, ahead, start, stop in segments(state.session, state.ancestors, state.first, state.position):
        for recorded in read_structure(
            store.recorder, session, BRANCH_EVENTS, after=start + ahead - 1, until=stop + ahead
        ):
            yield recorded.position - ahead, recorded


def _messages(columns: _Columns, state: State, after: int, until: int) -> Iterator[tuple[str, list[Part], list[Part]]]:
    """The messages between two events of branches: consecutive messages of a branch are one line."""
    places: list[tuple[int, int]] = []
    for branch, positions in state.written.items():
        start, stop = bisect_right(positions, after), bisect_left(positions, until)
        places += [(position, branch) for position in positions[start:stop]]
    runs: list[tuple[int, int, int, int]] = []
    for position, branch in sorted(places):
        if runs and runs[-1][0] == branch:
            runs[-1] = (branch, runs[-1][1], position, runs[-1][3] + 1)
        else:
            runs.append((branch, position, position, 1))
    for branch, first, last, count in runs:
        place = str(first) if count == 1 else f"{first}..{last}"
        text = f"{columns.name(branch)}: {count_of(count, 'message')}"
        yield place, columns.row(branch), [text]


def _branch_event(
    columns: _Columns, state: State, position: int, recorded: RecordedEvent
) -> Iterator[tuple[str, list[Part], list[Part]]]:
    """The line of an event, and one that joins columns where the event does."""
    place = str(position)
    match recorded.event:
        case BranchCreated(branch=branch, name=called, parent=parent):
            at = state.branches[branch].forked_at
            columns.names[branch] = called
            columns.give(branch)
            if parent is None or parent not in columns.taken:
                origin = "" if parent is None else f" from {columns.name(parent)} at {at}"
                yield place, columns.row(branch, "o"), [(quote(called), "bold"), f" created{origin}"]
                return
            yield "", columns.link(parent, branch, "\\"), []
            text = f" forked from {columns.name(parent)} at {at}"
            yield place, columns.row(branch, "o"), [(quote(called), "bold"), text]
        case BranchMerged(branch=branch, source=source):
            text = f" merged into {columns.name(branch)}"
            if source in columns.taken and branch in columns.taken and columns.taken[source] != columns.taken[branch]:
                yield "", columns.link(branch, source, "/"), []
            yield place, columns.row(branch), [(columns.name(source), "bold"), text]
        case BranchRemoved(branch=branch):
            yield place, columns.row(branch, "x"), [(columns.name(branch), "bold"), " removed"]
            columns.taken.pop(branch, None)
        case BranchRenamed(branch=branch, name=called):
            text = f" renamed to {quote(called)}"
            yield place, columns.row(branch), [(columns.name(branch), "bold"), text]
            columns.names[branch] = called
        case _:
            number = getattr(recorded.event, "branch", None)
            where = "" if number is None else f"{columns.name(number)}: "
            what = event_summary(recorded, NameLookup(state))
            yield place, columns.row(number), [where, (quote(recorded.name), "blue"), f" {what}".rstrip()]
