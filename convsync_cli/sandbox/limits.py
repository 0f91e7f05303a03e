"""The providers' rate limits: a strict sliding window per account, and the worst one seen."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

Account = tuple[str, str]
"""A provider and a workspace."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most ``requests`` in any ``seconds``, and ``daily`` in all."""

    requests: int
    seconds: float
    daily: int = 200_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is let through; ``wait`` is the seconds until one would be."""

    allowed: bool
    allowance: Allowance
    left: int
    daily_left: int
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account asked for; ``worst`` is the most requests that any window saw arrive."""

    requests: int
    refused: int
    worst: int
    allowance: Allowance

    @property
    def exceeded(self) -> bool:
        """Whether some window saw more requests than allowed."""
        return self.worst > self.allowance.requests


DEFAULTS: Mapping[str, Allowance] = {
    "gohighlevel": Allowance(100, 10.0),
    "emailbison": Allowance(300, 60.0, daily=10**9),
    "smartlead": Allowance(60, 60.0, daily=10**9),
}


@dataclass(slots=True)
class _Window:
    arrived: deque[float] = field(default_factory=deque)
    accepted: deque[float] = field(default_factory=deque)
    requests: int = 0
    refused: int = 0
    worst: int = 0


class Limits:
    """Judges every request by its time of arrival; ``enforced`` may be switched at any time.

    Requests are counted, and the worst window is kept, also while nothing is enforced.
    """

    def __init__(
        self, allowances: Mapping[str, Allowance] | None = None, enforced: bool = True
    ) -> None:
        self.enforced = enforced
        self._allowances = {**DEFAULTS, **(allowances or {})}
        self._windows: dict[Account, _Window] = {}
        self._lock = Lock()

    def allow(self, provider: str, allowance: Allowance) -> None:
        """Change the limit of a provider."""
        with self._lock:
            self._allowances[provider] = allowance

    def arrive(self, account: Account, now: float) -> Verdict:
        """Judge a request that arrives now."""
        with self._lock:
            allowance = self._allowances[account[0]]
            window = self._windows.setdefault(account, _Window())
            _note(window, now, allowance.seconds)
            used = len(window.accepted)
            daily_left = max(0, allowance.daily - (window.requests - window.refused))
            if self.enforced and (used >= allowance.requests or not daily_left):
                window.requests += 1
                window.refused += 1
                wait = window.accepted[0] + allowance.seconds - now if used else allowance.seconds
                return Verdict(False, allowance, 0, daily_left, wait)
            window.requests += 1
            window.accepted.append(now)
            left = max(0, allowance.requests - used - 1)
            return Verdict(True, allowance, left, max(0, daily_left - 1))

    def usage(self) -> dict[Account, Usage]:
        """What every account used so far."""
        with self._lock:
            return {
                account: Usage(w.requests, w.refused, w.worst, self._allowances[account[0]])
                for account, w in self._windows.items()
            }

    def reset(self) -> None:
        """Forget everything counted so far."""
        with self._lock:
            self._windows.clear()


def _note(window: _Window, now: float, seconds: float) -> None:
    for times in (window.arrived, window.accepted):
        while times and times[0] <= now - seconds:
            times.popleft()
    window.arrived.append(now)
    window.worst = max(window.worst, len(window.arrived))
