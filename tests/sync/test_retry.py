"""When a job that can heal is tried again."""

from random import Random

import pytest

from convsync_cli.sync.retry import BASE_S, CAP_S, FLOOR_S, backoff


def latest(low: float, high: float) -> float:
    return high


def earliest(low: float, high: float) -> float:
    return low


def test_the_longest_wait_doubles_up_to_a_cap() -> None:
    waits = [backoff(attempt, latest) for attempt in range(1, 9)]
    assert waits == [15, 30, 60, 120, 240, 480, 900, 900]
    assert (waits[0], waits[-1]) == (BASE_S, CAP_S)


def test_nobody_is_tried_again_at_once() -> None:
    assert {backoff(attempt, earliest) for attempt in range(1, 50)} == {FLOOR_S}


@pytest.mark.parametrize("attempt", [33, 1_000, 10**9])
def test_any_number_of_attempts_has_a_wait(attempt: int) -> None:
    assert backoff(attempt, latest) == CAP_S


@pytest.mark.parametrize("attempt", [1, 3, 7])
def test_jobs_that_failed_together_are_spread_over_the_whole_wait(attempt: int) -> None:
    """Full jitter: the quarters of the wait get about the same share."""
    uniform, ceiling = Random(attempt).uniform, backoff(attempt, latest)
    quarters = [int(4 * backoff(attempt, uniform) / ceiling) for _ in range(4_000)]
    assert all(800 < quarters.count(quarter) < 1200 for quarter in range(4))
