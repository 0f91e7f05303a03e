"""Forecasts: what is left, and what the rate limit makes of it."""

import pytest

from convsync_cli.sync.forecast import Forecast
from convsync_cli.sync.limits import Rate

RATE = Rate(60, 60)


def test_at_first_a_job_is_one_request_of_the_rate() -> None:
    assert Forecast(RATE, 10).seconds_left(0) == pytest.approx(10 * RATE.spacing)


def test_what_jobs_took_is_what_jobs_will_take() -> None:
    forecast = Forecast(RATE, 10)
    forecast.add(3, ended=True)
    forecast.add(5, ended=True)
    assert (forecast.remaining, forecast.per_job) == (8, 4.0)
    assert forecast.seconds_left(1) == pytest.approx(8 * 4 * RATE.spacing)


def test_work_that_is_slower_than_the_limit_sets_the_pace() -> None:
    forecast = Forecast(RATE, 3)
    forecast.add(1, ended=True)
    assert forecast.seconds_left(100) == pytest.approx(200)


def test_an_attempt_that_is_tried_again_costs_requests_and_ends_nothing() -> None:
    forecast = Forecast(RATE, 2)
    forecast.add(4, ended=False)
    assert (forecast.done, forecast.remaining, forecast.pace(2)) == (0, 2, 2.0)


def test_jobs_that_came_meanwhile_are_not_less_than_none_left() -> None:
    forecast = Forecast(RATE, 1)
    for _ in range(3):
        forecast.add(1, ended=True)
    assert (forecast.total, forecast.remaining, forecast.seconds_left(9)) == (3, 0, 0)


def test_no_time_is_no_pace() -> None:
    assert Forecast(RATE, 1).pace(0) == 0
