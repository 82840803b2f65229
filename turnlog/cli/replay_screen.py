"""The screen of `turnlog replay`: a head, messages or a change, and a last line, all cut to the width."""

import os
from collections.abc import Iterator, Sequence

from rich.cells import chop_cells

from .._session.names import name_lookup
from ..branch_view import BranchView
from ..domain.codec import encode
from ..domain.message import Message
from ..domain.recorded_event import RecordedEvent
from ..session_view import SessionView
from .escape import INDENT, escape, escape_line, quote
from .output import role_style
from .render import clock_time, displayed_text, event_summary

OTHER_SCREEN, NORMAL_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
CLEAR = "\x1b[H\x1b[2J"
BOLD, DIM, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
COLOURS = {"magenta": "\x1b[35m", "cyan": "\x1b[36m", "green": "\x1b[32m", "yellow": "\x1b[33m", "blue": "\x1b[34m"}

LAST, MOST = 200, 5000
"""Messages to load: more than a terminal has lines, and when they are scrolled."""

HELP = """right, left      next, previous event
down, up         ten events
home, end        first, last event
g                go to a position, or a time such as 12:00 of a day or 2h ago
/ then n, N      search; next, previous match
b                switch to the next branch
d                show the change of the event, or the messages
page up, down    scroll a page; k, j: a line
f                fork the branch at this position, after a confirmation
?                show or hide this help
q                quit"""


def screen(head: Sequence[str], body: Sequence[str], last: str, width: int, height: int) -> list[str]:
    """Return the lines of a screen of this size."""
    room = max(height - len(head) - 1, 1)
    return [*head, *body, *[""] * (room - len(body)), _style(DIM, _cut(escape_line(last), width))][:height]


def head_lines(
    view: SessionView, event: RecordedEvent, place: tuple[int, int], shown: int | None, width: int
) -> list[str]:
    """Return the position and session, the event, and the branches with the one that is shown in brackets."""
    title = f" {quote(view.name)}" if view.name else ""
    where = f"position {place[0]} of {place[1]}  session {quote(view.id)}{title}"
    by = f" by {quote(event.actor)}" if event.actor else ""
    what = f"{quote(event.name)}{by}: {event_summary(event, name_lookup(view))}"
    names = "  ".join(_branch(branch, branch.number == shown) for branch in view.branches)
    return [
        _style(BOLD, _cut(escape_line(where), width)),
        _cut(escape_line(f"{clock_time(event.created_at)}  {what}"), width),
        _style(DIM, _cut(escape_line(names or "no branch yet"), width)),
        _style(DIM, "-" * width),
    ]


def message_lines(view: SessionView, branch: BranchView | None, width: int, *, everything: bool) -> list[str]:
    """Return the last messages of a branch; many more if they are scrolled."""
    if branch is None:
        return ["(no messages yet)"]
    names = name_lookup(view)
    messages = branch.messages.last(MOST if everything else LAST)
    return [line for each in messages for line in _message(names.message(each), width)]


def change_lines(
    session: SessionView, event: RecordedEvent, before: BranchView | None, after: BranchView | None, width: int
) -> list[str]:
    """Return the event in full, and the messages that the branch has more and less because of it."""
    lines = _hanging("", f"{quote(event.name)} {escape_line(encode(event.event).decode())}", width)
    if after is None:
        return lines
    if before is None:
        return [*lines, *(line for each in after.messages.last(50) for line in _signed("+", each, width))]
    difference = session.diff(before, after)
    if difference.same:
        return [*lines, "(the same messages as before)"]
    left, right = difference.system or (None, None)
    removed = [line for each in [*([left] if left else []), *difference.left] for line in _signed("-", each, width)]
    added = [line for each in [*([right] if right else []), *difference.right] for line in _signed("+", each, width)]
    return [*lines, *removed, *added]


def help_lines(width: int) -> list[str]:
    """Return the keys and what they do."""
    return list(_wrapped(HELP, width))


def _branch(branch: BranchView, is_shown: bool) -> str:
    label = f"{quote(branch.name)}: {len(branch.messages)}"
    return f"[{label}]" if is_shown else label


def _message(message: Message, width: int) -> Iterator[str]:
    role = message.role.value
    sender = f" {quote(message.sender)}" if message.sender else ""
    head = _cut(escape_line(f"{role}{sender}  [{message.position}]"), width)
    yield _style(COLOURS.get(role_style(role), ""), head)
    for line in _wrapped(displayed_text(message), width - 2):
        yield f"  {line}"


def _style(style: str, text: str) -> str:
    return text if os.environ.get("NO_COLOR") else f"{style}{text}{PLAIN}"


def _signed(sign: str, message: Message, width: int) -> list[str]:
    return _hanging(f"{sign} ", f"{message.role.value}: {displayed_text(message)}", width)


def _hanging(start: str, text: str, width: int) -> list[str]:
    """Fold a text; all lines but the first are indented, so that none can pass for the first of another."""
    first, *rest = _wrapped(text, width - len(start) - len(INDENT))
    return [f"{start}{first}", *(f"{start}{INDENT}{line}" for line in rest)]


def _wrapped(text: str, width: int) -> list[str]:
    return [piece for line in escape(text).replace("\t", "    ").split("\n") for piece in _chopped(line, width)]


def _cut(line: str, width: int) -> str:
    return _chopped(line, width)[0]


def _chopped(line: str, width: int) -> list[str]:
    return chop_cells(line, max(width, 2)) or [""]
