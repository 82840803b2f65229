"""How often something is tried and how long the pauses are: the one policy of models, log deliveries and runners."""

from collections.abc import Callable
from random import random
from typing import ClassVar

import msgspec

from ..domain.errors import InvalidValueError

CONFLICT_ATTEMPTS = 50
"""How often an append is decided or folded again because another writer was faster."""


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often something is tried, and how many seconds pass between the attempts.

    The pause doubles from `first_pause` to `longest_pause`, and is drawn between half of it and all of it, so that
    many callers do not return at once. A pause that the other side requests is used instead, up to
    `longest_requested`.
    """

    attempts: int = 5
    first_pause: float = 0.5
    longest_pause: float = 60.0
    longest_requested: float = 900.0
    jitter: Callable[[], float] = random

    NEVER: ClassVar["RetryPolicy"]

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise InvalidValueError("a retry policy: attempts", f"is {self.attempts}: expected 1 or more")
        if not 0 <= self.first_pause <= self.longest_pause:
            pauses = f"are from {self.first_pause} to {self.longest_pause} seconds"
            raise InvalidValueError(
                "a retry policy: the pauses", f"{pauses}: expected 0 or more, the first at most the longest"
            )

    def pause(self, failures: int, requested: float | None = None) -> float:
        """Return the seconds to wait after so many failures, or those that the other side requests."""
        if requested is not None:
            return min(max(requested, 0.0), self.longest_requested)
        longest: float = min(self.first_pause * 2.0 ** min(failures - 1, 60), self.longest_pause)
        return longest * (0.5 + self.jitter() / 2)


RetryPolicy.NEVER = RetryPolicy(attempts=1)
