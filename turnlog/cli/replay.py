"""The command that steps through a session, event by event, in a terminal."""

import sys
from enum import Enum
from shutil import get_terminal_size

import typer

from .._session.as_of import resolve_position
from ..domain.errors import BranchNotFoundError, InvalidValueError, TurnlogError
from ..domain.recorded_event import RecordedEvent
from ..session import Session
from ..session_view import SessionView
from .context import invocation
from .escape import quote
from .keys import Key, read_keys
from .options import AT, BRANCH, SESSION
from .parse import find_branch, open_session
from .replay_screen import (
    CLEAR,
    NORMAL_SCREEN,
    OTHER_SCREEN,
    change_lines,
    head_lines,
    help_lines,
    message_lines,
    screen,
)
from .times import parse_moment

app = typer.Typer(rich_markup_mode=None)

FAR = 10
"""Events of a long step."""

KEYS = "right/left, up/down: 1, 10  g: go to  /: search  b: branch  d: change  f: fork  ?: help  q: quit"

STEPS = {Key.RIGHT: 1, Key.LEFT: -1, Key.DOWN: FAR, Key.UP: -FAR}
SCROLLS = {"j": 1, "k": -1}


class Mode(Enum):
    """What the next key is for; the value is the beginning of the last line."""

    STEP = ""
    FORK = "Fork "
    GOTO = "Go to position or time: "
    SEARCH = "Search: "


class Shown(Enum):
    """What is between the head and the last line."""

    MESSAGES = "messages"
    CHANGE = "change"
    HELP = "help"


@app.command()
def replay(ctx: typer.Context, session: SESSION, branch: BRANCH = None, at: AT = None) -> None:
    """Step through a session with the arrow keys, in a terminal.

    Right and left are one event, up and down ten, home and end the first and the last. g goes to a position or time, /
    searches (n, N: next, previous), b switches the branch, d shows the change of the event, page up and page down
    (k, j) scroll. f forks at this position after a confirmation, ? lists the keys, q quits.
    """
    with invocation(ctx).open_to_write() as store:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            instead = "`turnlog log SESSION` and `turnlog show SESSION --at POSITION` show the same in a pipe"
            raise InvalidValueError("replay", f"needs a terminal: {instead}")
        opened = open_session(store, session)
        start = None if branch is None else find_branch(opened, branch)
        stepper = Stepper(opened, None if start is None else start.number)
        stepper.goto(opened.first_position if at is None else resolve_position(opened._source, parse_moment(at)))
        with read_keys() as keys:
            _write(OTHER_SCREEN)
            try:
                _draw(stepper)
                for key in keys:
                    if not stepper.handle(key):
                        return
                    _draw(stepper)
            finally:
                _write(NORMAL_SCREEN)


class Stepper:
    """A position in a session, what is shown there, and what the keys do."""

    def __init__(self, session: Session, branch: int | None) -> None:
        self._session = session
        self._replay = session.replay()
        self._branch = branch
        self._first, self._last = session.first_position, session.position
        self._mode, self._shown = Mode.STEP, Shown.MESSAGES
        self._input, self._query = "", ""
        self._scroll, self._page = 0, 1
        self._status = KEYS

    def goto(self, position: int) -> None:
        """Go to a position, or to the nearest one that exists."""
        self._replay.goto(min(max(position, self._first), self._last))
        self._scroll = 0

    def handle(self, key: Key | str) -> bool:
        """Do what a key is for; return whether to continue."""
        if key == Key.CLOSED:
            return False
        if key == Key.RESIZED:
            return True
        if self._mode is Mode.FORK:
            self._confirm(key)
        elif self._mode is not Mode.STEP:
            self._edit(key)
        elif key in ("q", "Q"):
            return False
        else:
            self._status = KEYS
            self._step(key)
        return True

    def lines(self, width: int, height: int) -> list[str]:
        """Return the lines of the screen."""
        view, event = self._replay.view, self._event()
        head = head_lines(view, event, (self._replay.position, self._last), self._number(view), width)
        self._page = max(height - len(head) - 1, 1)
        body = self._body(view, event, width)
        top = 0 if self._shown is not Shown.MESSAGES else max(len(body) - self._page, 0)
        start = min(max(top + self._scroll, 0), max(len(body) - self._page, 0))
        self._scroll = start - top
        return screen(head, body[start : start + self._page], self._last_line(), width, height)

    def _step(self, key: Key | str) -> None:
        here = self._replay.position
        if isinstance(key, Key) and key in STEPS:
            self.goto(here + STEPS[key])
        elif key in (Key.HOME, Key.END):
            self.goto(self._first if key == Key.HOME else self._last)
        elif key in (Key.PAGE_UP, Key.PAGE_DOWN):
            self._scroll += self._page if key == Key.PAGE_DOWN else -self._page
        elif isinstance(key, str) and key in SCROLLS:
            self._scroll += SCROLLS[key]
        elif key in ("n", "N"):
            self._search(backwards=key == "N")
        elif key in ("g", "/"):
            self._mode, self._input = (Mode.GOTO if key == "g" else Mode.SEARCH), ""
        elif key == "b":
            self._switch_branch()
        elif key in ("d", "?"):
            wanted = Shown.CHANGE if key == "d" else Shown.HELP
            self._shown = Shown.MESSAGES if self._shown is wanted else wanted
            self._scroll = 0
        elif key == "f":
            self._ask_to_fork()

    def _edit(self, key: Key | str) -> None:
        """Change the input on the last line, and use it on Enter."""
        if key == Key.ESCAPE:
            self._mode, self._status = Mode.STEP, KEYS
        elif key in ("\x7f", "\b"):
            self._input = self._input[:-1]
        elif key in ("\r", "\n"):
            mode, self._mode, self._status = self._mode, Mode.STEP, KEYS
            if mode is Mode.GOTO:
                self._goto_input()
            else:
                self._query = self._input or self._query
                self._search(backwards=False)
        elif isinstance(key, str) and key.isprintable():
            self._input += key

    def _goto_input(self) -> None:
        try:
            self.goto(resolve_position(self._session._source, parse_moment(self._input)))
        except TurnlogError as error:
            self._status = str(error)

    def _search(self, *, backwards: bool) -> None:
        """Go to the next or previous event that contains the query."""
        here, query = self._replay.position, self._query.casefold()
        if not query:
            self._status = "nothing to search"
            return
        positions = range(here - 1, self._first - 1, -1) if backwards else range(here + 1, self._last + 1)
        after, until = (self._first - 1, here - 1) if backwards else (here, self._last)
        events = self._session.events(after=after, until=until, backwards=backwards) if positions else iter(())
        matches = (place for place, event in zip(positions, events, strict=True) if query in _text(event).casefold())
        position = next(matches, None)
        if position is None:
            where = "before" if backwards else "after"
            self._status = f"no event {where} position {here} contains {self._query!r}"
        else:
            self.goto(position)
            self._status = f"found {self._query!r} at {position}; n: next, N: previous"

    def _switch_branch(self) -> None:
        view = self._replay.view
        numbers = [branch.number for branch in view.branches]
        if not numbers:
            self._status = "there is no branch yet"
            return
        current = self._number(view)
        place = numbers.index(current) + 1 if current in numbers else 0
        self._branch = numbers[place % len(numbers)]
        self._scroll = 0
        self._status = f"branch {quote(view.branches[self._branch].name)}"

    def _ask_to_fork(self) -> None:
        view = self._replay.view
        try:
            source = view.default_branch if self._branch is None else view.branches[self._branch]
        except BranchNotFoundError as error:
            self._status = str(error)
            return
        self._mode = Mode.FORK
        here = self._replay.position
        question = f"{quote(source.name)} at {here}? The new branch stays on the record. y: fork, other keys: no"
        self._status = f"{Mode.FORK.value}{question}"

    def _confirm(self, key: Key | str) -> None:
        """Fork at this position if the key is y."""
        self._mode = Mode.STEP
        if key not in ("y", "Y"):
            self._status = "not forked"
            return
        try:
            forked = self._replay.fork_here(self._branch)
        except TurnlogError as error:
            self._status = str(error)
        else:
            self._status = f"forked branch {quote(forked.name)} at {forked.forked_at}"

    def _last_line(self) -> str:
        return f"{self._mode.value}{self._input}_" if self._mode in (Mode.GOTO, Mode.SEARCH) else self._status

    def _event(self) -> RecordedEvent:
        here = self._replay.position
        (event,) = self._session.events(after=here - 1, until=here)
        return event

    def _number(self, view: SessionView) -> int | None:
        """The number of the branch that is shown, if it exists at this position."""
        if self._branch is None:
            main = view.find_default_branch()
            return None if main is None else main.number
        branch = view.branches.get(self._branch)
        return None if branch is None else branch.number

    def _body(self, view: SessionView, event: RecordedEvent, width: int) -> list[str]:
        if self._shown is Shown.HELP:
            return help_lines(width)
        number = self._number(view)
        branch = None if number is None else view.branches[number]
        if self._shown is Shown.MESSAGES:
            return message_lines(view, branch, width, everything=self._scroll < 0)
        before = None
        if self._replay.position > self._first:
            earlier = self._session.at(self._replay.position - 1)
            number = self._number(earlier)
            before = None if number is None else earlier.branches[number]
        return change_lines(self._session, event, before, branch, width)


def _text(event: RecordedEvent) -> str:
    """The text of an event to search: that of its content, and its names."""
    content = getattr(event.event, "content", None)
    name = getattr(event.event, "name", None)
    return f"{event.name} {getattr(content, 'text', '') or ''} {name or ''} {event.actor or ''}"


def _draw(stepper: Stepper) -> None:
    width, height = get_terminal_size()
    _write(CLEAR + "\r\n".join(stepper.lines(width, height)))


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
