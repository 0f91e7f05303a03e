"""A job that kills its process ends as failed, and harms nobody else."""

import pytest

from tests.torture import invariants
from tests.torture.harness import Harness

MOST_ATTEMPTS = 3  # the default


def test_a_job_that_kills_its_process_ends_as_failed(harness: Harness) -> None:
    poison = harness.leads("acme")["acme-00001", "sms"]
    harness.runs("enqueue", poison).well()
    deaths = _run_until_alive(harness, {"CONVSYNC_CRASH_AT": "page.saved:1"})

    assert deaths == MOST_ATTEMPTS
    assert harness.asks("SELECT state, attempts, error_code FROM jobs") == [
        ("failed", MOST_ATTEMPTS, "lost")
    ]
    assert harness.asks("SELECT count(*) FROM attempts WHERE outcome = 'lost'") == [
        (MOST_ATTEMPTS,)
    ]
    assert invariants.damage(harness) == []


@pytest.mark.parametrize("others", [5, 12])
def test_a_poisonous_job_harms_no_other(harness: Harness, others: int) -> None:
    poison = harness.leads("acme")["acme-00001", "sms"]
    harness.suffers("latency", seconds=0.2)  # so that others are at work when it dies
    harness.runs("enqueue-all", "--limit", str(others)).well()
    harness.runs("enqueue", poison).well()  # it goes first, every time
    jobs = harness.states()["pending"]
    deaths = _run_until_alive(harness, {"TORTURE_POISON": poison})
    harness.drains()
    print(f"{deaths} deaths, {jobs} jobs: {harness.states()}")

    assert harness.asks("SELECT lead_id FROM jobs WHERE state != 'succeeded'") == [(poison,)]
    assert harness.states() == {"failed": 1, "succeeded": jobs - 1}
    assert deaths <= 2 * MOST_ATTEMPTS


def _run_until_alive(harness: Harness, env: dict[str, str], *options: str) -> int:
    """Run, as cron would, until a run survives; returns how many died."""
    for deaths in range(20):
        ended = harness.runs("run", "--max-seconds", "20", *options, env=env)
        if not ended.killed:
            ended.well()
            return deaths
    raise AssertionError("the poison goes round for ever")
