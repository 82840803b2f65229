"""The command line of the bench."""

import json
import os
import platform
import shutil
import signal
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from .bars import BARS, Verdict, judged
from .contestants import ALL, LIMIT, OURS, STOCK, install
from .document import write
from .figures import Outcome, ratio_of, spread_of
from .measuring import Bench
from .table import block
from .work import FULL, QUICK, TINY, Scale, Workload
from .workloads import workloads

DOCS = Path(__file__).parent.parent.parent / "docs"

SCALES = {scale.name: scale for scale in (FULL, QUICK, TINY)}

ABOUT = """What Turnlog costs beside the limit (a bare database with the same bytes) and beside what else one would
take, all in turns in one run. Take the ratios, not the times."""


def arguments() -> Namespace:
    parser = ArgumentParser("scripts/bench", description=ABOUT)
    parser.add_argument("work", nargs="*", help="kinds of work, or single workloads by name; all if none is named")
    parser.add_argument(
        "--quick", dest="scale", action="store_const", const="quick", default="full", help="small sizes"
    )
    parser.add_argument(
        "--tiny", dest="scale", action="store_const", const="tiny", help="nearly nothing, to try it out"
    )
    parser.add_argument("--check", action="store_true", help="only what has a bar; fails with the bars that are missed")
    parser.add_argument("--only", help="these contestants, with commas between: " + ", ".join(_names()))
    parser.add_argument("--rounds", type=int, help="rounds of each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes the figures there")
    parser.add_argument("--again", type=Path, metavar="FILE", help="what is not measured now is taken from that --json")
    parser.add_argument("--write-docs", action="store_true", help="writes docs/performance.md and its charts")
    parser.add_argument("--list", action="store_true", help="says what there is to be measured")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    scale = SCALES[asked.scale]
    if asked.rounds:
        scale = Scale(**{**asdict(scale), "rounds": asked.rounds})
    wanted = chosen(scale, asked.work, asked.check)
    if asked.list:
        print("\n".join(f"{each.kind:<12} {each.name}" for each in wanted))
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it gets what was measured so far
    begun = monotonic()
    names = set(asked.only.split(",")) if asked.only else ({LIMIT, OURS, STOCK} if asked.check else set(_names()))
    families = {each.family for each in wanted}
    contestants = [each for each in ALL if each.name in names and each.family in families]
    missing = install(contestants, lambda what: print(what, file=sys.stderr))
    folder = Path(tempfile.mkdtemp(prefix="turnlog-bench-"))
    bench = Bench(folder, scale, contestants, missing, lasting=scale.name != FULL.name)
    measured: list[tuple[Workload, Sequence[Outcome]]] = []
    try:
        for workload in wanted:
            started = monotonic()
            outcomes = bench.measure(workload)
            if outcomes:
                measured.append((workload, outcomes))
                print(block(workload, outcomes, monotonic() - started), flush=True)
    except KeyboardInterrupt:
        print("Interrupted: what was measured so far is what there is.", file=sys.stderr)
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)
    about = bench.about
    if asked.again:
        earlier = json.loads(asked.again.read_text())
        about = {**earlier["contestants"], **about}
        measured = joined(workloads(scale), measured, earlier["results"])
    verdicts = judged({workload.name: outcomes for workload, outcomes in measured})
    print(f"In all {monotonic() - begun:.0f} s.\n")
    for verdict in verdicts:
        print(verdict)
    facts = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "mode": scale.name, "machine": machine()}
    facts["rounds"] = rounds_of([outcome for _, outcomes in measured for outcome in outcomes])
    if asked.json:
        asked.json.write_text(json.dumps(report(facts, about, measured, verdicts), indent=1) + "\n")
    if asked.write_docs:
        print("Written:", write(DOCS, facts, about, measured, verdicts))
    return 1 if asked.check and not all(verdict.met for verdict in verdicts) else 0


def chosen(scale: Scale, named: Sequence[str], check: bool) -> list[Workload]:
    """The workloads of these kinds or names; all of them if none is named."""
    everything = workloads(scale)
    known = {each.kind for each in everything} | {each.name for each in everything}
    if unknown := set(named) - known:
        sys.exit(f"no such work: {', '.join(sorted(unknown))}; see scripts/bench --list")
    barred = {name for bar in BARS for name in bar.needs}
    return [
        each
        for each in everything
        if (not named or each.kind in named or each.name in named) and (not check or each.name in barred)
    ]


def joined(
    everything: Sequence[Workload],
    measured: Sequence[tuple[Workload, Sequence[Outcome]]],
    earlier: Sequence[Mapping[str, Any]],
) -> list[tuple[Workload, Sequence[Outcome]]]:
    """What was measured now, and of an earlier run the workloads that were not; a workload is never of two runs."""
    now = {workload.name: outcomes for workload, outcomes in measured}
    names = [field.name for field in fields(Outcome)]
    found: list[tuple[Workload, Sequence[Outcome]]] = []
    for workload in everything:
        then = [Outcome(**{name: row[name] for name in names}) for row in earlier if row["workload"] == workload.name]
        if outcomes := now.get(workload.name) or then:
            found.append((workload, outcomes))
    return found


def rounds_of(outcomes: Sequence[Outcome]) -> str:
    """How many rounds there were: one number, or the least and the most."""
    counts = [len(each.rounds) for each in outcomes if len(each.rounds) > 1]  # a size is weighed once
    return " to ".join(str(count) for count in sorted({min(counts, default=1), max(counts, default=1)}))


def machine() -> str:
    """The processor as the system names it, how many there are, the memory, the system."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (OSError, ValueError):
        memory = 0.0
    return f"{name}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.release()}"


def report(
    facts: Mapping[str, str],
    about: Mapping[str, object],
    measured: Sequence[tuple[Workload, Sequence[Outcome]]],
    verdicts: Sequence[Verdict],
) -> dict[str, object]:
    """Everything, for machines."""
    results = []
    for workload, outcomes in measured:
        limit = next((each for each in outcomes if each.contestant == LIMIT and each.rounds), None)
        for each in outcomes:
            row: dict[str, object] = {"workload": workload.name, "title": workload.title, "unit": workload.unit}
            row |= {"family": workload.family, **asdict(each)}
            if each.rounds:
                row["figure"] = asdict(spread_of(each.rounds))
                if limit and limit is not each and len(limit.rounds) == len(each.rounds):
                    row["of_the_limit"] = asdict(ratio_of(each.rounds, limit.rounds))
            results.append(row)
    bars = [
        {"work": each.bar.work, "says": each.bar.says, "figure": each.figure, "bound": each.bar.bound, "met": each.met}
        for each in verdicts
    ]
    return {**facts, "contestants": about, "results": results, "bars": bars}


def _names() -> list[str]:
    return list(dict.fromkeys(each.name for each in ALL))


if __name__ == "__main__":
    sys.exit(main())
