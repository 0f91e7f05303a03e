"""A job's answer is a value: ``Outcome = Done | Retry | Snooze | Discard``."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Done:
    """Everything that the job asked for was read to its end."""


@dataclass(frozen=True, slots=True)
class Retry:
    """It failed in a way that can heal; try again after a backoff, and count the attempt."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Snooze:
    """It has to wait for something outside it; try again at ``until`` (UTC), free of charge."""

    until: datetime
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Discard:
    """It cannot succeed; keep it as failed, for a person to see."""

    code: str
    reason: str


Outcome = Done | Retry | Snooze | Discard
