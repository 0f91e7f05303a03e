"""``enqueue --wait``: follow jobs to their end and report it."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from convsync_cli.bootstrap import Services
from convsync_cli.commands.looking import until
from convsync_cli.console import Console, note
from convsync_cli.sync.enqueue import Answer
from convsync_cli.sync.errors import Exit
from convsync_cli.sync.model.job import LIVE, Job, JobState
from convsync_cli.sync.model.pause import NEED_A_PERSON
from convsync_cli.sync.model.placing import Placed


def follow(
    given: Services, console: Console, answer: Answer, document: dict[str, Any], seconds: float
) -> int:
    """Wait until every job that was placed has ended, and print how.

    Returns 0 where all succeeded, 3 where one failed, 12 where one waits for an account whose
    credential is refused, 13 where time was up first.
    """
    wanted = sorted({placed.job for placed in answer.placed if placed.answer != Placed.RECENT})
    until(partial(_at_rest, given, wanted), given.clock, seconds)
    jobs = list(_jobs(given, wanted))
    console.document(document | {"waited": [_named(job) for job in jobs]})
    for job in jobs:
        console.say(f"{job.lead}  job {job.id}  {job.state}{_why(job)}")
    return _code(given, answer, jobs)


def _at_rest(given: Services, wanted: list[int]) -> bool | None:
    """True once nothing is left that is worth waiting for, else None."""
    live = given.store.queue.live(wanted)
    return not live or _stuck(given, live) or None


def _stuck(given: Services, live: list[int]) -> bool:
    """Whether all that is left waits for an account that is refused.

    Where all of a workspace's are, no run will even claim its jobs.
    """
    states = given.store.accounts.states()
    refused = {(s.workspace, s.channel) for s in states if s.reason in NEED_A_PERSON}
    closed = {
        workspace.name
        for workspace in given.settings.workspaces
        if refused.issuperset((workspace.name, channel) for channel in workspace.providers)
    }
    some = {workspace for workspace, _ in refused}
    return bool(refused) and all(
        job.state == JobState.PENDING
        and job.workspace in (closed if job.error_code is None else some)
        for job in _jobs(given, live)
    )


def _jobs(given: Services, wanted: list[int]) -> Iterator[Job]:
    found = map(given.store.queue.job, wanted)
    return (job for job in found if job is not None)


def _code(given: Services, answer: Answer, jobs: list[Job]) -> int:
    live = [job.id for job in jobs if job.state in LIVE]
    if live:
        note(f"convsync: {len(live)} of {len(jobs)} jobs have not ended; see `convsync jobs list`")
        return Exit.REFUSED if _stuck(given, live) else Exit.TRY_LATER
    failed = any(job.state != JobState.SUCCEEDED for job in jobs)
    incomplete = failed or answer.unknown or answer.ambiguous
    return Exit.INCOMPLETE if incomplete else Exit.DONE


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
