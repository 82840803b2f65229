"""Asking a model again that did not answer."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ...domain.errors import ModelError
from ..retry import RetryPolicy
from .rate_limit import Clock

A = TypeVar("A")


class Failure(Exception):
    """A model did not answer: why, whether it may if it is asked again, and when it wants to be."""

    def __init__(self, error: ModelError, again: bool, after: float | None = None) -> None:
        super().__init__(error, again, after)
        self.error, self.again, self.after = error, again, after


async def ask_with_retries(ask: Callable[[int], Awaitable[A]], policy: RetryPolicy, clock: Clock) -> A:
    """Return what `ask` returns for the number of the attempt, or raise the error of the last attempt.

    A provider that requests a longer pause than the policy allows is not asked again.
    """
    attempt = 1
    while True:
        try:
            return await ask(attempt)
        except Failure as failure:
            too_long = failure.after is not None and failure.after > policy.longest_requested
            if not failure.again or attempt >= policy.attempts or too_long:
                error = failure.error
                if too_long:
                    error.reason += f"; the provider asks to come back in {failure.after:g} s"
                error.attempts = attempt
                error.__post_init__()
                raise error from failure.__cause__
            pause = policy.pause(attempt, failure.after)
        await clock.sleep(pause)
        attempt += 1
