"""When the next run is late: after minutes, and where runs are rare after as long as is usual."""

from datetime import UTC, datetime, timedelta

import pytest

from convsync_cli.sync.rhythm import late

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
