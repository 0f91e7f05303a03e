"""Rate limits as arithmetic: a token bucket is a value; who sleeps is someone else's business.

The bucket is the generic cell rate algorithm (ITU-T I.371): one number, the theoretical arrival
time of the next request, says everything.
"""

import math
from dataclasses import dataclass

MOST_WAITING = 256  # requests that can wait for one bucket: two full runs beside each other
CLOCK_SLACK_S = 60.0
NO_WAIT_S = 1e-5  # less is the rounding of seconds since the epoch


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``requests`` in any ``seconds``."""

    requests: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read ``"90/10s"``.

        Raises:
            ValueError: the text is no rate.
        """
        requests, _, seconds = text.strip().removesuffix("s").partition("/")
        rate = cls(int(requests), float(seconds))
        if not (0 < rate.requests <= 100_000 and 0 < rate.seconds <= 86_400):
            raise ValueError(text)
        return rate

    @property
    def burst(self) -> int:
        """How many requests may go out at once: few, since a burst is taken from every window."""
        return 1 + self.requests // 80

    @property
    def spacing(self) -> float:
        """Seconds between requests, such that burst and spacing together keep any window.

        A window of S seconds sees at most ``burst - 1 + ceil(S / spacing)`` requests. S is taken a
        little longer, because a request that waited for a connection arrives late and the next one
        does not.
        """
        window = self.seconds * 1.02 + min(0.03, self.seconds * 0.01)
        return window / (self.requests - self.burst + 1)

    def __str__(self) -> str:
        return f"{self.requests}/{self.seconds:g}s"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: ``next_at`` is when it would be full again (seconds since the epoch)."""

    rate: Rate
    next_at: float = 0.0

    def take(self, now: float) -> "tuple[Bucket, float]":
        """Reserve the next free slot.

        Returns the bucket after it and the seconds to wait before sending.
        """
        spacing = self.rate.spacing
        arrival = max(self._sane(now), now)
        wait = arrival - (self.rate.burst - 1) * spacing - now
        return Bucket(self.rate, arrival + spacing), wait if wait > NO_WAIT_S else 0.0

    def backlog(self, now: float) -> float:
        """Seconds that a request taken now would wait."""
        return self.take(now)[1]

    def free(self, now: float) -> int:
        """How many requests could go out now without waiting."""
        early = max(self._sane(now), now) - now
        return max(0, self.rate.burst - math.ceil(early / self.rate.spacing))

    def _sane(self, now: float) -> float:
        """``next_at``, unless only a clock that has since been set back can have written it."""
        longest_queue = MOST_WAITING * self.rate.spacing + CLOCK_SLACK_S
        return self.next_at if self.next_at <= now + longest_queue else now
