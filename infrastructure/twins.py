"""Awaited twins: `aadd = awaited(add)` gives a method its twin, lifted from it so that the two cannot drift."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from functools import wraps
from itertools import islice
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

H = TypeVar("H")
P = ParamSpec("P")
R = TypeVar("R")

AT_A_TIME = 100
"""What an awaited iteration fetches per step aside."""


class awaited(Generic[H, P, R]):  # noqa: N801 (used like a decorator)
    """The method it is given, run in a thread and awaited; the name gets an `a` in front."""

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
            return await asyncio.to_thread(method, *args, **kwargs)

        twin.__name__ = f"a{self._method.__name__}"
        return twin


async def in_threads(items: Iterable[R]) -> AsyncIterator[R]:
    """The items, fetched in another thread some at a time, so that the event loop goes on meanwhile."""
    iterator = iter(items)
    while page := await asyncio.to_thread(lambda: list(islice(iterator, AT_A_TIME))):
        for item in page:
            yield item
