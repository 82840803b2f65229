"""docs/performance.md, as a run writes it; the account in words is a file of its own, and put in as it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from .bars import Verdict
from .charts import chart
from .figures import Outcome
from .table import markdown
from .work import Workload

ACCOUNT = "performance-account.md"
CHARTS = "performance"
DRAWN = (
    "append at ",
    "append by ",
    "load ",
    "last 50 of ",
    "fork ",
    "view ",
    "replay ",
    "search ",
    "size of 400",
    "list ",
)

HEAD = """# What it costs

<!-- Written by scripts/bench --write-docs. What is said in words is kept in {account}. -->

Measured by `scripts/bench` on one machine; at each work all take turns in one run: take the ratios, not the times. The
median of the rounds is given, with the quartiles; a ratio is the median of the ratios of each round. Memory is what a
process took at most above what it had, the warm-up included.

- When: {date}, {mode} sizes, {rounds} rounds
- Machine: {machine}
"""


def write(
    folder: Path, facts: Mapping[str, str], about: Mapping[str, Mapping[str, Mapping[str, str]]],
    measured: Sequence[tuple[Workload, Sequence[Outcome]]], verdicts: Sequence[Verdict],
) -> Path:  # fmt: skip
    """Writes the document and its charts into the folder of the documents."""
    account = folder / ACCOUNT
    charts = folder / CHARTS
    charts.mkdir(exist_ok=True)
    parts = [HEAD.format(account=ACCOUNT, **facts), who(about)]
    if verdicts:
        parts.append("## The bars\n\n" + "\n".join(bars_of(verdicts)))
    if account.exists():
        parts.append(account.read_text("utf-8"))
    for drawn in charts.glob("*.svg"):
        drawn.unlink()
    parts.append("## All of it")
    for workload, outcomes in measured:
        parts.append(section(charts, workload, outcomes))
    document = folder / "performance.md"
    document.write_text("\n\n".join(part.strip() for part in parts) + "\n", "utf-8")
    return document


def section(charts: Path, workload: Workload, outcomes: Sequence[Outcome]) -> str:
    """One workload: its title, its chart if it has one, its table."""
    lines = [f"### {workload.title[0].upper()}{workload.title[1:]}", ""]
    if workload.name.startswith(DRAWN) and sum(1 for each in outcomes if each.rounds and not each.why) > 1:
        name = "".join(letter if letter.isalnum() else "-" for letter in workload.name.lower()) + ".svg"
        (charts / name).write_text(chart(workload, outcomes), "utf-8")
        lines += [f"![{workload.title}]({CHARTS}/{name})", ""]
    return "\n".join([*lines, markdown(workload, outcomes)])


def bars_of(verdicts: Sequence[Verdict]) -> list[str]:
    """The bars as a table."""
    lines = ["| work | measured | bar | |", "|---|---|---|---|"]
    for each in verdicts:
        bound = f"{'>=' if each.bar.at_least else '<='} {each.bar.bound:g}"
        found = "not measured" if each.figure is None else f"{each.figure:.4g} {each.bar.says}"
        lines.append(f"| {each.bar.work} | {found} | {bound} | {'met' if each.met else '**missed**'} |")
    return lines


def who(about: Mapping[str, Mapping[str, Mapping[str, str]]]) -> str:
    """Versions, what each says of its durability, and how each does what it does."""
    lines = ["## Who, and how", "", "| contestant | versions | durability, as the database says it |", "|---|---|---|"]
    for name, facts in about.items():
        versions = ", ".join(f"{key} {value}" for key, value in facts["about"].items() if key != "durability")
        lines.append(f"| {name} | {versions} | {facts['about'].get('durability', '')} |")
    for name, facts in about.items():
        if facts["ways"] and not name.startswith("postgres"):
            lines += ["", f"**{name}**: " + "; ".join(f"{work}: {way}" for work, way in facts["ways"].items()) + "."]
    return "\n".join(lines)
