"""Whether the last run is at work and the next one late: one rule each, for everything that asks.

What is late is judged by how often the last runs began.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from convsync_cli.sync.model.pastrun import PastRun

RUNS = 20  # so many of the last show how often one begins
_LATE = timedelta(minutes=5)  # cron starts one every minute; a budget may be some of them
_TIMES = 3  # what is usual here
_TO_END = timedelta(seconds=5)  # what a run may take beyond its budget


def at_work(run: PastRun, now: datetime) -> bool:
    """Whether a run that has not ended can still be at work within its budget."""
    age = now - run.started_at
    return run.ended_at is None and age <= timedelta(seconds=run.budget_s) + _TO_END


def late(starts: Sequence[datetime], now: datetime) -> bool:
    """Whether a run should have begun by now; ``starts`` are those of the last, the newest first.

    Where runs begin every hour, an hour is not late; where none ever began, any moment is.
    """
    if not starts:
        return True
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(starts)]
    usual = timedelta(seconds=max(0.0, median(gaps))) if gaps else timedelta()
    return now - starts[0] > max(_LATE, _TIMES * usual)
