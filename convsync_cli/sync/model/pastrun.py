"""A run that was started, as it is remembered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from convsync_cli.sync.instant import to_text


@dataclass(frozen=True, slots=True)
class PastRun:
    """A row of ``runs``; ``user`` is empty where an older convsync did not write it down.

    A run that is active, or was killed, has no ``ended_at`` and no ``reason``, and counts nothing.
    ``attended`` is one at a terminal.
    """

    run: int
    host: str
    pid: int
    user: str
    attended: bool
    started_at: datetime
    ended_at: datetime | None
    budget_s: float
    reason: str | None
    counts: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """The run under the names that scripts rely on."""
        return {
            "run": self.run,
            "host": self.host,
            "pid": self.pid,
            "started_at": to_text(self.started_at),
            "ended_at": self.ended_at and to_text(self.ended_at),
            "budget_s": self.budget_s,
            "reason": self.reason,
            **self.counts,
        }
