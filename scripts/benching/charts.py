"""Bars in SVG, drawn by hand: one chart for each workload worth looking at. Pure."""

from collections.abc import Sequence
from html import escape

from .contestants import LIMIT, OURS
from .figures import Outcome
from .table import figure, said
from .work import Workload

WIDTH, ROW, TOP, NAMES, ROOM = 760, 26, 34, 310, 130
COLOURS = {LIMIT: "#9aa5b1", OURS: "#1f6feb"}
OTHERS = "#d29922"


def chart(workload: Workload, outcomes: Sequence[Outcome]) -> str:
    """A bar for everybody who did the work, the longest over the whole width; those who did not are named below."""
    did = [each for each in outcomes if not each.why and each.rounds]
    most = max(figure(each.rounds, workload.unit).median for each in did)
    better = "more is better" if workload.unit == "per second" else "less is better"
    height = TOP + ROW * len(did) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif"'
        ' font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="8" y="20" font-weight="bold">{escape(workload.title)} ({better})</text>',
    ]
    for number, each in enumerate(did):
        y = TOP + ROW * number
        length = max(2.0, (WIDTH - NAMES - ROOM) * figure(each.rounds, workload.unit).median / most)
        colour = COLOURS.get(each.contestant, OTHERS)
        parts += [
            f'<text x="{NAMES - 8}" y="{y + 16}" text-anchor="end">{escape(each.title)}</text>',
            f'<rect x="{NAMES}" y="{y + 3}" width="{length:.1f}" height="{ROW - 8}" fill="{colour}"/>',
            f'<text x="{NAMES + length + 6:.1f}" y="{y + 16}">{escape(said(each.rounds, workload.unit)[0])}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
