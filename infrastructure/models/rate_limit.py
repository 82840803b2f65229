"""How fast a model may be asked: requests and tokens per interval, by waiting and never by refusing."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import accumulate
from threading import Lock
from time import monotonic

import msgspec

from ...domain.errors import InvalidValueError


class Clock(msgspec.Struct, frozen=True):
    """What time it is, in seconds, and how to let it pass."""

    now: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class _Reservation(msgspec.Struct, eq=False):
    """One request: when it goes, and the tokens it is reckoned to need."""

    at: float
    tokens: int


class RateLimit:
    """So many requests and tokens in any stretch of time as long as the interval.

    Each request gets its turn when it comes, in the order in which they come, and sleeps until then; nobody polls,
    so it can be shared between threads and event loops. A request of more tokens than may be used in an interval
    goes alone: when no other was made for as long as that.
    """

    def __init__(
        self,
        requests: int | None = None,
        tokens: int | None = None,
        interval: float = 60,
        clock: Clock | None = None,
    ) -> None:
        for what, most in (("limit_requests", requests), ("limit_tokens", tokens), ("interval", interval)):
            if most is not None and (isinstance(most, bool) or not isinstance(most, int | float) or most <= 0):
                raise InvalidValueError(what, f"is {most!r}: expected a number above 0, or None for no limit")
        self.requests, self.tokens, self.interval = requests, tokens, interval
        self.clock = clock or Clock()
        self._turns: deque[_Reservation] = deque()
        self._lock = Lock()

    @asynccontextmanager
    async def turn(self, tokens: int) -> AsyncIterator[Callable[[int], None]]:
        """Waits for its turn; inside, tells how many tokens it really was."""
        mine = self._reserve(tokens)
        try:
            while (left := mine.at - self.clock.now()) > 0:
                await self.clock.sleep(left)
        except BaseException:
            self._give_back(mine)
            raise

        def report_usage(really: int) -> None:
            mine.tokens = really

        yield report_usage

    def _reserve(self, tokens: int) -> _Reservation:
        with self._lock:
            now = self.clock.now()
            while self._turns and self._turns[0].at <= now - self.interval:
                self._turns.popleft()
            turn = _Reservation(max(now, self._free_at(tokens)), tokens)
            if self.requests is not None or self.tokens is not None:
                self._turns.append(turn)
            return turn

    def _free_at(self, tokens: int) -> float:
        """When there is room: not before the last turn, and when enough of those before are an interval ago."""
        if not self._turns:
            return 0
        at = self._turns[-1].at
        if self.requests is not None and len(self._turns) >= self.requests:
            at = max(at, self._turns[-self.requests].at + self.interval)
        if self.tokens is not None:
            spent = accumulate(turn.tokens for turn in reversed(self._turns))
            for turn, together in zip(reversed(self._turns), spent, strict=True):
                if together + tokens > self.tokens:
                    return max(at, turn.at + self.interval)
        return at

    def _give_back(self, turn: _Reservation) -> None:
        with self._lock:
            if turn in self._turns:
                self._turns.remove(turn)
