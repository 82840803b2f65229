"""A random history at the door, beside a model of plain lists: every store reads the same at every position.

The model knows nothing of ranges or events. It keeps, per branch, the list of what it shows, and copies all lists at
every position.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from turnlog import Session
from turnlog.session_view import SessionView

if TYPE_CHECKING:
    from tests.contract.conftest import Stores
    from turnlog import Branch, Message


@dataclass
class Line:
    """A branch: the positions of the messages it shows, and of its system message."""

    name: str
    shown: list[int] = field(default_factory=list)
    system: int | None = None
    created: int = 0
    removed: bool = False


@dataclass
class Moment:
    """Everything at one position."""

    lines: list[Line] = field(default_factory=list)
    default: int | None = None


class Model:
    """What should be so: the present, a copy of every moment, and the words of every message."""

    def __init__(self) -> None:
        self.now = Moment()
        self.moments: list[Moment] = []
        self.words: dict[int, str] = {}

    @property
    def position(self) -> int:
        return len(self.moments)

    def happened(self) -> int:
        """One event, the effect of which is in the present already."""
        self.moments.append(deepcopy(self.now))
        return len(self.moments)

    def live(self) -> list[int]:
        return [number for number, line in enumerate(self.now.lines) if not line.removed]

    def at(self, position: int) -> Moment:
        return self.moments[position - 1]


def shows(view: SessionView) -> dict[str, tuple[str | None, list[str]]]:
    """The words of every branch of a session."""
    answer: dict[str, tuple[str | None, list[str]]] = {}
    for branch in view.branches:
        system = branch.system
        messages = list(branch.messages)
        assert system is None or messages[0] == system
        spoken = messages if system is None else messages[1:]
        answer[branch.name] = (None if system is None else system.text, [message.text for message in spoken])
    return answer


class Door(RuleBasedStateMachine):
    """Commands at the door, each done to the model too."""

    stores: ClassVar[Stores]

    def __init__(self) -> None:
        super().__init__()
        self.store = self.stores.new()
        self.model = Model()
        self.names = 0
        self.said = 0

    def name(self) -> str:
        self.names += 1
        return f"name {self.names}"

    def text(self) -> str:
        self.said += 1
        return f"text {self.said}"

    def branch(self, number: int) -> Branch:
        return self.session.branches[number]

    def pick(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(self.model.live()), "branch")

    @initialize(counts=st.lists(st.integers(0, 4), min_size=1, max_size=3))
    def start(self, counts: list[int]) -> None:
        self.session = Session(session_id="s", default_branch=None, store=self.store)
        self.model.happened()
        for number, count in enumerate(counts):
            self.create()
            self.said_on(number, count)

    def few(self) -> bool:
        return len(self.model.live()) < 5

    @precondition(few)
    @rule()
    def create(self) -> None:
        name = self.name()
        self.session.create_branch(name)
        self.model.now.lines.append(Line(name, created=self.model.position + 1))
        if self.model.now.default is None:
            self.model.now.default = len(self.model.now.lines) - 1
        self.model.happened()

    @rule(data=st.data(), count=st.integers(1, 4))
    def add(self, data: st.DataObject, count: int) -> None:
        self.said_on(self.pick(data), count)

    def said_on(self, number: int, count: int) -> None:
        texts = [self.text() for _ in range(count)]
        added = self.branch(number).add_many(texts) if count != 1 else [self.branch(number).add(texts[0])]
        for text, message in zip(texts, added, strict=True):
            position = self.model.position + 1
            self.model.words[position] = text
            self.model.now.lines[number].shown.append(position)
            assert self.model.happened() == message.position
            assert message.text == text

    @rule(data=st.data(), behind=st.booleans())
    def add_system(self, data: st.DataObject, behind: bool) -> None:
        number = self.pick(data)
        line = self.model.now.lines[number]
        system, other = self.text(), self.text()
        given = [("user", other), ("system", system)] if behind else [("developer", system), ("user", other)]
        for (role, text), message in zip(given, self.branch(number).add_many(given), strict=True):
            position = self.model.position + 1
            self.model.words[position] = text
            if role != "user" and not line.shown and line.system is None:
                line.system = position
            else:
                line.shown.append(position)
            assert self.model.happened() == message.position
            assert (message["role"], message.text) == (role, text)

    @precondition(few)
    @rule(data=st.data())
    def fork(self, data: st.DataObject) -> None:
        number = self.pick(data)
        at = data.draw(st.none() | st.integers(self.model.now.lines[number].created, self.model.position), "at")
        name = self.name()
        self.branch(number).fork(at, name)
        self.forked(number, at, name)

    @precondition(few)
    @rule(data=st.data())
    def fork_what_was_removed(self, data: st.DataObject) -> None:
        at = data.draw(st.integers(2, self.model.position), "at")
        lines = [number for number, line in enumerate(self.model.at(at).lines) if not line.removed]
        if lines:
            number, name = data.draw(st.sampled_from(lines), "branch"), self.name()
            self.session.fork(self.session.at(at).branches[number], at, name)
            self.forked(number, at, name)

    def forked(self, number: int, at: int | None, name: str) -> None:
        then = (self.model.now if at is None else self.model.at(at)).lines[number]
        line = Line(name, list(then.shown), then.system, self.model.position + 1)
        self.model.now.lines.append(line)
        if self.model.now.default is None:
            self.model.now.default = len(self.model.now.lines) - 1
        self.model.happened()

    @rule(data=st.data(), taken_away=st.booleans())
    def set_system(self, data: st.DataObject, taken_away: bool) -> None:
        number = self.pick(data)
        line = self.model.now.lines[number]
        text = None if taken_away else self.text()
        self.branch(number).set_system(text)
        if text is None and line.system is None:
            return
        line.system = None if text is None else self.model.position + 1
        if text is not None:
            self.model.words[self.model.position + 1] = text
        self.model.happened()

    @rule(data=st.data())
    def rewind(self, data: st.DataObject) -> None:
        number = self.pick(data)
        line = self.model.now.lines[number]
        to = data.draw(st.integers(line.created, self.model.position), "to")
        self.branch(number).rewind(to)
        then = self.model.at(to).lines[number]
        if (then.shown, then.system) != (line.shown, line.system):
            line.shown, line.system = list(then.shown), then.system
            self.model.happened()

    @rule(data=st.data(), keep=st.integers(0, 6))
    def truncate(self, data: st.DataObject, keep: int) -> None:
        number = self.pick(data)
        self.branch(number).truncate(keep)
        self.shown(number, self.model.now.lines[number].shown[-keep:] if keep else [])

    @rule(data=st.data())
    def clear(self, data: st.DataObject) -> None:
        number = self.pick(data)
        self.branch(number).clear()
        self.shown(number, [])

    @rule(data=st.data())
    def retract(self, data: st.DataObject) -> None:
        number = self.pick(data)
        shown = self.model.now.lines[number].shown
        if shown:
            position = data.draw(st.sampled_from(shown), "message")
            self.branch(number).retract(self.message(number, position))
            self.shown(number, [other for other in shown if other != position])

    @rule(data=st.data())
    def share(self, data: st.DataObject) -> None:
        number, source = self.pick(data), self.pick(data)
        theirs = self.model.now.lines[source].shown
        positions = data.draw(st.lists(st.sampled_from(theirs), max_size=5) if theirs else st.just([]), "messages")
        self.branch(number).share(self.message(source, position) for position in positions)
        shown = self.model.now.lines[number].shown
        self.shown(number, shown + [position for position in dict.fromkeys(positions) if position not in shown])

    @rule(data=st.data(), strategy=st.sampled_from(["append", "interleave"]), some=st.booleans())
    def merge(self, data: st.DataObject, strategy: str, some: bool) -> None:
        source, into = self.pick(data), self.pick(data)
        if source == into:
            return
        since = data.draw(st.integers(1, self.model.position), "since") if some else None
        self.session.merge(source, into, since=since, strategy=strategy)
        ours = self.model.now.lines[into].shown
        theirs = [position for position in self.model.now.lines[source].shown if position not in ours]
        theirs = [position for position in theirs if position > (since or 0)]
        self.shown(into, ours + theirs if strategy == "append" else interleaved(ours, theirs))

    @rule(data=st.data())
    def reorder(self, data: st.DataObject) -> None:
        number = self.pick(data)
        order = data.draw(st.permutations(self.model.now.lines[number].shown), "order")
        self.branch(number).reorder([self.message(number, position) for position in order])
        self.shown(number, list(order))

    @rule(data=st.data(), same=st.booleans())
    def rename(self, data: st.DataObject, same: bool) -> None:
        number = self.pick(data)
        line = self.model.now.lines[number]
        name = line.name if same else self.name()
        self.branch(number).rename(name)
        if not same:
            line.name = name
            self.model.happened()

    @rule(data=st.data())
    def remove_branch(self, data: st.DataObject) -> None:
        number = self.pick(data)
        if len(self.model.live()) == 1:
            return
        self.session.remove_branch(self.branch(number))
        self.model.now.lines[number].removed = True
        was_default = self.model.now.default == number
        self.model.now.default = None if was_default else self.model.now.default
        self.model.happened()
        if was_default:
            self.model.now.default = self.model.live()[0]
            self.model.happened()

    @rule(data=st.data())
    def change_default_branch(self, data: st.DataObject) -> None:
        number = self.pick(data)
        self.session.change_default_branch(number)
        if self.model.now.default != number:
            self.model.now.default = number
            self.model.happened()

    @rule()
    def reopen(self) -> None:
        self.agree(self.session, self.model.position)
        self.store = self.stores.reopened(self.store)
        self.session = Session.open("s", store=self.store)

    @invariant()
    def nothing_else_was_recorded(self) -> None:
        if self.model.moments:
            assert self.session.position == self.model.position

    def teardown(self) -> None:
        if self.model.moments:
            self.agree(self.session, self.model.position)
            for position in range(1, self.model.position + 1):
                self.agree(self.session.at(position), position)
            self.slices_agree()
            assert self.store.verify().ok
            assert self.store.get_session("s").messages == len(self.model.words)
        self.store.close()

    def agree(self, view: SessionView, position: int) -> None:
        moment = self.model.at(position)
        lines = [line for line in moment.lines if not line.removed]
        assert view.position == position
        assert shows(view) == {line.name: (self.spoken(line.system), self.words(line.shown)) for line in lines}
        assert view.message_count == sum(at <= position for at in self.model.words)
        assert view.branches.keys() == [line.name for line in lines]
        default = None if moment.default is None else moment.lines[moment.default]
        assert [message.text for message in view.messages] == (
            [] if default is None else self.words([*([default.system] if default.system else []), *default.shown])
        )

    def slices_agree(self) -> None:
        for number in self.model.live():
            line = self.model.now.lines[number]
            all = self.words([*([line.system] if line.system else []), *line.shown])
            messages = self.branch(number).messages
            assert len(messages) == len(all)
            assert [message.text for message in reversed(messages)] == all[::-1]
            for piece in (slice(1, None), slice(-3, None), slice(1, -1), slice(None, None, 2), slice(None, None, -1)):
                assert [message.text for message in messages[piece]] == all[piece]
            assert [message.text for message in messages.last(2)] == all[-2:]
            assert [messages[place].text for place in range(-len(all), len(all))] == all * 2

    def shown(self, number: int, positions: list[int]) -> None:
        """The branch shows these from here on; nothing happened if it did before."""
        line = self.model.now.lines[number]
        if line.shown != positions:
            line.shown = positions
            self.model.happened()

    def message(self, number: int, position: int) -> Message:
        return next(one for one in self.branch(number).messages if one.position == position)

    def spoken(self, position: int | None) -> str | None:
        return None if position is None else self.model.words[position]

    def words(self, positions: list[int]) -> list[str]:
        return [self.model.words[position] for position in positions]


def interleaved(ours: list[int], theirs: list[int]) -> list[int]:
    """Both lists as one; each keeps its order, and of two that come next the earlier goes first."""
    one, other, both = list(ours), list(theirs), list[int]()
    while one and other:
        both.append(one.pop(0) if one[0] < other[0] else other.pop(0))
    return both + one + other


def test_a_random_history_reads_as_lists_would_at_every_position(stores: Stores) -> None:
    class DoorToThese(Door):
        pass

    DoorToThese.stores = stores
    run_state_machine_as_test(
        DoorToThese,
        settings=settings(
            max_examples=150 if stores.kind == "memory" else 30,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
