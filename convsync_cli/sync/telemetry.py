"""What happened, as values, for any listener; a listener that fails breaks nothing.

House rule: an event names leads and jobs by their ids and endpoints by their pattern. It never
holds a token, an address, a name or a text.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from convsync_cli.sync.model.job import Effort


@dataclass(frozen=True, slots=True)
class JobStopped:
    """A job's attempt ended; ``outcome`` is the settlement's word.

    ``asked`` is how many requests went to each account, by its name.
    """

    job: int
    workspace: str
    lead: str | None
    outcome: str
    code: str | None
    effort: Effort
    asked: Mapping[str, int] = field(default_factory=dict)


Listener = Callable[[JobStopped], None]


@dataclass(slots=True)
class Meter:
    """What one attempt costs, while it runs."""

    requests: int = 0
    http_s: float = 0.0
    slowest: str | None = None
    asked: dict[str, int] = field(default_factory=dict)
    _slowest_s: float = field(default=-1.0)

    def add(self, account: str, label: str, seconds: float) -> None:
        """Count one request of an account to an endpoint."""
        self.requests += 1
        self.asked[account] = self.asked.get(account, 0) + 1
        self.http_s += seconds
        if seconds > self._slowest_s:
            self.slowest, self._slowest_s = label, seconds

    def effort(self) -> Effort:
        """What it cost up to now."""
        return Effort(self.requests, round(self.http_s * 1000), self.slowest)
