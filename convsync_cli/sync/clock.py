"""Time as an argument; the only module that reads a clock."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where time comes from: ``now`` may jump, ``monotonic`` never goes back."""

    def now(self) -> datetime:
        """The wall clock, UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary point, unaffected by anyone setting the clock."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """The wall clock, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some point in the past."""
        return time.monotonic()


def seconds_between(earlier: datetime, later: datetime) -> float:
    """Seconds from one moment to another."""
    return (later - earlier) / timedelta(seconds=1)
