"""What it may cost: each bar, what was measured for it, and whether that is enough. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .contestants import LIMIT, OURS, STOCK
from .figures import Outcome, ratio_of, spread_of

Results: TypeAlias = Mapping[str, Sequence[Outcome]]
"""By the name of the workload."""

Figure: TypeAlias = Callable[[Results], float | None]


@dataclass(frozen=True)
class Bar:
    """A promise: a figure that is at most, or at least, so much."""

    work: str
    needs: tuple[str, ...]
    """The workloads that it is reckoned from."""
    says: str
    figure: Figure
    bound: float
    at_least: bool = False

    def met(self, figure: float) -> bool:
        return figure >= self.bound if self.at_least else figure <= self.bound


@dataclass(frozen=True)
class Verdict:
    """A bar beside what was measured; `figure` is None if it was not."""

    bar: Bar
    figure: float | None

    @property
    def met(self) -> bool:
        return self.figure is not None and self.bar.met(self.figure)

    def __str__(self) -> str:
        bound = f"{'at least' if self.bar.at_least else 'at most'} {said(self.bar.bound)}"
        found = "not measured" if self.figure is None else said(self.figure)
        return f"{'met ' if self.met else 'MISSED'}  {self.bar.work}: {self.bar.says} {found}, {bound}"


def said(figure: float) -> str:
    return f"{figure:,.0f}".replace(",", " ") if figure >= 1000 else f"{figure:.2f}"


def judged(results: Results) -> list[Verdict]:
    """Every bar that something was measured for; a workload that was not run is nobody's fault."""
    return [Verdict(bar, bar.figure(results)) for bar in BARS if all(name in results for name in bar.needs)]


def outcome(results: Results, workload: str, contestant: str = OURS) -> Outcome | None:
    """What a contestant did in a workload, if it did it."""
    found = next((each for each in results.get(workload, ()) if each.contestant == contestant), None)
    return None if found is None or found.why or not found.rounds else found


def times(workload: str, other: str = LIMIT) -> Figure:
    """How many times another's cost is ours."""

    def figure(results: Results) -> float | None:
        ours, theirs = outcome(results, workload), outcome(results, workload, other)
        return None if ours is None or theirs is None else ratio_of(ours.rounds, theirs.rounds).median

    return figure


def faster(workload: str, other: str) -> Figure:
    """How many times ours another's cost is."""

    def figure(results: Results) -> float | None:
        ours, theirs = outcome(results, workload), outcome(results, workload, other)
        return None if ours is None or theirs is None else ratio_of(theirs.rounds, ours.rounds).median

    return figure


def times_beside(workload: str) -> Figure:
    """How many times what it was held against it is."""

    def figure(results: Results) -> float | None:
        ours = outcome(results, workload)
        return None if ours is None or not ours.beside else ratio_of(ours.rounds, ours.beside).median

    return figure


def gain_beside(workload: str) -> Figure:
    """How many times faster it is than what it was held against."""

    def figure(results: Results) -> float | None:
        ours = outcome(results, workload)
        return None if ours is None or not ours.beside else ratio_of(ours.beside, ours.rounds).median

    return figure


def seconds(workload: str, scale: float = 1e3) -> Figure:
    def figure(results: Results) -> float | None:
        ours = outcome(results, workload)
        return None if ours is None else spread_of(ours.rounds).median * scale

    return figure


def rate(workload: str) -> Figure:
    def figure(results: Results) -> float | None:
        ours = outcome(results, workload)
        return None if ours is None else 1 / spread_of(ours.rounds).median

    return figure


def memory_of_result(workload: str) -> Figure:
    """The most memory that a frame took, in sizes of the frame."""

    def figure(results: Results) -> float | None:
        ours = outcome(results, workload)
        return None if ours is None or not ours.memory else ours.memory / ours.facts["bytes"]

    return figure


def _bar(work: str, workload: str, says: str, figure: Figure, bound: float, at_least: bool = False) -> Bar:
    return Bar(work, (workload,), says, figure, bound, at_least)


def _bars() -> list[Bar]:
    beside = "times a bare insert of the same bytes"
    bars = [
        _bar(f"append one message, durable, at {size}", f"append at {size}", beside, times(f"append at {size}"), 1.5)
        for size in ("1 k", "10 k", "100 k")
    ]
    batch, others = "append 1 k per commit", "append beside 1 k others"
    bars += [
        _bar("append one message beside 1 000 other sessions", others, beside, times(others), 1.5),
        _bar("append in batches of 1 000", batch, "times bare `executemany`", times(batch), 4.5),
        _bar("append in batches of 1 000", batch, "events a second", rate(batch), 50_000, at_least=True),
    ]
    threads, replay = "append by 16 threads", "replay 100 k"
    bars += [
        _bar("16 threads to 16 sessions", threads, "times one thread", gain_beside(threads), 2.5, at_least=True),
        _bar("replay of 100 k", replay, "times a cursor and decode", times(replay), 2),
        _bar("replay of 100 k", replay, "times as fast as the stock library", faster(replay, STOCK), 10, at_least=True),
    ]
    bars += [
        _bar(f"fork of {size}", f"fork {size}", "times one append", times_beside(f"fork {size}"), 1.5)
        for size in ("1 k", "100 k")
    ]
    last, deep, view = "last 50 of 100 k", "fork of 100 forks", "view 100 k"
    bars += [
        _bar("last 50 of 100 k messages", last, "ms", seconds(last), 1),
        _bar("last 50 of a fork 100 deep", deep, "ms", seconds(deep), 2),
        _bar("whole view of a session of 100 k", view, "ms", seconds(view), 20),
    ]
    for length in ("short", "long"):
        frame = f"frame of 1 M {length}"
        bars += [
            _bar(f"DataFrame of 1 M {length} messages", frame, "rows a second", rate(frame), 300_000, at_least=True),
            _bar(f"DataFrame of 1 M {length} messages", frame, "times its size in memory", memory_of_result(frame), 2),
        ]
    changed, writers = "catch-up 100 k, changed", "append by 8 processes on PostgreSQL"
    bars += [
        _bar("projection catch-up on SQLite", changed, "events a second", rate(changed), 50_000, at_least=True),
        _bar("projection catch-up on PostgreSQL", f"{changed} on PostgreSQL", "events a second",
             rate(f"{changed} on PostgreSQL"), 20_000, at_least=True),
        _bar("PostgreSQL, 8 writers in processes", writers, "times the stock recorder", faster(writers, STOCK), 2,
             at_least=True),
        _bar("PostgreSQL, 8 writers in threads", "append by 8 threads on PostgreSQL", "times the stock recorder",
             faster("append by 8 threads on PostgreSQL", STOCK), 2, at_least=True),
        _bar("file, beside the payloads", "file of 20 k", "times the payloads", seconds("file of 20 k", 1), 1.5),
    ]  # fmt: skip
    return bars


BARS = _bars()
