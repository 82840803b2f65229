"""Messages as a table in a notebook: the first few and the last few, every word escaped, whatever was said."""

from collections.abc import Iterable
from html import escape

from ..domain.message import REDACTED, Message

ENDS = 5
"""Messages shown from either end."""

WIDEST = 200
"""Characters of a cell."""

HEADINGS = ("position", "created at", "role", "sender", "text")


def html_table(title: str, head: Iterable[Message], skipped: int, tail: Iterable[Message]) -> str:
    """The messages as HTML that runs nothing and loads nothing."""
    headings = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
    gap = f'<tr><td colspan="{len(HEADINGS)}">&hellip; {skipped} more &hellip;</td></tr>' if skipped else ""
    rows = "".join(map(_row, head)) + gap + "".join(map(_row, tail))
    return f"<table><caption>{_escape(title)}</caption><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table>"


def _row(message: Message) -> str:
    created = "" if message.created_at is None else message.created_at.isoformat(sep=" ", timespec="seconds")
    cells = (
        str(message.position),
        created,
        message.role.value,
        message.sender or "",
        REDACTED if message.redacted else message.text,
    )
    return f"<tr>{''.join(f'<td>{_escape(cell)}</td>' for cell in cells)}</tr>"


def _escape(text: str) -> str:
    """Text as a cell shows it; cut before it is escaped, so that nothing escaped is cut."""
    shown = text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
    return escape("".join(" " if not each.isprintable() and each not in "\n\t" else each for each in shown))
