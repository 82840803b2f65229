"""Requests wait for their turn, and none is refused or waits for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnlog.domain.errors import InvalidValueError
from turnlog.infrastructure.models.rate_limit import Clock, RateLimit


class Told:
    """A clock that stands still but when somebody sleeps; who sleeps until the earliest time wakes first."""

    def __init__(self) -> None:
        self.time = 0.0

    async def sleep(self, seconds: float) -> None:
        until = self.time + seconds
        while self.time < until:
            self.time = until

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.time, self.sleep)


def turns(throttle: RateLimit, told: Told, *tokens: int) -> list[float]:
    """When requests of so many tokens go, one after the other."""

    async def go() -> list[float]:
        times = []
        for each in tokens:
            async with throttle.turn(each):
                times.append(told.time)
        return times

    return asyncio.run(go())


def test_the_eleventh_of_ten_requests_a_minute_waits() -> None:
    told = Told()
    throttle = RateLimit(requests=10, interval=60, clock=told.clock)

    assert turns(throttle, told, *[0] * 11) == [0.0] * 10 + [60.0]


def test_tokens_wait_until_enough_of_those_before_are_an_interval_ago() -> None:
    told = Told()
    throttle = RateLimit(tokens=100, interval=60, clock=told.clock)

    assert turns(throttle, told, 60, 40, 30, 50) == [0.0, 0.0, 60.0, 60.0]


def test_a_request_larger_than_all_there_is_goes_alone() -> None:
    told = Told()
    throttle = RateLimit(tokens=100, interval=60, clock=told.clock)

    assert turns(throttle, told, 500, 1, 500, 1) == [0.0, 60.0, 120.0, 180.0]


def test_what_was_really_used_counts_for_those_after() -> None:
    told = Told()
    throttle = RateLimit(tokens=100, interval=60, clock=told.clock)

    async def go() -> list[float]:
        times = []
        for reckoned, really in ((90, 10), (90, 90), (1, 1)):
            async with throttle.turn(reckoned) as used:
                times.append(told.time)
                used(really)
        return times

    assert asyncio.run(go()) == [0.0, 0.0, 60.0]


def test_whoever_is_cancelled_gives_the_turn_back() -> None:
    now = [0.0]
    waiting = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    async def go() -> None:
        throttle = RateLimit(requests=1, interval=60, clock=Clock(lambda: now[0], sleep))
        async with throttle.turn(0):
            pass

        async def second() -> None:
            async with throttle.turn(0):
                pass

        task = asyncio.create_task(second())
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        now[0] = 60.0
        async with throttle.turn(0):  # would sleep, and so for ever, if the one before still had its turn
            pass

    asyncio.run(go())


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 150)), max_size=30),
    st.none() | st.integers(1, 5),
    st.none() | st.integers(1, 100),
)
@settings(derandomize=True)
def test_no_stretch_of_an_interval_has_more_than_is_allowed(
    asked: list[tuple[int, int]], requests: int | None, tokens: int | None
) -> None:
    told = Told()
    throttle = RateLimit(requests, tokens, 60, told.clock)
    gone: list[tuple[float, int]] = []

    async def go() -> None:
        for pause, each in asked:
            told.time += pause
            async with throttle.turn(each):
                gone.append((told.time, each))

    asyncio.run(go())

    for at, _ in gone:
        within = [each for when, each in gone if at - 60 < when <= at]
        assert requests is None or len(within) <= requests
        assert tokens is None or sum(within) <= tokens or len([each for each in within if each]) == 1


@pytest.mark.parametrize("wrong", [{"requests": 0}, {"tokens": -1}, {"interval": 0}, {"requests": True}])
def test_limits_that_let_nothing_through_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        RateLimit(**wrong)
