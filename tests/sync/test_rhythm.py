"""When the next run is late: after minutes, and where runs are rare after as long as is usual."""

from datetime import UTC, datetime, timedelta

import pytest

from convsync_cli.sync.model.pastrun import PastRun
from convsync_cli.sync.rhythm import at_work, late

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ages_min", "is_late"),
    [
        ([], True),
        ([5], False),
        ([6], True),
        ([6, 7, 8], True),
        ([25, 35, 45], False),
        ([31, 41, 51], True),
        ([6, 66, 126], False),
        ([-60, 0, 1], False),  # the clock was set back
        ([6, -60, -120], True),
    ],
)
def test_a_run_is_late_by_the_rhythm_of_those_before(ages_min: list[int], is_late: bool) -> None:
    assert late([NOW - timedelta(minutes=age) for age in ages_min], NOW) is is_late


@pytest.mark.parametrize(
    ("age_s", "ended", "works"), [(55, False, True), (56, False, False), (1, True, False)]
)
def test_a_run_is_at_work_until_its_budget_and_a_little_more_are_over(
    age_s: float, ended: bool, works: bool
) -> None:
    began = NOW - timedelta(seconds=age_s)
    run = PastRun(1, "here", 42, "", False, began, NOW if ended else None, 50.0, None, {})
    assert at_work(run, NOW) is works
