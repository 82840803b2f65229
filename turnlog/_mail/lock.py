"""Whose turn it is to move the mail of a session: one task or thread of a handle at a time, as often as it likes.

The turn belongs to a context (as of `contextvars`), not to a thread: whatever a task that has it hands to a thread or
to a task of its own has it too.
"""

from asyncio import AbstractEventLoop, Future, get_running_loop
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from functools import wraps
from threading import Condition
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from ..domain.errors import InvalidMailError
from ..infrastructure.after_fork import register
from ..infrastructure.async_methods import awaited, settle

P = ParamSpec("P")
R = TypeVar("R")


class LockOwner:
    """Somebody who has a turn, and the event loop that has to go on for it to end, if there is one."""

    def __init__(self, loop: AbstractEventLoop | None) -> None:
        self.loop = loop

    @property
    def is_gone(self) -> bool:
        """Whether its event loop was closed around it, so that it will never give the turn back."""
        return self.loop is not None and self.loop.is_closed()


_owner: ContextVar[tuple[LockOwner, ...]] = ContextVar("turnlog_turns", default=())


class MailLock:
    """`with` or `async with` it: all others who would move mail through this handle wait until the block ends."""

    def __init__(self, session: str) -> None:
        self._session = session
        register(self)
        self.after_fork()

    def after_fork(self) -> None:
        """Nobody has the turn: in a new process nobody would give it back."""
        self._news = Condition()
        self._holder: LockOwner | None = None
        self._depth = 0
        self._waiting: set[Future[None]] = set()
        self.ended = 0

    def __enter__(self) -> None:
        loop = _loop()
        with self._news:
            while not self.try_take(loop):
                if loop is not None and self._holder is not None and self._holder.loop is loop:
                    raise InvalidMailError(
                        f"the mail of session {self._session} is locked by another task of this event loop, which "
                        f"cannot continue while this call blocks the loop; await the async form of the call"
                    )
                self._news.wait()

    def __exit__(self, *_: object) -> None:
        self.leave()

    async def __aenter__(self) -> None:
        loop = get_running_loop()
        while True:
            seen = self.ended
            if self.try_take(loop):
                return
            await self.end_of_turn(seen)

    async def __aexit__(self, *_: object) -> None:
        self.leave()

    def try_take(self, loop: AbstractEventLoop | None = None) -> bool:
        """Takes the turn, or takes it once more, unless somebody else has it."""
        with self._news:
            if self._holder is None or self._holder.is_gone:
                self._holder, self._depth = LockOwner(loop), 0
                _owner.set((*_owner.get(), self._holder))
            elif self._holder not in _owner.get():
                return False
            self._depth += 1
            return True

    def leave(self) -> None:
        """Gives the turn back as often as it was taken."""
        with self._news:
            self._depth -= 1
            if self._depth:
                return
            _owner.set(tuple(holder for holder in _owner.get() if holder is not self._holder))
            self._holder = None
            self.ended += 1
            self._news.notify_all()
            waiting, self._waiting = self._waiting, set()
        for future in waiting:
            _wake(future)

    async def end_of_turn(self, seen: int) -> None:
        """Returns when a turn has ended since so many had been seen to end."""
        future = get_running_loop().create_future()
        with self._news:
            if self.ended != seen:
                return
            self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)


class HasMailLock(Protocol):
    """A handle whose methods take turns."""

    _context: Any


H = TypeVar("H", bound=HasMailLock)


class async_with_mail_lock(awaited[H, P, R]):  # noqa: N801 (used like a decorator)
    """A twin that waits for its turn without keeping a thread: many that wait would leave none for who is to end."""

    @overload
    def __get__(self, handle: None, owner: type) -> "awaited[H, P, R]": ...
    @overload
    def __get__(self, handle: H, owner: type) -> "Callable[P, Coroutine[Any, Any, R]]": ...
    def __get__(self, handle: H | None, owner: type) -> Any:
        if handle is None:
            return self
        method: Callable[P, R] = getattr(handle, self._method.__name__)
        turn: MailLock = handle._context.mail.turn

        @wraps(method)
        async def twin(*args: P.args, **kwargs: P.kwargs) -> R:
            return await in_thread(turn, lambda: method(*args, **kwargs))

        twin.__name__ = f"a{self._method.__name__}"
        return twin


async def in_thread(turn: MailLock, work: Callable[[], R]) -> R:
    """Does the work in another thread, when it is its turn."""

    def attempt() -> tuple[R] | None:
        if not turn.try_take():
            return None
        try:
            return (work(),)
        finally:
            turn.leave()

    while True:
        seen = turn.ended
        done = await settle(attempt)
        if done is not None:
            return done[0]
        await turn.end_of_turn(seen)


def _loop() -> AbstractEventLoop | None:
    try:
        return get_running_loop()
    except RuntimeError:
        return None


def _wake(future: Future[None]) -> None:
    def wake() -> None:
        if not future.done():
            future.set_result(None)

    try:
        future.get_loop().call_soon_threadsafe(wake)
    except RuntimeError:  # its loop was closed, and nobody waits any more
        return
