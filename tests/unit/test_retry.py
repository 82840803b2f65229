"""The one retry policy: pauses that double within bounds, and what cannot be a policy."""

import pytest

from turnlog.errors import InvalidValueError
from turnlog.infrastructure.retry import RetryPolicy


def test_pauses_double_up_to_the_longest() -> None:
    policy = RetryPolicy(first_pause=1.0, longest_pause=5.0, jitter=lambda: 1.0)

    assert [policy.pause(failures) for failures in (1, 2, 3, 4, 1000)] == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_jitter_takes_at_most_half_of_a_pause() -> None:
    assert RetryPolicy(first_pause=1.0, jitter=lambda: 0.0).pause(1) == 0.5


def test_a_requested_pause_is_used_within_bounds() -> None:
    policy = RetryPolicy(longest_requested=900.0)

    assert [policy.pause(1, requested) for requested in (7.0, -1.0, 1e9)] == [7.0, 0.0, 900.0]


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"first_pause": -1.0}, {"first_pause": 2.0, "longest_pause": 1.0}])
def test_a_policy_that_makes_no_sense_is_an_error(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidValueError, match="a retry policy"):
        RetryPolicy(**wrong)  # type: ignore[arg-type]  # wrong values of the right fields
