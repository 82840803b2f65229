"""What goes to the terminal or into the pipe: lines, tables, documents; colours only where somebody looks."""

import sys
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.containers import Lines
from rich.style import Style
from rich.text import Text

from ..domain.json_values import Json
from .visible import INDENT, cell, on_one_line, visible, visible_json

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
        """One line, whatever is in its parts; in a terminal what does not fit goes on below it, indented."""
        pairs = [(part, "") if isinstance(part, str) else part for part in parts]
        self._show([(on_one_line(said), style) for said, style in pairs], "")

    def text(self, text: str, *, indent: str = INDENT, style: str = "") -> None:
        """A text of any number of lines, each of them indented, in a terminal also where it is folded."""
        for line in visible(text).split("\n"):
            self._show([(line.expandtabs(4) if self.looked_at else line, style)], indent)

    def _show(self, pairs: Sequence[tuple[str, str]], indent: str) -> None:
        if not self.looked_at:
            print(indent + "".join(said for said, _ in pairs))
            return
        text = Text()
        for said, style in pairs:
            text.append(said, Style.parse(style) if style else None)
        for number, piece in enumerate(_folded(text, self.width, len(indent))):
            self._console.print(Text(indent or (INDENT if number else "")) + piece)

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Rows under their heads: in columns that fit the terminal, or with tabs between them and nothing cut off."""
        names = list(map(on_one_line, heads))
        shown = [list(map(cell, row)) for row in rows]
        if not self.looked_at:
            for row in [names, *shown]:
                print("\t".join(row))
            return
        widths = self._widths([names, *shown])
        self.line((_columns(names, widths), "bold"))
        for row in shown:
            self.line(_columns(row, widths))

    def document(self, value: Json) -> None:
        """One JSON document."""
        print(visible_json(msgspec.json.format(_encoded(value), indent=2).decode()))

    def json_line(self, value: Json) -> None:
        """One JSON document on a line of its own."""
        print(visible_json(_encoded(value).decode()))

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
    print(on_one_line(text), file=sys.stderr)


def _folded(text: Text, width: int, indent: int) -> Lines:
    """The text in pieces that fit; all but the first of a line that begins at the edge leave room for the indent."""
    places, cells, room = list[int](), 0, max(width - indent, 2)
    for place, character in enumerate(text.plain):
        size = cell_len(character)
        if cells + size > room:
            places.append(place)
            cells, room = 0, max(width - (indent or len(INDENT)), 2)
        cells += size
    return text.divide(places)


def _columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    return (" " * GAP).join(map(_fitted, cells, widths)).rstrip()


def _fitted(text: str, width: int) -> str:
    if cell_len(text) > width:
        return set_cell_size(text, width - 1) + "…"
    return set_cell_size(text, width)


def _encoded(value: Json) -> bytes:
    return msgspec.json.encode(value)
