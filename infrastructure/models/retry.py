"""How often and after what pause a model is asked again that did not answer."""

from collections.abc import Awaitable, Callable
from random import random
from typing import TypeVar

import msgspec

from ...domain.errors import ModelError
from .rate_limit import Clock

A = TypeVar("A")


class Failure(Exception):
    """A model did not answer: why, whether it may if it is asked again, and when it wants to be."""

    def __init__(self, error: ModelError, again: bool, after: float | None = None) -> None:
        super().__init__(error, again, after)
        self.error, self.again, self.after = error, again, after


class RetryPolicy(msgspec.Struct, frozen=True):
    """Tries again so many times: after the pause that the provider asks for, or one that doubles, with some jitter.

    A provider that asks for a pause of more than `asked` seconds is not waited for.
    """

    retries: int = 3
    first: float = 0.5
    longest: float = 30
    asked: float = 600
    jitter: Callable[[], float] = random

    async def kept(self, ask: Callable[[int], Awaitable[A]], clock: Clock) -> A:
        """What `ask` answers to the number of the try, or the error of the last."""
        attempt = 1
        while True:
            try:
                return await ask(attempt)
            except Failure as failure:
                long = failure.after is not None and failure.after > self.asked
                if not failure.again or attempt > self.retries or long:
                    error = failure.error
                    if long:
                        error.reason += f"; the provider asks to come back in {failure.after:g} s"
                    error.attempts = attempt
                    error.__post_init__()
                    raise error from failure.__cause__
                pause = self.pause(attempt) if failure.after is None else max(0.0, failure.after)
            await clock.sleep(pause)
            attempt += 1

    def pause(self, attempt: int) -> float:
        """The pause after a try."""
        doubled: float = min(self.longest, self.first * 2 ** (attempt - 1))
        return doubled * (0.5 + self.jitter() / 2)
