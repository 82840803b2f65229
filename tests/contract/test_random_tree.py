"""Two hundred forks, merges and rewinds at random, beside plain lists: the same at every position, and reopened."""

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnlog import Branch, Session

Lines = dict[int, list[int]]
"""The positions of the messages that each branch shows, by its number."""


def interleaved(ours: list[int], theirs: list[int]) -> list[int]:
    """Both as one; each keeps its order, and of two that come next the earlier goes first."""
    one, other, both = list(ours), list(theirs), list[int]()
    while one and other:
        both.append(one.pop(0) if one[0] < other[0] else other.pop(0))
    return both + one + other


class Tree:
    """A session and what it should show, copied at every position."""

    def __init__(self, session: Session, random: Random) -> None:
        self.session = session
        self.random = random
        self.now: Lines = {0: []}
        self.created = {0: 2}
        self.moments: dict[int, Lines] = {2: {0: []}}

    def branch(self, number: int) -> Branch:
        return self.session.branches[number]

    def happened(self, number: int, shown: list[int]) -> None:
        """One event, after which a branch shows these; none, if it showed them before."""
        if self.now.get(number) != shown:
            self.now = {**self.now, number: shown}
            self.moments[max(self.moments) + 1] = self.now

    def say(self, number: int) -> None:
        for _ in range(self.random.randint(1, 3)):
            position = self.branch(number).add("a word").position
            assert position == max(self.moments) + 1
            self.happened(number, [*self.now[number], position])

    def fork(self, number: int) -> None:
        at = self.random.randint(self.created[number], max(self.moments))
        fork = self.branch(number).fork(at)
        self.created[fork.number] = max(self.moments) + 1
        self.happened(fork.number, list(self.moments[at][number]))

    def rewind(self, number: int) -> None:
        to = self.random.randint(self.created[number], max(self.moments))
        self.branch(number).rewind(to)
        self.happened(number, list(self.moments[to][number]))

    def merge(self, number: int) -> None:
        source = self.random.choice(list(self.now))
        if source == number:
            return
        strategy = self.random.choice(["append", "interleave"])
        self.session.merge(source, number, strategy=strategy)
        ours = self.now[number]
        theirs = [position for position in self.now[source] if position not in ours]
        self.happened(number, ours + theirs if strategy == "append" else interleaved(ours, theirs))

    def agrees(self, view: Any, position: int) -> None:
        shown = {branch.number: branch.messages.positions for branch in view.branches}
        assert shown == self.moments[position], position


@given(seed=st.integers(0, 2**32))
@settings(
    max_examples=2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@pytest.mark.parametrize("steps", [200])
def test_a_tree_of_two_hundred_forks_merges_and_rewinds_is_what_lists_say(stores: Any, steps: int, seed: int) -> None:
    store, random = stores.new(), Random(seed)
    session = Session(default_branch=None, store=store)
    session.create_branch("main")
    tree = Tree(session, random)
    for _ in range(steps):
        number = random.choice(list(tree.now))
        tree.say(random.choice(list(tree.now)))
        random.choice([tree.fork, tree.fork, tree.merge, tree.rewind])(number)

    assert session.position == max(tree.moments)
    store = stores.reopened(store)
    session = Session.open(session.id, store=store)
    for position in tree.moments:
        tree.agrees(session.at(position), position)
    for branch in session.branches:
        assert [message.position for message in branch.messages] == tree.now[branch.number]
    assert store.verify().ok
