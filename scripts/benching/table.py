"""Outcomes as people read them: a block of lines on the screen, a table in Markdown. Pure."""

from collections.abc import Iterator, Sequence

from .contestants import LIMIT, OURS
from .figures import Outcome, Spread, per_second, ratio_of, spread_of
from .work import Unit, Workload

SCALES = {"us": 1e6, "ms": 1e3, "ratio": 1.0, "bytes": 1.0, "MB": 1.0}


def figure(rounds: Sequence[float], unit: Unit) -> Spread:
    """The rounds in the unit of the workload."""
    spread = spread_of(rounds)
    if unit == "per second":
        return per_second(spread)
    scale = SCALES[unit]
    return Spread(spread.median * scale, spread.low * scale, spread.high * scale)


def rounded(value: float) -> str:
    """Three digits that count, with narrow spaces between thousands."""
    if value >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def said(rounds: Sequence[float], unit: Unit) -> tuple[str, str]:
    """The median with its unit, and the quartiles."""
    spread = figure(rounds, unit)
    unit_said = {"per second": "/s", "ratio": "", "bytes": "B"}.get(unit, unit)
    return f"{rounded(spread.median)} {unit_said}".strip(), f"{rounded(spread.low)} to {rounded(spread.high)}"


def times(outcome: Outcome, other: Outcome | None) -> str:
    """How many times the other's cost; nothing where there is no other, or it is the same."""
    if other is None or other is outcome or other.why or outcome.why or len(other.rounds) != len(outcome.rounds):
        return ""
    return f"x {rounded(ratio_of(outcome.rounds, other.rounds).median)}"


def rows(workload: Workload, outcomes: Sequence[Outcome]) -> Iterator[tuple[str, str, str, str, str, str]]:
    """For each contestant: who, how much, how spread, times the limit, times Turnlog, memory; or why not."""
    by_name = {each.contestant: each for each in outcomes}
    limit, ours = by_name.get(LIMIT), by_name.get(OURS)
    for each in outcomes:
        if each.why or not each.rounds:
            yield each.title, f"no: {each.why}", "", "", "", ""
            continue
        value, spread = said(each.rounds, workload.unit)
        memory = "" if each.memory is None else f"{each.memory / 1e6:.1f} MB"
        yield each.title, value, spread, times(each, limit), times(each, ours), memory


def block(workload: Workload, outcomes: Sequence[Outcome], seconds: float) -> str:
    """What is shown on the screen when a workload is done."""
    lines = [f"{workload.title}   [{workload.name}, in {seconds:.1f} s]"]
    for who, value, *rest in rows(workload, outcomes):
        if not any(rest):
            lines.append(f"  {who:<45} {value}")
        else:
            spread, limit, ours, memory = rest
            lines.append(f"  {who:<45} {value:>14}  {spread:<22} {limit:>9} {ours:>9} {memory:>10}")
    lines += [f"  {line}" for line in beside(workload, outcomes)]
    return "\n".join(lines) + "\n"


def beside(workload: Workload, outcomes: Sequence[Outcome]) -> list[str]:
    """The sentence about what Turnlog's own work was held against in the same rounds."""
    ours = next((each for each in outcomes if each.contestant == OURS and each.beside), None)
    if ours is None or workload.beside is None:
        return []
    if workload.unit == "per second":
        ratio, what = ratio_of(ours.beside, ours.rounds), "times the rate of one thread"
    else:
        ratio, what = ratio_of(ours.rounds, ours.beside), "times one append"
    return [f"Turnlog's, in the same rounds: {what}, {ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"]


def markdown(workload: Workload, outcomes: Sequence[Outcome]) -> str:
    """The same as a table of a document."""
    lines = ["| | median | quartiles | of the limit | of Turnlog | memory |", "|---|---|---|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows(workload, outcomes)]
    return "\n".join([*lines, *(f"\n{line}." for line in beside(workload, outcomes))])
