"""The command that steps through a session, event by event, in a terminal."""

import os
import sys
from collections.abc import Iterator
from shutil import get_terminal_size

import typer
from rich.cells import chop_cells

from .._session.as_of import resolve_position
from .._session.names import name_lookup
from ..branch_view import BranchView
from ..domain.codec import encode
from ..domain.errors import BranchNotFoundError, InvalidValueError
from ..domain.message import Message
from ..domain.recorded_event import RecordedEvent
from ..session import Session
from ..session_view import SessionView
from .context import invocation
from .escape import INDENT, escape, escape_line, quote
from .keys import Key, read_keys
from .options import AT, BRANCH, SESSION
from .output import role_style
from .parse import find_branch, open_session
from .render import clock_time, event_summary
from .times import parse_moment

app = typer.Typer(rich_markup_mode=None)

OTHER_SCREEN, THIS_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
CLEARED = "\x1b[H\x1b[2J"
BOLD, DIM, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
COLOURS = {"magenta": "\x1b[35m", "cyan": "\x1b[36m", "green": "\x1b[32m", "yellow": "\x1b[33m", "blue": "\x1b[34m"}

FAR = 10
"""Steps of a page."""

HELP = "right/left: a step  up/down: ten  home/end  d: what changed  f: fork here  q: end"


@app.command()
def replay(ctx: typer.Context, session: SESSION, branch: BRANCH = None, at: AT = None) -> None:
    """Step through a session with the arrow keys, in a terminal.

    Right and left are one event, up and down ten, home and end the first and the last. d shows the change of the event,
    f forks at this position after a confirmation, q quits.
    """
    with invocation(ctx).open_to_write() as store:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            instead = "`turnlog log SESSION` and `turnlog show SESSION --at POSITION` show the same in a pipe"
            raise InvalidValueError("replay", f"needs a terminal: {instead}")
        opened = open_session(store, session)
        found = None if branch is None else find_branch(opened, branch)
        walker = Walk(opened, None if found is None else found.number)
        walker.goto(opened.first_position if at is None else resolve_position(opened._source, parse_moment(at)))
        with read_keys() as keys:
            _write(OTHER_SCREEN)
            try:
                _draw(walker)
                for key in keys:
                    if not walker.take(key):
                        return
                    _draw(walker)
            finally:
                _write(THIS_SCREEN)


class Walk:
    """Where somebody stands in a session, and what they look at there."""

    def __init__(self, session: Session, branch: int | None) -> None:
        self._session = session
        self._replay = session.replay()
        self._branch = branch
        self._first, self._last = session.first_position, session.position
        self.changes = False
        """Whether what changed is looked at, and not what is shown."""
        self.asking = False
        """Whether the next key says if a branch is to be forked here."""
        self.said = HELP
        """The last line."""

    def goto(self, position: int) -> None:
        """Goes to a position, or as near to it as there is one."""
        self._replay.goto(min(max(position, self._first), self._last))

    def take(self, key: Key | str) -> bool:
        """Does what a key asks for; answers whether the walk goes on."""
        here, self.said = self._replay.position, HELP
        steps = {
            Key.RIGHT: here + 1,
            Key.LEFT: here - 1,
            Key.DOWN: here + FAR,
            Key.UP: here - FAR,
            Key.PAGE_DOWN: here + FAR,
            Key.PAGE_UP: here - FAR,
            Key.HOME: self._first,
            Key.END: self._last,
        }
        if key == Key.CLOSED or (key in ("q", "Q") and not self.asking):
            return False
        if self.asking:
            self._answer(key)
        elif isinstance(key, Key) and key in steps:
            self.goto(steps[key])
        elif key == "d":
            self.changes = not self.changes
        elif key == "f":
            self._ask()
        return True

    def lines(self, width: int, height: int) -> list[str]:
        """What is seen, in lines that fit."""
        view = self._replay.view
        event = self._event()
        head = list(self._head(view, event, width))
        room = max(height - len(head) - 1, 1)
        body = self._changes(view, event, width)[:room] if self.changes else self._shown(view, width)[-room:]
        return [*head, *body, *[""] * (room - len(body)), _styled(DIM, _cut(escape_line(self.said), width))][:height]

    def _ask(self) -> None:
        """Asks whether to fork here, if there is a branch to fork."""
        view = self._replay.view
        try:
            source = view.default_branch if self._branch is None else view.branches[self._branch]
        except BranchNotFoundError as reason:
            self.said = str(reason)
            return
        self.asking = True
        here = self._replay.position
        self.said = f"Fork {quote(source.name)} at {here}? The new branch stays on the record. y: fork, other keys: no"

    def _answer(self, key: Key | str) -> None:
        """Forks here if the key says yes."""
        self.asking = False
        if key not in ("y", "Y"):
            self.said = "not forked"
            return
        forked = self._replay.fork_here(self._branch)
        self.said = f"forked branch {quote(forked.name)} at {forked.forked_at}"

    def _event(self) -> RecordedEvent:
        here = self._replay.position
        (event,) = self._session.events(after=here - 1, until=here)
        return event

    def _head(self, view: SessionView, event: RecordedEvent, width: int) -> Iterator[str]:
        name = f" {quote(view.name)}" if view.name else ""
        place = f"position {self._replay.position} of {self._last}"
        yield _styled(BOLD, _cut(escape_line(f"{place}  session {quote(view.id)}{name}"), width))
        by = f" by {quote(event.actor)}" if event.actor else ""
        what = f"{quote(event.name)}{by}: {event_summary(event.event, name_lookup(view))}"
        yield _cut(escape_line(f"{clock_time(event.recorded_at)}  {what}"), width)
        branches = "  ".join(f"{quote(branch.name)}: {len(branch.messages)}" for branch in view.branches)
        yield _styled(DIM, _cut(escape_line(branches or "no branch yet"), width))
        yield _styled(DIM, "-" * width)

    def _seen(self, view: SessionView) -> BranchView | None:
        """The branch that is looked at, if it is there by then."""
        if self._branch is None:
            return view.find_default_branch()
        return view.branches.get(self._branch)

    def _shown(self, view: SessionView, width: int) -> list[str]:
        """The last messages of the branch; more of them than any terminal has lines are not read."""
        branch = self._seen(view)
        if branch is None:
            return ["(nothing is said yet)"]
        names = name_lookup(view)
        return [line for each in branch.messages.last(200) for line in _message_lines(names.message(each), width)]

    def _changes(self, view: SessionView, event: RecordedEvent, width: int) -> list[str]:
        """What the event says, and what the branch shows more and less for it."""
        lines = _hanging("", f"{quote(event.name)} {escape_line(encode(event.event).decode())}", width)
        here = self._replay.position
        after = self._seen(view)
        before = None if here == self._first else self._seen(self._session.at(here - 1))
        if after is None:
            return lines
        if before is None:
            return [*lines, *(line for each in after.messages.last(50) for line in _signed("+", each, width))]
        found = self._session.diff(before, after)
        if found.same:
            return [*lines, "(it shows the same as before)"]
        left, right = found.system or (None, None)
        gone = [line for each in [*([left] if left else []), *found.left] for line in _signed("-", each, width)]
        come = [line for each in [*([right] if right else []), *found.right] for line in _signed("+", each, width)]
        return [*lines, *gone, *come]


def _message_lines(message: Message, width: int) -> list[str]:
    role = message.role.value
    sender = f" {quote(message.sender)}" if message.sender else ""
    head = _cut(escape_line(f"{role}{sender}  [{message.position}]"), width)
    lines = _wrapped(message.text or "(nothing)", width - 2)
    return [_styled(COLOURS.get(role_style(role), ""), head), *(f"  {line}" for line in lines)]


def _styled(style: str, text: str) -> str:
    return text if os.environ.get("NO_COLOR") else f"{style}{text}{PLAIN}"


def _signed(sign: str, message: Message, width: int) -> list[str]:
    return _hanging(f"{sign} ", f"{message.role.value}: {message.text}", width)


def _hanging(start: str, text: str, width: int) -> list[str]:
    """The text in lines that fit; all but the first are indented, so that none can pass for the first of another."""
    first, *rest = _wrapped(text, width - len(start) - len(INDENT))
    return [f"{start}{first}", *(f"{start}{INDENT}{line}" for line in rest)]


def _wrapped(text: str, width: int) -> list[str]:
    """The text in lines of so many cells at most."""
    return [piece for line in escape(text).replace("\t", "    ").split("\n") for piece in _chopped(line, width)]


def _cut(line: str, width: int) -> str:
    return _chopped(line, width)[0]


def _chopped(line: str, width: int) -> list[str]:
    return chop_cells(line, max(width, 2)) or [""]


def _draw(walker: Walk) -> None:
    width, height = get_terminal_size()
    _write(CLEARED + "\r\n".join(walker.lines(width, height)))


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
