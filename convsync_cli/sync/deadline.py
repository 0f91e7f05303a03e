"""Until when something may be started."""

from dataclasses import dataclass

from convsync_cli.sync.clock import Clock


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock after which nothing may be started."""

    clock: Clock
    at: float

    @classmethod
    def after(cls, clock: Clock, seconds: float, since: float | None = None) -> "Deadline":
        """The deadline that lies ``seconds`` ahead, or behind a moment of the monotonic clock."""
        return cls(clock, (clock.monotonic() if since is None else since) + seconds)

    def less(self, seconds: float) -> "Deadline":
        """The deadline that lies ``seconds`` before this one."""
        return Deadline(self.clock, self.at - seconds)

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
