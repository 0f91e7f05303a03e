"""A runner that was stopped past its lease and goes on: it may write nothing down any more."""

import signal

import pytest

from tests.torture import invariants
from tests.torture.harness import Harness, eventually

LONG = ("acme-00001", "sms")
RUN = ("run", "--max-seconds", "30", "--parallel", "--json")


def test_a_zombie_settles_nothing_and_its_pages_do_no_harm(harness: Harness) -> None:
    lead = harness.leads("acme")[LONG]
    harness.runs("enqueue", lead).well()
    harness.suffers("latency", seconds=0.7, times=1, path="*/messages", page=3)
    zombie = harness.starts(*RUN)
    eventually(lambda: _pages_asked_for(harness) == 3)
    zombie.gets(signal.SIGSTOP)
    harness.tampers("UPDATE jobs SET lease_until = '2001-01-01T00:00:00.000Z'")

    heir = harness.runs(*RUN).well().json
    settled = harness.asks("SELECT state, token, finished_at FROM jobs")
    zombie.gets(signal.SIGCONT)
    late = zombie.ends().well().json

    assert (heir["rescued"], heir["claimed"], heir["succeeded"]) == (1, 1, 1)
    assert (late["claimed"], late["succeeded"], late["released"]) == (1, 0, 0)
    assert late["messages"]["new"] < heir["messages"]["new"], "it saved pages that were there"
    assert harness.asks("SELECT state, token, finished_at FROM jobs") == settled
    assert harness.asks("SELECT number, outcome FROM attempts ORDER BY number") == [
        (1, "lost"),
        (2, "done"),
    ]
    assert invariants.damage(harness) == invariants.twice_at_once(harness) == []
    _read_the_rest(harness)


def test_a_zombie_does_not_end_the_try_of_its_heir(harness: Harness) -> None:
    harness.runs("enqueue", harness.leads("acme")[LONG]).well()
    harness.suffers("latency", seconds=0.7, times=1, path="*/messages", page=3)
    zombie = harness.starts(*RUN)
    eventually(lambda: _pages_asked_for(harness) == 3)
    zombie.gets(signal.SIGSTOP)
    harness.tampers("UPDATE jobs SET lease_until = '2001-01-01T00:00:00.000Z'")
    harness.suffers("latency", seconds=1.5, times=1, path="*/messages", page=4)
    heir = harness.starts(*RUN)
    eventually(lambda: harness.asks("SELECT 1 FROM jobs WHERE token = 2 AND state = 'running'"))

    zombie.gets(signal.SIGCONT)

    assert zombie.ends().well().json["succeeded"] == 0
    assert heir.ends().well().json["succeeded"] == 1
    assert harness.asks("SELECT state, token FROM jobs") == [("succeeded", 2)]
    assert invariants.damage(harness) == invariants.twice_at_once(harness) == []
    _read_the_rest(harness)


@pytest.mark.parametrize("timeout_s", [5, 60])
def test_a_lease_outlives_its_jobs_own_deadline(harness: Harness, timeout_s: int) -> None:
    text = harness.config.read_text()
    harness.config.write_text(f'job_timeout = "{timeout_s}s"\n{text}')
    harness.suffers("hang")
    harness.runs("enqueue", harness.leads("acme")[LONG]).well()
    harness.starts("run", "--max-seconds", "30")
    ((lease_s,),) = eventually(
        lambda: harness.asks(
            "SELECT (julianday(lease_until) - julianday(started_at)) * 86400 FROM jobs"
            " WHERE state = 'running'"
        )
    )
    assert lease_s > timeout_s + 5


def _pages_asked_for(harness: Harness) -> int:
    return sum(one.path.endswith("/messages") for one in list(harness.sandbox.requests))


def _read_the_rest(harness: Harness) -> None:
    """With everybody asked for, the archive is the truth: nothing is there twice."""
    everybody = "\n".join(
        lead for name in harness.world.workspaces for lead in harness.leads(name).values()
    )
    harness.runs("enqueue", "-", "--force", stdin=everybody.encode()).well()
    harness.drains()
    assert invariants.wrong_messages(harness) == []
