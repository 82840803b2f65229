"""What is reckoned from rounds: medians, spreads and ratios. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles


@dataclass(frozen=True)
class Spread:
    """The middle of some figures, and the quarters on both sides of it."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Outcome:
    """What one contestant did in one workload: seconds for one unit of the work, a round each; or why it did not."""

    contestant: str
    title: str
    rounds: Sequence[float] = ()
    beside: Sequence[float] = ()
    """The same rounds of what the work is held against, where that is something of the contestant's own."""
    memory: int | None = None
    why: str | None = None
    facts: Mapping[str, float] = field(default_factory=dict)


def spread_of(figures: Sequence[float]) -> Spread:
    """The median and the quartiles; all the same if there is one figure only."""
    if len(figures) < 2:
        return Spread(figures[0], figures[0], figures[0])
    low, _, high = quantiles(figures, n=4, method="inclusive")
    return Spread(median(figures), low, high)


def ratio_of(rounds: Sequence[float], others: Sequence[float]) -> Spread:
    """How many times the others it took, round by round: a machine that was slow was slow for both."""
    return spread_of([one / other for one, other in zip(rounds, others, strict=True)])


def per_second(spread: Spread) -> Spread:
    """The same as a rate."""
    return Spread(1 / spread.median, 1 / spread.high, 1 / spread.low)
