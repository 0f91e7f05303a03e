"""``--wait``: follow jobs to their end and report it, or wait until something is free."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from convsync_cli.bootstrap import Services
from convsync_cli.commands.enqueue import tell_missed
from convsync_cli.console import Console, note
from convsync_cli.sync.clock import Clock
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.enqueue import Answer
from convsync_cli.sync.model.job import Job
from convsync_cli.sync.model.pause import NEED_A_PERSON

T = TypeVar("T")

LOOK_S = 0.25


def until(look: Callable[[], T | None], clock: Clock, seconds: float) -> T | None:
    """What ``look`` finds, as soon as it finds something within ``seconds``; else None."""
    deadline = Deadline.after(clock, seconds)
    while (found := look()) is None and not deadline.passed:
        time.sleep(min(LOOK_S, deadline.remaining))
    return found


def follow(
    given: Services, console: Console, answer: Answer, document: dict[str, Any], seconds: float
) -> int:
    """Wait until every job that was placed has ended, and print how.

    Returns 0 where all succeeded, 3 where one failed, 12 where one waits for an account whose
    credential is refused, 13 where time was up first.
    """
    wanted = sorted({placed.job for placed in answer.placed if placed.answer != "recent"})
    deadline = Deadline.after(given.clock, seconds)
    jobs = _look(given, wanted)
    while _open(jobs) and not _stuck(given, jobs) and not deadline.passed:
        time.sleep(min(LOOK_S, deadline.remaining))
        jobs = _look(given, wanted)
    console.document(document | {"waited": [_named(job) for job in jobs]})
    for job in jobs:
        console.say(f"{job.lead}  job {job.id}  {job.state}{_why(job)}")
    tell_missed(console, answer)
    return _code(given, answer, jobs)


def _look(given: Services, wanted: list[int]) -> list[Job]:
    found = [given.store.queue.job(job) for job in wanted]
    return [job for job in found if job is not None]


def _open(jobs: list[Job]) -> list[Job]:
    return [job for job in jobs if job.state in ("pending", "running")]


def _stuck(given: Services, jobs: list[Job]) -> bool:
    """Whether all that is left waits for an account that is refused."""
    refused = {
        each.workspace for each in given.store.accounts.states() if each.reason in NEED_A_PERSON
    }
    return all(
        job.workspace in refused and job.state == "pending" and job.error_code is not None
        for job in _open(jobs)
    )


def _code(given: Services, answer: Answer, jobs: list[Job]) -> int:
    still = _open(jobs)
    if still:
        note(f"convsync: {len(still)} of {len(jobs)} jobs have not ended; see `convsync jobs list`")
        return 12 if _stuck(given, jobs) else 13
    failed = any(job.state != "succeeded" for job in jobs)
    return 3 if failed or answer.unknown or answer.ambiguous else 0


def _named(job: Job) -> dict[str, Any]:
    return {
        "lead": job.lead,
        "job": job.id,
        "state": job.state,
        "attempts": job.attempts,
        "error_code": job.error_code,
        "error": job.error,
    }


def _why(job: Job) -> str:
    return f": {job.error}" if job.error else ""
