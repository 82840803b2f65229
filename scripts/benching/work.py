"""What the words of the bench mean: work, a question to a driver, and how much of everything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Unit: TypeAlias = Literal["us", "ms", "per second", "ratio", "bytes", "MB"]


@dataclass(frozen=True)
class Ask:
    """A method of a driver, and what it is called with."""

    what: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One row of figures: the same work for everybody who can do it."""

    name: str
    kind: str
    """What it is called by on the command line, with others of its kind."""
    title: str
    unit: Unit
    run: Ask
    work: str = ""
    """What drivers call it when they say how they do it, or that they cannot; the method's name if not given."""
    family: str = "sqlite"
    prepare: Sequence[Ask] = ()
    before: Sequence[Ask] = ()
    """Done before each round, and not timed."""
    beside: Ask | None = None
    """Something of Turnlog's own that is timed in the same rounds, and that the work is held against."""
    per: int = 1
    """How many units one call is."""
    length: int = 0
    """How many messages the session has, for those who cannot keep so many."""
    place: str = ""
    """A store of its own, if what others have put in the common one would be in the way."""
    only: frozenset[str] = frozenset()
    processes: int = 0
    measures: Literal["time", "size", "memory"] = "time"
    most: int = 100
    """Calls in one round, at most."""
    rounds: int | None = None


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    name: str
    rounds: int
    seconds: float
    """A round of calls takes about this long."""
    lengths: Sequence[int]
    forked: Sequence[int]
    others: int
    nested: int
    viewed: int
    replayed: int
    listed: int
    searched: int
    framed: int
    projected: int
    turns: Sequence[int]
    threads: int = 16
    processes: int = 8
    branches: int = 5000
    mails: int = 10_000
    managed: int = 10_000


FULL = Scale(
    "full", 9, 0.25, (1_000, 10_000, 100_000), (1_000, 20_000, 100_000), 1_000, 100, 100_000, 100_000, 10_000, 20_000,
    1_000_000, 100_000, (50, 100, 200, 400),
)  # fmt: skip
QUICK = Scale(
    "quick", 5, 0.02, (1_000,), (1_000,), 100, 20, 1_000, 1_000, 100, 1_000, 5_000, 10_000, (50, 400),
    processes=2, branches=200, mails=1000, managed=200,
)  # fmt: skip
TINY = Scale(
    "tiny", 2, 0.001, (20,), (20,), 3, 3, 100, 20, 3, 20, 50, 50, (5,), threads=2, processes=2, branches=5, mails=1000,
    managed=3,
)  # fmt: skip
