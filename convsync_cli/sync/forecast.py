"""When an account will have finished what waits for it: arithmetic over its rate limit."""

from dataclasses import dataclass

from convsync_cli.sync.limits import Rate


@dataclass(slots=True)
class Forecast:
    """How far one account is with ``total`` jobs, and what that has cost up to now."""

    rate: Rate
    total: int
    done: int = 0
    requests: int = 0

    def add(self, requests: int, *, ended: bool) -> None:
        """Count an attempt and its requests; a job is done when it has ``ended``."""
        self.requests += requests
        if ended:
            self.done += 1
            self.total = max(self.total, self.done)

    @property
    def remaining(self) -> int:
        """Jobs that are left."""
        return self.total - self.done

    @property
    def per_job(self) -> float:
        """Requests that a job takes: what they took so far, at first one."""
        return self.requests / self.done if self.done else 1.0

    def seconds_left(self, elapsed_s: float) -> float:
        """Seconds until all is done, after ``elapsed_s`` of work.

        That is what the rate limit makes of the requests that are left, and more where the work has
        been slower than the limit allows.
        """
        budgeted = self.remaining * self.per_job * self.rate.spacing
        observed = self.remaining * elapsed_s / self.done if self.done else 0.0
        return max(budgeted, observed)

    def pace(self, elapsed_s: float) -> float:
        """Requests a second up to now."""
        return self.requests / elapsed_s if elapsed_s > 0 else 0.0
