"""Standard output: lines, tables and JSON documents; colours and columns in a terminal only."""

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
from .escape import INDENT, escape, escape_cell, escape_json, escape_line

Part: TypeAlias = str | tuple[str, str]
"""Text, or text and its style where there are colours."""

ROLES = {"system": "magenta", "user": "cyan", "assistant": "green", "tool": "yellow"}
"""The colours of roles."""

GAP = 2
"""Cells between two columns."""

NARROWEST = 8
"""The narrowest column, however narrow the terminal is."""


def count_of(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number and its noun: 1 session, 2 sessions."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


class Output:
    """Standard output, as a terminal or as a pipe."""

    def __init__(self) -> None:
        self._console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)

    @property
    def is_terminal(self) -> bool:
        """Whether it is a terminal."""
        return self._console.is_terminal

    @property
    def width(self) -> int:
        """The cells of a line."""
        return self._console.width

    def line(self, *parts: Part) -> None:
        """Print one line; a terminal folds it, with an indent."""
        pairs = [(part, "") if isinstance(part, str) else part for part in parts]
        self._print([(escape_line(text), style) for text, style in pairs], "")

    def text(self, text: str, *, indent: str = INDENT, style: str = "") -> None:
        """Print a text of any number of lines, each of them indented, folded ones too."""
        for line in escape(text).split("\n"):
            self._print([(line.expandtabs(4) if self.is_terminal else line, style)], indent)

    def _print(self, pairs: Sequence[tuple[str, str]], indent: str) -> None:
        if not self.is_terminal:
            print(indent + "".join(text for text, _ in pairs))
            return
        styled = Text()
        for text, style in pairs:
            styled.append(text, Style.parse(style) if style else None)
        for number, piece in enumerate(_fold(styled, self.width, len(indent))):
            self._console.print(Text(indent or (INDENT if number else "")) + piece)

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print rows under their heads: in columns that fit the terminal, or separated by tabs in full."""
        names = list(map(escape_line, heads))
        cells = [list(map(escape_cell, row)) for row in rows]
        if not self.is_terminal:
            for row in [names, *cells]:
                print("\t".join(row))
            return
        widths = self._widths([names, *cells])
        self.line((_columns(names, widths), "bold"))
        for row in cells:
            self.line(_columns(row, widths))

    def document(self, value: Json) -> None:
        """Print one JSON document."""
        print(escape_json(msgspec.json.format(_encode(value), indent=2).decode()))

    def json_line(self, value: Json) -> None:
        """Print one JSON document on one line."""
        print(escape_json(_encode(value).decode()))

    def records(self, format_: str, documents: Iterable[Json]) -> None:
        """Print JSON documents: one per line for jsonl, or all as one array for json."""
        if format_ == "jsonl":
            for each in documents:
                self.json_line(each)
        else:
            self.document(list(documents))

    def flush(self) -> None:
        """Write buffered output, so that the reader of a pipe has it at once."""
        sys.stdout.flush()

    def _widths(self, rows: Sequence[Sequence[str]]) -> list[int]:
        """The width of each column; the widest columns shrink until all fit."""
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


def print_result(document: dict[str, Json], sentence: str, format_: str) -> None:
    """Print what a command did: a sentence, or a JSON document."""
    if format_ == "json":
        Output().document(document)
    else:
        Output().line(sentence)


def role_style(role: str) -> str:
    """Return the style of a role."""
    return ROLES.get(role, "blue")


def note(text: str) -> None:
    """Print a remark on standard error."""
    print(escape_line(text), file=sys.stderr)


def _fold(text: Text, width: int, indent: int) -> Lines:
    """Fold a text to a width; folded lines leave room for their indent."""
    places, cells, room = list[int](), 0, max(width - indent, 2)
    for place, character in enumerate(text.plain):
        size = cell_len(character)
        if cells + size > room:
            places.append(place)
            cells, room = 0, max(width - (indent or len(INDENT)), 2)
        cells += size
    return text.divide(places)


def _columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    return (" " * GAP).join(map(_fit, cells, widths)).rstrip()


def _fit(text: str, width: int) -> str:
    if cell_len(text) > width:
        return set_cell_size(text, width - 1) + "…"
    return set_cell_size(text, width)


def _encode(value: Json) -> bytes:
    return msgspec.json.encode(value)
