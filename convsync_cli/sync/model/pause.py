"""Why and how long an account is not used."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LONGEST = timedelta(hours=25)  # a daily limit, and an hour for clocks that disagree
RECHECK = timedelta(minutes=15)  # how often a refused credential is looked at again
STANDING = timedelta(hours=1)  # how long a job waits for a pause that does not end by itself


class PauseReason(StrEnum):
    """Why an account is paused."""

    RATE_LIMITED = "rate_limited"
    UNAUTHORIZED = "unauthorized"
    CREDENTIAL = "credential_unavailable"
    OPERATOR = "operator"


NEED_A_PERSON = frozenset({PauseReason.UNAUTHORIZED, PauseReason.CREDENTIAL})


@dataclass(frozen=True, slots=True)
class AccountState:
    """What all processes share about an account; times are UTC.

    ``next_at`` is the token bucket (see ``limits.Bucket``). Only a rate limit ends by itself: the
    other pauses last until a check succeeds or a person ends them, and ``paused_until`` then is
    when to look again.
    """

    workspace: str
    channel: str
    provider: str
    next_at: float = 0.0
    paused_until: datetime | None = None
    reason: PauseReason | None = None
    message: str | None = None
    checked_at: datetime | None = None

    def paused(self, now: datetime) -> bool:
        """Whether the account may not be used now.

        A pause that ends later than any can was written by a clock that has since been set back.
        """
        if self.reason is None:
            return False
        if self.reason is not PauseReason.RATE_LIMITED:
            return True
        return self.paused_until is not None and now < self.paused_until <= now + LONGEST

    def wants_check(self, now: datetime) -> bool:
        """Whether it is time to look if a refused credential works again."""
        if self.reason is not PauseReason.UNAUTHORIZED or self.paused_until is None:
            return False
        return not now < self.paused_until <= now + LONGEST
