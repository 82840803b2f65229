"""What goes to the terminal or into the pipe: lines, tables, documents; colours only where somebody looks."""

import sys
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.style import Style
from rich.text import Text

from ..domain.plain import Json
from .visible import on_one_line, visible

Part: TypeAlias = str | tuple[str, str]
"""Text, or text and the style that it has where there are colours."""

ROLES = {"system": "magenta", "user": "cyan", "assistant": "green", "tool": "yellow"}
"""The colours of those who speak."""

GAP = 2
"""Cells between two columns."""

NARROWEST = 8
"""Cells that a column keeps, however narrow the terminal is."""


def counted(number: int, word: str) -> str:
    """How many there are, in words: 1 session, 2 sessions."""
    return f"{number} {word}{'' if number == 1 else 's'}"


class Showing:
    """Standard output, as a terminal or as a pipe."""

    def __init__(self) -> None:
        self._console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)

    @property
    def looked_at(self) -> bool:
        """Whether a person looks on."""
        return self._console.is_terminal

    @property
    def width(self) -> int:
        """How many cells a line has."""
        return self._console.width

    def line(self, *parts: Part) -> None:
        """One line of text, or several; what would steer a terminal is spelled out."""
        if not self.looked_at:
            print("".join(visible(part if isinstance(part, str) else part[0]) for part in parts))
            return
        text = Text()
        for part in parts:
            said, style = (part, "") if isinstance(part, str) else part
            text.append(visible(said), Style.parse(style) if style else None)
        self._console.print(text)

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Rows under their heads: in columns that fit the terminal, or with tabs between them and nothing cut off."""
        shown = [[on_one_line(cell) for cell in row] for row in rows]
        if not self.looked_at:
            for row in [list(heads), *shown]:
                print("\t".join(row))
            return
        widths = self._widths([list(heads), *shown])
        self.line((_columns(heads, widths), "bold"))
        for row in shown:
            self.line(_columns(row, widths))

    def document(self, value: Json) -> None:
        """One JSON document."""
        print(msgspec.json.format(_encoded(value), indent=2).decode())

    def json_line(self, value: Json) -> None:
        """One JSON document on a line of its own."""
        print(_encoded(value).decode())

    def flush(self) -> None:
        """Has what was shown so far be seen, also in a pipe."""
        sys.stdout.flush()

    def _widths(self, rows: Sequence[Sequence[str]]) -> list[int]:
        """The width of each column; the widest give way until all fit."""
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        over = sum(widths) + GAP * (len(widths) - 1) - self.width
        while over > 0:
            widest = max(range(len(widths)), key=lambda column: widths[column])
            if widths[widest] <= NARROWEST:
                break
            step = min(over, max(widths[widest] - max(sorted(widths)[-2], NARROWEST), 1))
            widths[widest] -= step
            over -= step
        return widths


def role_style(role: str) -> str:
    """The style of what somebody in a role says."""
    return ROLES.get(role, "blue")


def note(text: str) -> None:
    """Says something beside the answer: on standard error."""
    print(visible(text), file=sys.stderr)


def _columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    return (" " * GAP).join(map(_fitted, cells, widths)).rstrip()


def _fitted(cell: str, width: int) -> str:
    if cell_len(cell) > width:
        return set_cell_size(cell, width - 1) + "…"
    return set_cell_size(cell, width)


def _encoded(value: Json) -> bytes:
    return msgspec.json.encode(value)
