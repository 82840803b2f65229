"""How the branches of a session came to be, drawn like a version history: a column per branch, positions downwards."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from .._session.names import NameLookup
from ..branch_view import BranchView
from ..domain.events import BranchCreated, BranchMerged, BranchRemoved, BranchRenamed, Event
from ..domain.inherited_history import segments
from ..domain.json_values import Json
from ..domain.state import State
from ..infrastructure.session_reader import read_structure
from ..infrastructure.state_loader import load_state
from ..infrastructure.store import Store
from .meaning import session_of, view_of
from .showing import Part, Showing, counted
from .telling import event_summary
from .visible import quoted

TURNS = (
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
"""The events after which a branch is another one, or shows other messages."""

COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")
WIDEST = 12
"""Columns; the branches after that share the last one."""


@dataclass
class _Columns:
    """The columns at a position: which branch has which, and how its name is."""

    taken: dict[int, int] = field(default_factory=dict)
    """By branch, its column."""
    names: dict[int, str] = field(default_factory=dict)

    def name(self, branch: int) -> str:
        """How a branch is called here; its number where it has no name yet."""
        return quoted(self.names.get(branch, str(branch)))

    def give(self, branch: int) -> int:
        """The first free column, or the last there is."""
        used = set(self.taken.values())
        column = next(column for column in range(WIDEST) if column not in used or column == WIDEST - 1)
        self.taken[branch] = column
        return column

    def row(self, branch: int | None = None, sign: str = "*") -> list[Part]:
        """A stroke for each branch that is there, and a sign in the column of one of them."""
        used = set(self.taken.values())
        marked = None if branch is None else self.taken.get(branch)
        parts: list[Part] = []
        for column in range(max(used, default=-1) + 1):
            mark = sign if column == marked else "|" if column in used else " "
            parts.append((f"{mark} ", COLOURS[column % len(COLOURS)]))
        return parts

    def link(self, left: int, right: int, sign: str) -> list[Part]:
        """A line on which the column of one branch is joined to that of another."""
        low, high = sorted((self.taken[left], self.taken[right]))
        used = set(self.taken.values())
        text = ""
        for column in range(max(used) + 1):
            gap = "--" if low < column < high else ""
            text += gap or (f"|{sign}" if column == low else "| " if column in used and column != high else "  ")
        return [(text.rstrip() + " ", COLOURS[high % len(COLOURS)])]


def show_branches(store: Store, reference: str, at: str | None, *, json: bool) -> None:
    """The branches of a session, and how they came to be."""
    view = view_of(session_of(store, reference), at)
    showing = Showing()
    main = view.find_default_branch()
    if json:
        told: dict[str, Json] = {
            "session": view.id,
            "position": view.position,
            "default_branch": None if main is None else main.name,
            "branches": [_told(branch) for branch in view.branches],
        }
        showing.document(told)
        return
    showing.line((f"session {view.id}", "bold"), f" at position {view.position}")
    rows = list(_rows(store, load_state(store.recorder, view.id, view.position)))
    width = max((len(place) for place, _, _ in rows), default=0)
    for place, columns, said in rows:
        showing.line((f"{place:>{width}}  ", "dim"), *columns, *said)
    for branch in view.branches:
        default = ", the default" if branch == main else ""
        showing.line("branch ", (quoted(branch.name), "bold"), f": {len(branch.messages)} messages{default}")


def _told(branch: BranchView) -> dict[str, Json]:
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
    """Lines from the first event to the last: positions, columns, and what happened."""
    columns, before = _Columns(), state.first - 1
    for position, event, name in _turns(store, state):
        yield from _written(columns, state, before, position)
        before = position
        yield from _turn(columns, state, position, event, name)
    yield from _written(columns, state, before, state.position + 1)


def _turns(store: Store, state: State) -> Iterator[tuple[int, Event, str]]:
    """What happened to the branches, at the positions it has here."""
    for session, ahead, start, stop in segments(state.session, state.ancestors, state.first, state.position):
        for recorded in read_structure(store.recorder, session, TURNS, after=start + ahead - 1, until=stop + ahead):
            yield recorded.position - ahead, recorded.event, recorded.name


def _written(columns: _Columns, state: State, after: int, until: int) -> Iterator[tuple[str, list[Part], list[Part]]]:
    """What was written between two turns: the messages of a branch that follow each other are one line."""
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
        said = f"{columns.name(branch)}: {counted(count, 'message')}"
        yield place, columns.row(branch), [said]


def _turn(
    columns: _Columns, state: State, position: int, event: Event, name: str
) -> Iterator[tuple[str, list[Part], list[Part]]]:
    """A line for what happened, and one for how columns are joined by it."""
    place = str(position)
    match event:
        case BranchCreated(branch=branch, name=called, parent=parent):
            at = state.branches[branch].forked_at
            columns.names[branch] = called
            columns.give(branch)
            if parent is None or parent not in columns.taken:
                origin = "" if parent is None else f" from {columns.name(parent)} at {at}"
                yield place, columns.row(branch, "o"), [(quoted(called), "bold"), f" begins{origin}"]
                return
            yield "", columns.link(parent, branch, "\\"), []
            said = f" forked from {columns.name(parent)} at {at}"
            yield place, columns.row(branch, "o"), [(quoted(called), "bold"), said]
        case BranchMerged(branch=branch, source=source):
            said = f" merged into {columns.name(branch)}"
            if source in columns.taken and branch in columns.taken and columns.taken[source] != columns.taken[branch]:
                yield "", columns.link(branch, source, "/"), []
            yield place, columns.row(branch), [(columns.name(source), "bold"), said]
        case BranchRemoved(branch=branch):
            yield place, columns.row(branch, "x"), [(columns.name(branch), "bold"), " removed"]
            columns.taken.pop(branch, None)
        case BranchRenamed(branch=branch, name=called):
            said = f" is called {quoted(called)} from here on"
            yield place, columns.row(branch), [(columns.name(branch), "bold"), said]
            columns.names[branch] = called
        case _:
            number = getattr(event, "branch", None)
            where = "" if number is None else f"{columns.name(number)}: "
            what = event_summary(event, NameLookup(state))
            yield place, columns.row(number), [where, (quoted(name), "blue"), f" {what}".rstrip()]
