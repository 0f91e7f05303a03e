"""What an examination finds."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is; what could not be looked at is never ok."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: ``subject``, what was seen, and how to fix it."""

    level: Level
    subject: str
    message: str
    remedy: str = ""
