"""A run that was started, as it is remembered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class PastRun:
    """A row of ``runs``; ``user`` is empty where an older convsync did not write it down.

    A run that is active, or was killed, has no ``ended_at``. ``attended`` is one at a terminal.
    """

    run: int
    host: str
    user: str
    attended: bool
    started_at: datetime
    ended_at: datetime | None
    budget_s: float
    counts: dict[str, Any]
