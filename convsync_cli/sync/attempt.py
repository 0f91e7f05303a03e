"""One attempt at a job: perform it, and say how its claim is to be settled."""

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from convsync_cli.sync.errors import BudgetSpent, ConvsyncError, where
from convsync_cli.sync.model.job import Claim, JobState, Settlement
from convsync_cli.sync.model.outcome import Discard, Done, Outcome, Retry, Snooze
from convsync_cli.sync.model.placing import Kind
from convsync_cli.sync.retry import Uniform, backoff
from convsync_cli.sync.work import Work

RELEASED = Settlement("released", JobState.PENDING, free=True)
SPENT = Settlement("released", JobState.PENDING, free=True, code=BudgetSpent.code)

LONG_WAIT_S = 1.0  # for a first page, over all its requests

Perform = Callable[[Claim, Work], Awaitable[Outcome]]

log = logging.getLogger(__name__)


async def attempt(claim: Claim, work: Work, timeout_s: float, uniform: Uniform) -> Settlement:
    """Perform a job for at most ``timeout_s`` seconds, and never fail because of it.

    A job that is cancelled (the run ends) or finds no time left is released. So is one that was
    getting on when its own time was up: it goes on from the page that it had reached.

    Raises:
        ConvsyncError: the database cannot be used; nothing can be settled.
    """
    try:
        async with asyncio.timeout(timeout_s):
            outcome = await _performer(claim.kind)(claim, work)
    except asyncio.CancelledError:
        return _given_back(RELEASED, claim, work)
    except BudgetSpent:
        return _given_back(SPENT, claim, work)
    except TimeoutError:
        if work.progress.pages:
            return RELEASED
        outcome = Retry("job_timeout", f"not done within {timeout_s:g} s")
    except ConvsyncError:
        raise
    except Exception as error:
        # A bug in one job must not end the others. Its text may hold personal data: type and place
        # only.
        log.error("job %d: %s", claim.job, where(error))
        outcome = Retry("bug", where(error))
    return settlement(outcome, claim, work.clock.now(), uniform)


def _given_back(release: Settlement, claim: Claim, work: Work) -> Settlement:
    """Release a job; a lead whose provider only kept it waiting lets the others go first.

    A few that hang would otherwise be the first of every short run, and no other ever read.
    """
    waited = work.meter.http_s >= LONG_WAIT_S and not work.progress.pages
    if waited and claim.kind == Kind.CONVERSATION_SYNC:
        return replace(release, run_at=work.clock.now())
    return release


def settlement(outcome: Outcome, claim: Claim, now: datetime, uniform: Uniform) -> Settlement:
    """Turn a job's answer into its next state."""
    match outcome:
        case Done():
            return Settlement("done", JobState.SUCCEEDED)
        case Snooze(until, code, reason):
            return Settlement("snooze", JobState.PENDING, max(until, now), True, code, reason)
        case Discard(code, reason):
            return Settlement("failed", JobState.FAILED, code=code, error=reason)
        case Retry(code, reason) if claim.attempt >= claim.max_attempts:
            return Settlement("failed", JobState.FAILED, code=code, error=reason)
        case Retry(code, reason):
            later = now + timedelta(seconds=backoff(claim.attempt, uniform))
            return Settlement("retry", JobState.PENDING, later, code=code, error=reason)


def _performer(kind: str) -> Perform:
    module = importlib.import_module(f"convsync_cli.sync.jobs.{kind}")
    perform: Perform = module.perform
    return perform
