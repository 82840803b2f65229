"""Random histories show at every position what plain lists would show.

The model copies its lists on every fork, changes them in place, and keeps a copy of everything for every position. It
knows nothing of ranges. Each command is decided on the state and done to the lists, and both must agree on whether it
is refused, how many events follow, and what every branch shows, now and at every position before. A history may also
go on as another session, for which all positions before are shifted.
"""

from array import array
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnlog.domain.consistency import follow
from turnlog.domain.content import InstructionContent, SystemContent
from turnlog.domain.decisions import branch, history, message, session
from turnlog.domain.decisions.history import Strategy
from turnlog.domain.errors import (
    BranchNotFoundError,
    InvalidBranchError,
    InvalidOperationError,
    InvalidValueError,
    ItemNotFoundError,
    NameTakenError,
    NothingToUndoError,
)
from turnlog.domain.events import (
    BranchCreated,
    Event,
    MessageAppended,
    MessageRetracted,
    SessionForked,
    SessionStarted,
)
from turnlog.domain.evolve import evolve, fold, fork_state
from turnlog.domain.inherited_history import inherit
from turnlog.domain.message import Message
from turnlog.domain.ranges import message_origins, positions
from turnlog.domain.state import State, Status, pack, unpack

TERSE = SystemContent(system_message="be terse")
NAMES = ["main", "main-fork", "main-fork-2", "branch", "branch-3", "plan", "id-0"]

Placed: TypeAlias = tuple[int, int, Event]


# --- The model --------------------------------------------------------------------------------------------


@dataclass
class Line:
    """A branch as a list of messages: the position of each, and how it came here."""

    name: str
    messages: list[tuple[int, str]] = field(default_factory=list)
    system: int | None = None
    removed: bool = False
    undoable: list[int] = field(default_factory=list)
    created: int = 0
    parent: int | None = None
    forked_at: int = 0

    @property
    def positions(self) -> list[int]:
        return [position for position, _ in self.messages]


@dataclass
class Moment:
    """A session at one position."""

    lines: list[Line] = field(default_factory=list)
    default: int | None = None
    redacted: set[int] = field(default_factory=set)
    status: Status = Status.ACTIVE

    @property
    def live(self) -> list[tuple[int, Line]]:
        return [(number, line) for number, line in enumerate(self.lines) if not line.removed]

    def has(self, number: int) -> bool:
        return number < len(self.lines) and not self.lines[number].removed


class Lists:
    """A session as plain lists, and a copy of them for every position."""

    def __init__(self) -> None:
        self.now = Moment()
        self.moments = {0: Moment(status=Status.UNSTARTED)}
        self.written: list[int] = []
        self.systems: list[int] = []

    @property
    def next(self) -> int:
        return max(self.moments) + 1

    def happened(self) -> None:
        """One event has happened, with this outcome."""
        self.moments[self.next] = deepcopy(self.now)

    def write(self, line: Line) -> None:
        line.messages.append((self.next, "authored"))
        self.written.append(self.next)
        self.happened()

    def was_shown(self, number: int, position: int) -> bool:
        moments = self.moments.values()
        return any(moment.has(number) and position in moment.lines[number].positions for moment in moments)

    def shown_at(self, number: int, at: int) -> Line | None:
        """What a branch showed at a position; before it was created, what those showed that it goes on from."""
        line, own = self.now.lines[number], True
        while at < line.created and line.parent is not None:
            at, number, own = min(at, line.forked_at), line.parent, False
            line = self.now.lines[number]
        if not self.moments[at].has(number):
            return None
        then = self.moments[at].lines[number]
        return then if own else Line("", inherited(then), then.system)

    def go_on_from(self, position: int) -> None:
        """Another session starts with what was so at a position, which is its position 0."""
        then = {at - position: moved(moment, -position) for at, moment in self.moments.items() if at <= position}
        self.written = [at - position for at in self.written if at <= position]
        self.systems = [at - position for at in self.systems if at <= position]
        self.moments, self.now = then, deepcopy(then[0])
        self.now.status = Status.ACTIVE
        self.happened()


def inherited(line: Line) -> list[tuple[int, str]]:
    return [(position, "inherited") for position in line.positions]


def moved(moment: Moment, by: int) -> Moment:
    """The same moment, all its positions shifted."""
    found = deepcopy(moment)
    found.redacted = {position + by for position in found.redacted}
    for line in found.lines:
        line.messages = [(position + by, origin) for position, origin in line.messages]
        line.system = None if line.system is None else line.system + by
        line.undoable = [position + by for position in line.undoable]
        line.created, line.forked_at = line.created + by, line.forked_at + by
    return found


def interleaved(ours: list[tuple[int, str]], theirs: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Both in their own order, the message that was recorded first goes first."""
    ours, theirs, both = list(ours), list(theirs), []
    while ours and theirs:
        both.append(ours.pop(0) if ours[0] < theirs[0] else theirs.pop(0))
    return both + ours + theirs


@dataclass
class Life:
    """A session: the state it started with, where that was in the session before, and its own events."""

    base: State
    ahead: int = 0
    placed: list[Placed] = field(default_factory=list)


def state_at(lives: list[Life], position: int) -> State:
    """The state at a position of the last of these sessions, made from the first one on."""
    life = lives[-1]
    if position >= 0 or len(lives) == 1:
        return fold(life.placed[:position], life.base)
    return inherit(state_at(lives[:-1], position + life.ahead), life.base.session, life.ahead)


# --- The commands -----------------------------------------------------------------------------------------


class Run:
    """The same commands, decided on the state and done to the lists."""

    def __init__(self) -> None:
        self.lists = Lists()
        self.lives = [Life(State("s"))]
        self.state = State("s")
        self.names = count(1)
        self.decided(session.start)
        self.lists.happened()

    @property
    def base(self) -> State:
        """The state that the session started with: nothing, or what it inherited."""
        return self.lives[-1].base

    @property
    def placed(self) -> list[Placed]:
        """The session's own events."""
        return self.lives[-1].placed

    def at(self, position: int) -> State:
        """The state at a position of the session, or of those it goes on from."""
        return state_at(self.lives, position)

    def go_on_from(self, position: int) -> None:
        """Does the rest in another session, which inherits at a position the session that recorded it."""
        self.lists.go_on_from(position)
        while position < 1:
            position += self.lives.pop().ahead
        source, new = state_at(self.lives, len(self.placed)), f"s-{next(self.names)}"
        base = inherit(self.at(position), new, position)
        told, (started,) = session.fork(source, base, digest=b"\x07")
        assert told == [SessionForked(new, position)]
        assert started == SessionStarted(
            forked_from=source.session,
            forked_at=position,
            forked_digest="07",
            inherited_messages=len(self.lists.written) + len(self.lists.systems),
        )
        self.lives.append(Life(base, position, [(1, 10, started)]))
        self.state = fold(self.placed, base)

    def do(self, kind: str, numbers: list[int]) -> None:
        """Does one command; the numbers choose what it is done to."""
        COMMANDS[kind](self, *numbers)
        assert self.lists.next == self.state.position + 1, f"the lists and {kind} disagree on how much happened"

    def decided(self, decide: Callable[..., list[Event]], *args: Any, **kwargs: Any) -> list[Event]:
        """The events that follow, taken into the state."""
        events = decide(self.state, *args, **kwargs)
        for event in events:
            position = self.state.position + 1
            self.placed.append((position, position * 10, event))
            follow(self.state, *self.placed[-1])
        return events

    def decided_once(self, decide: Callable[..., list[Event]], *args: Any, **kwargs: Any) -> None:
        """As `decided`, for what is promised to yield nothing when it is decided again."""
        self.decided(decide, *args, **kwargs)
        assert decide(self.state, *args, **kwargs) == []

    def refused(
        self, error: type[InvalidOperationError], decide: Callable[..., list[Event]], *args: Any, **kwargs: Any
    ) -> None:
        with pytest.raises(error):
            decide(self.state, *args, **kwargs)

    def line(self, choice: int) -> tuple[int, Line]:
        number = choice % len(self.lists.now.lines)
        return number, self.lists.now.lines[number]

    def position(self, choice: int) -> int:
        return self.state.first + choice % (self.state.position - self.state.first + 1)

    def is_taken(self, name: str, but: Line | None = None) -> bool:
        names = {line.name for _, line in self.lists.now.live if line is not but}
        ids = {f"id-{number}" for number in range(len(self.lists.now.lines))}
        return name in names | ids

    def created(self, events: list[Event], like: Line) -> None:
        assert isinstance(events[0], BranchCreated)
        like.name, like.created = events[0].name, self.lists.next
        assert not self.is_taken(like.name)
        self.lists.now.lines.append(like)
        if self.lists.now.default is None:
            self.lists.now.default = len(self.lists.now.lines) - 1
        self.lists.happened()


def create(run: Run, choice: int, *_: int) -> None:
    new = f"id-{len(run.lists.now.lines)}"
    name = None if choice % 2 else NAMES[choice // 2 % len(NAMES)]
    if name is not None and run.is_taken(name):
        return run.refused(NameTakenError, branch.create, id=new, name=name)
    return run.created(run.decided(branch.create, id=new, name=name), Line(""))


def fork(run: Run, choice: int, place: int, named: int, *_: int) -> None:
    number, _line = run.line(choice)
    at = None if place % 3 == 0 else run.position(place // 3)
    name = NAMES[named // 4 % len(NAMES)] if named % 4 == 0 else None
    kwargs = {"id": f"id-{len(run.lists.now.lines)}", "at": at, "name": name}
    point = run.state.position if at is None else at
    parent = run.lists.shown_at(number, point)
    if parent is None:
        return run.refused(BranchNotFoundError, branch.fork, number, **kwargs)
    if name is not None and run.is_taken(name):
        return run.refused(NameTakenError, branch.fork, number, **kwargs)
    line = Line("", inherited(parent), parent.system, parent=number, forked_at=point)
    return run.created(run.decided(branch.fork, number, **kwargs), line)


def append(run: Run, choice: int, count: int, system: int, *_: int) -> None:
    number, line = run.line(choice)
    messages = [Message(TERSE if system % 7 == place else "hello") for place in range(count % 3 + 1)]
    if line.removed:
        return run.refused(BranchNotFoundError, message.append, number, messages)
    run.decided(message.append, number, messages)
    for each in messages:
        if each.role == "system" and not line.messages and line.system is None:
            line.system = run.lists.next
            run.lists.systems.append(run.lists.next)
            run.lists.happened()
        else:
            run.lists.write(line)
    return None


def set_system(run: Run, choice: int, kind: int, *_: int) -> None:
    number, line = run.line(choice)
    content = TERSE if kind % 2 else None
    if line.removed:
        return run.refused(BranchNotFoundError, branch.set_system, number, content)
    if content is not None:
        run.lists.systems.append(run.lists.next)
        run.decided(branch.set_system, number, content)
    else:
        run.decided_once(branch.set_system, number, None)
    return changed(run, line, line.messages, None if content is None else run.lists.next)


def changed(
    run: Run, line: Line, messages: list[tuple[int, str]], system: int | None, *, undoable: bool = False
) -> None:
    """The line shows these messages from here on; something happened if they are others."""
    positions = [position for position, _ in messages]
    if (positions, system) != (line.positions, line.system):
        line.messages, line.system = list(messages), system
        line.undoable += [run.lists.next] if undoable else []
        run.lists.happened()


def rewind(run: Run, choice: int, place: int, *_: int) -> None:
    number, line = run.line(choice)
    to = run.position(place)
    then = run.lists.shown_at(number, to)
    if line.removed:
        return run.refused(BranchNotFoundError, history.rewind, number, to)
    if then is None:
        return run.refused(BranchNotFoundError, history.rewind, number, to)
    run.decided_once(history.rewind, number, to)
    return changed(run, line, then.messages, then.system, undoable=True)


def truncate(run: Run, choice: int, keep: int, *_: int) -> None:
    number, line = run.line(choice)
    keep_last = keep % (len(line.messages) + 2)
    if line.removed:
        return run.refused(BranchNotFoundError, history.truncate, number, keep_last)
    run.decided_once(history.truncate, number, keep_last)
    kept = line.messages[max(0, len(line.messages) - keep_last) :]
    return changed(run, line, kept, line.system, undoable=True)


def clear(run: Run, choice: int, *_: int) -> None:
    number, line = run.line(choice)
    if line.removed:
        return run.refused(BranchNotFoundError, history.clear, number)
    run.decided_once(history.clear, number)
    return changed(run, line, [], line.system, undoable=True)


def undo(run: Run, choice: int, *_: int) -> None:
    number, line = run.line(choice)
    if line.removed:
        return run.refused(BranchNotFoundError, history.undo, number)
    if not line.undoable:
        return run.refused(NothingToUndoError, history.undo, number)
    run.decided(history.undo, number)
    undone = line.undoable.pop()
    before, then = (run.lists.moments[at].lines[number] for at in (undone - 1, undone))
    news = [shown for shown in line.messages if shown[0] not in before.positions + then.positions]
    line.messages = before.messages + news
    line.system = before.system if line.system == then.system else line.system
    return run.lists.happened()


def retract(run: Run, choice: int, which: int, kind: int, *_: int) -> None:
    number, line = run.line(choice)
    pool = line.positions if kind % 3 and line.messages else [*run.lists.written, run.state.position + 1]
    position = pool[which % len(pool)]
    if line.removed:
        return run.refused(BranchNotFoundError, message.retract, number, position)
    if not run.lists.was_shown(number, position):
        return run.refused(ItemNotFoundError, message.retract, number, position)
    run.decided_once(message.retract, number, position)
    left = [shown for shown in line.messages if shown[0] != position]
    return changed(run, line, left, line.system, undoable=True)


def share(run: Run, choice: int, *which: int) -> None:
    number, line = run.line(choice)
    pool = run.lists.written
    messages = [pool[choice % len(pool)] for choice in which] if pool else []
    if line.removed:
        return run.refused(BranchNotFoundError, history.share, number, messages)
    run.decided_once(history.share, number, messages)
    news = [(position, "shared") for position in dict.fromkeys(messages) if position not in line.positions]
    return changed(run, line, line.messages + news, line.system)


def merge(run: Run, one: int, other: int, place: int, way: int) -> None:
    (source, theirs), (into, ours) = run.line(one), run.line(other)
    since = run.position(place // 3) if place % 3 == 0 else None
    strategy = list(Strategy)[way % 2]
    if ours.removed or theirs.removed:
        return run.refused(BranchNotFoundError, history.merge, source, into, since=since, strategy=strategy)
    if source == into:
        return run.refused(InvalidBranchError, history.merge, source, into, since=since, strategy=strategy)
    run.decided_once(history.merge, source, into, since=since, strategy=strategy)
    news = [
        (position, "merged")
        for position in theirs.positions
        if position not in ours.positions and (since is None or position > since)
    ]
    both = ours.messages + news if strategy is Strategy.APPEND else interleaved(ours.messages, news)
    return changed(run, ours, both if news else ours.messages, ours.system)


def reorder(run: Run, choice: int, *keys: int) -> None:
    number, line = run.line(choice)
    order = sorted(range(len(line.messages)), key=lambda place: keys[place % len(keys)])
    messages = [line.messages[place] for place in order]
    positions = [position for position, _ in messages]
    if line.removed:
        return run.refused(BranchNotFoundError, history.reorder, number, positions)
    run.decided_once(history.reorder, number, positions)
    return changed(run, line, messages, line.system)


def rename(run: Run, choice: int, named: int, *_: int) -> None:
    number, line = run.line(choice)
    name = NAMES[named % len(NAMES)]
    if line.removed:
        return run.refused(BranchNotFoundError, branch.rename, number, name)
    if run.is_taken(name, but=line):
        return run.refused(NameTakenError, branch.rename, number, name)
    run.decided_once(branch.rename, number, name)
    if line.name != name:
        line.name = name
        run.lists.happened()
    return None


def remove(run: Run, choice: int, *_: int) -> None:
    number, line = run.line(choice)
    if line.removed:
        return run.refused(BranchNotFoundError, branch.remove, number)
    run.decided(branch.remove, number)
    line.removed = True
    if run.lists.now.default == number:
        run.lists.now.default = None
        run.lists.happened()
        run.lists.now.default = next((left for left, _ in run.lists.now.live), None)
    return run.lists.happened()


def change_default(run: Run, choice: int, *_: int) -> None:
    number, line = run.line(choice)
    if line.removed:
        return run.refused(BranchNotFoundError, branch.change_default, number)
    run.decided_once(branch.change_default, number)
    if run.lists.now.default != number:
        run.lists.now.default = number
        run.lists.happened()
    return None


def redact(run: Run, which: int, *_: int) -> None:
    pool = [*(position for position in run.lists.written if position > 0), run.state.position + 1]
    position = pool[which % len(pool)]
    if position not in run.lists.written:
        return run.refused(InvalidValueError, message.redact, position, "branch.rewound", "{}")
    run.decided(message.redact, position, "message.appended", "{}")
    run.lists.now.redacted.add(position)
    run.lists.happened()
    return None


def go_on(run: Run, place: int, *_: int) -> None:
    run.go_on_from(max(run.position(place), run.state.first + 1))  # where there is a branch


def archive_and_restore(run: Run, *_: int) -> None:
    run.decided_once(session.archive)
    run.lists.now.status = Status.ARCHIVED
    run.lists.happened()
    run.decided_once(session.restore)
    run.lists.now.status = Status.ACTIVE
    run.lists.happened()


COMMANDS: dict[str, Callable[..., None]] = {
    "append": append,
    "fork": fork,
    "merge": merge,
    "rewind": rewind,
    "truncate": truncate,
    "retract": retract,
    "share": share,
    "reorder": reorder,
    "clear": clear,
    "undo": undo,
    "set_system": set_system,
    "create": create,
    "rename": rename,
    "remove": remove,
    "change_default": change_default,
    "redact": redact,
    "archive_and_restore": archive_and_restore,
    "go_on": go_on,
}

# What histories are made of comes more often than the rest.
KINDS = [
    *COMMANDS,
    *["append"] * 6,
    *["fork", "merge"] * 4,
    *["rewind", "truncate", "retract", "share", "reorder", "undo"] * 2,
]

HISTORIES = st.lists(
    st.tuples(st.sampled_from(KINDS), st.lists(st.integers(0, 5000), min_size=4, max_size=4)),
    min_size=20,
    max_size=50,
)


def run_of(commands: list[tuple[str, list[int]]]) -> Run:
    """The history of a branch with six messages, a fork inside them with three more, and then these commands."""
    run = Run()
    beginning = [
        ("create", [1, 0, 0, 0]),
        *[("append", [0, 2, 6, 0])] * 2,
        ("fork", [0, 13, 1, 0]),
        ("append", [1, 2, 6, 0]),
    ]
    for kind, numbers in [*beginning, *commands]:
        run.do(kind, numbers)
    return run


def histories(max_examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The test holds for so many histories, the same ones every time."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        slow_is_fine = [HealthCheck.too_slow, HealthCheck.data_too_large]
        options = settings(max_examples=max_examples, derandomize=True, suppress_health_check=slow_is_fine)
        return options(given(HISTORIES.map(run_of))(test))

    return decorate


# --- The laws ---------------------------------------------------------------------------------------------


def shown(state: State, number: int, at: int | None = None) -> list[tuple[int, str]]:
    return [
        (position, origin.value)
        for _, position, origin in message_origins(state.showing(number, at).ranges, state.written)
    ]


def agrees(state: State, moment: Moment) -> None:
    """The state says of its own position what the lists said there."""
    assert state.status is moment.status
    assert state.names == {line.name: number for number, line in moment.live}
    assert [(live.number, live.name) for live in state.live] == [(number, line.name) for number, line in moment.live]
    assert state.default == moment.default
    assert state.redacted == moment.redacted
    agrees_on_showings(state, moment, None)


def agrees_on_showings(state: State, moment: Moment, at: int | None) -> None:
    for number, line in moment.live:
        assert shown(state, number, at) == line.messages
        assert state.showing(number, at).system == line.system
        assert state.showing(number, at).length == len(line.messages) + (line.system is not None)
        for piece in state.showing(number, at).ranges:
            there = [place for place in state.written[piece.branch] if piece.first <= place <= piece.last]
            assert (there[0], there[-1], len(there)) == (piece.first, piece.last, piece.count)


@histories(150)
def test_a_history_folded_up_to_any_position_shows_what_lists_show(run: Run) -> None:
    state = fork_state(run.base)
    for placed in run.placed:
        evolve(state, *placed)
        agrees(state, run.lists.moments[state.position])
        recorded = [*run.lists.written, *run.lists.systems]
        assert state.messages_until(state.position) == sum(at <= state.position for at in recorded)


@histories(150)
def test_the_last_state_still_shows_every_position_as_it_was(run: Run) -> None:
    for at, moment in run.lists.moments.items():
        agrees_on_showings(run.state, moment, at)


@histories(40)
def test_a_branch_shows_before_it_was_created_what_those_showed_that_it_goes_on_from(run: Run) -> None:
    for number, line in enumerate(run.lists.now.lines):
        for at in range(run.state.first, line.created):
            then = run.lists.shown_at(number, at)
            if then is not None:
                assert shown(run.state, number, at) == then.messages
                assert run.state.showing(number, at).system == then.system


@histories(40)
def test_a_position_before_the_session_started_is_one_of_those_it_goes_on_from(run: Run) -> None:
    for at in range(run.state.first, run.state.position + 1):
        agrees_on_showings(run.at(at), run.lists.moments[at], None)


@histories(40)
def test_the_whole_is_the_same_from_any_snapshot(run: Run) -> None:
    for split in range(len(run.placed) + 1):
        before = fold(run.placed[:split], run.base)
        packed = pack(before)

        assert fold(run.placed[split:], unpack(packed)) == run.state
        assert fold(run.placed[split:], before) == run.state
        assert pack(before) == packed


@histories(100)
def test_a_state_that_knows_all_messages_beforehand_shows_the_same(run: Run) -> None:
    folded = fold(structure(run.placed), knowing(run.placed, run.base))

    assert folded.branches == run.state.branches
    assert folded.written == run.state.written
    for at, moment in run.lists.moments.items():
        agrees_on_showings(folded, moment, at)


@histories(40)
def test_a_state_that_knows_later_messages_shows_what_was_shown_then(run: Run) -> None:
    known = knowing(run.placed, run.base)
    for at in range(len(run.placed) + 1):
        folded = fold(structure(run.placed[:at]), known)

        agrees_on_showings(folded, run.lists.moments[at], at)


def structure(placed: list[Placed]) -> list[Placed]:
    """All events but the messages."""
    return [each for each in placed if not isinstance(each[2], MessageAppended)]


def knowing(placed: list[Placed], base: State) -> State:
    """The state that knows the positions of all messages, and nothing else of what happens."""
    known = fork_state(base)
    for position, _, event in placed:
        if isinstance(event, MessageAppended):
            known.written.setdefault(event.branch, array("q")).append(position)
    return known


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, derandomize=True)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), JSON), min_size=1, max_size=6))
def test_metadata_and_state_end_as_a_dict_would_and_change_once(updates: list[dict[str, Any]]) -> None:
    run, model = Run(), dict[str, Any]()
    for changes in updates:
        model |= changes
        run.decided_once(session.update_metadata, changes)
        for key, value in changes.items():
            run.decided_once(session.set_state, key, value)

    assert repr(sorted(run.state.metadata.items())) == repr(sorted(model.items()))
    assert repr(sorted(run.state.values.items())) == repr(sorted(model.items()))
    assert unpack(pack(run.state)) == run.state


def test_hundreds_of_retractions_show_what_lists_show_at_every_position() -> None:
    state = State("s")
    for position, event in enumerate([SessionStarted(), BranchCreated(0, "b", "main")], 1):
        evolve(state, position, position, event)
    shown: list[int] = []
    lists = {2: list(shown)}
    for step in range(600):
        position = state.position + 1
        if step < 200 or step % 3 == 0:
            evolve(state, position, position, MessageAppended(0, InstructionContent(instruction="x")))
            shown.append(position)
        else:
            gone = shown.pop((step * 7) % len(shown))
            evolve(state, position, position, MessageRetracted(0, gone))
        lists[position] = list(shown)

    for position, line in lists.items():
        assert list(positions(state.showing(0, position).ranges, state.written)) == line
    assert len(state.branches[0].showings) < 10
    assert unpack(pack(state)) == state
