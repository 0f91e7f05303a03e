"""Time as an argument; the only module that reads a clock."""

import time
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock after which nothing may be started."""

    clock: Clock
    at: float

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> "Deadline":
        """The deadline that lies ``seconds`` ahead."""
        return cls(clock, clock.monotonic() + seconds)

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - self.clock.monotonic())

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return self.remaining <= 0.0

    def allows(self, seconds: float) -> bool:
        """Whether something that takes ``seconds`` may still be started."""
        return seconds < self.remaining


def seconds_between(earlier: datetime, later: datetime) -> float:
    """Seconds from one moment to another."""
    return (later - earlier) / timedelta(seconds=1)
