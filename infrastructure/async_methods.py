"""Awaited twins: `aadd = awaited(add)` gives a method its twin, lifted from it so that the two cannot drift.

What may write settles before a cancellation is raised; what only reads is left to end by itself, or is stopped.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError as Withdrawn
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial, wraps
from itertools import islice
from threading import Lock
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

H = TypeVar("H")
P = ParamSpec("P")
R = TypeVar("R")

AT_A_TIME = 100
"""What an awaited iteration fetches per step aside."""


async def settle(work: Callable[[], R]) -> R:
    """Run work in a thread; if the caller is cancelled, raise CancelledError when the work has ended.

    Work that has not begun is withdrawn instead, and never begins. Either way nothing is written after the cancellation
    was raised. An error of work that was cancelled is the cause of the cancellation that is raised.
    """
    claim = Lock()  # taken once: by the thread when the work begins, or by a cancellation before that

    def begin() -> R:
        if not claim.acquire(blocking=False):
            raise Withdrawn
        return work()

    # A future and not a task: the tasks of an event loop that ends are all cancelled, and this must not be.
    doing = asyncio.get_running_loop().run_in_executor(None, partial(copy_context().run, begin))
    cancelled: asyncio.CancelledError | None = None
    while not doing.done():
        try:
            await asyncio.wait([doing])
        except asyncio.CancelledError as reason:
            if claim.acquire(blocking=False):
                doing.cancel()
                raise
            cancelled = reason
    if cancelled is not None:
        raise cancelled from doing.exception()
    return doing.result()


class awaited(Generic[H, P, R]):  # noqa: N801 (used like a decorator)
    """A method that runs in a thread and is awaited, named with an `a` in front; cancelled, it settles first."""

    def __init__(self, method: Callable[Concatenate[H, P], R]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        if name != f"a{self._method.__name__}":
            raise TypeError(f"the twin of {self._method.__name__} is a{self._method.__name__}, not {name}")

    @overload
    def __get__(self, handle: None, owner: type) -> "awaited[H, P, R]": ...
    @overload
    def __get__(self, handle: H, owner: type) -> Callable[P, Coroutine[Any, Any, R]]: ...
    def __get__(self, handle: H | None, owner: type) -> "awaited[H, P, R] | Callable[P, Coroutine[Any, Any, R]]":
        if handle is None:
            return self
        method: Callable[P, R] = getattr(handle, self._method.__name__)  # which a subclass may have overridden

        @wraps(method)
        async def twin(*args: P.args, **kwargs: P.kwargs) -> R:
            return await self._run(partial(method, *args, **kwargs))

        twin.__name__ = f"a{self._method.__name__}"
        return twin

    async def _run(self, work: Callable[[], R]) -> R:
        return await settle(work)


class awaited_read(awaited[H, P, R]):  # noqa: N801 (used like a decorator)
    """The same for a method that writes nothing: cancelled, it raises at once, and its thread ends by itself.

    What the thread waits for `stop_on_cancel` a function is stopped.
    """

    async def _run(self, work: Callable[[], R]) -> R:
        cancellation = _Cancellation()

        def begin() -> R:
            _cancellation.set(cancellation)
            return work()

        try:
            return await asyncio.to_thread(begin)
        except asyncio.CancelledError:
            cancellation.cancel()
            raise


class _Cancellation:
    """Whether an awaited read was cancelled, and what stops it then."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._cancelled = False
        self._stops: list[Callable[[], object]] = []

    def cancel(self) -> None:
        """Stop the read."""
        with self._lock:
            self._cancelled = True
            for stop in self._stops:
                stop()

    def add(self, stop: Callable[[], object]) -> None:
        """Have a function called when the read is cancelled, or now if it was."""
        with self._lock:
            self._stops.append(stop)
            if self._cancelled:
                stop()

    def remove(self, stop: Callable[[], object]) -> None:
        """Have it called no more."""
        with self._lock:
            self._stops.remove(stop)


_cancellation: ContextVar[_Cancellation | None] = ContextVar("cancellation", default=None)


@contextmanager
def stop_on_cancel(stop: Callable[[], object]) -> Iterator[None]:
    """Around what waits: if it is part of an awaited read that is cancelled, `stop` is called in another thread."""
    cancellation = _cancellation.get()
    if cancellation is None:
        yield
        return
    cancellation.add(stop)
    try:
        yield
    finally:
        cancellation.remove(stop)


async def in_threads(items: Iterable[R]) -> AsyncIterator[R]:
    """The items, fetched in another thread some at a time, so that the event loop goes on meanwhile."""
    iterator = iter(items)
    while page := await asyncio.to_thread(lambda: list(islice(iterator, AT_A_TIME))):
        for item in page:
            yield item
