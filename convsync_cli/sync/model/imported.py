"""History from elsewhere: a message that was imported, and what became of some of them."""

import hashlib
import json
from dataclasses import dataclass

from convsync_cli.sync.model.message import Message

PROVIDER = "import"  # in a provider's place, until a sync tells which one it was


def fingerprint(lead: str, message: Message) -> str:
    """A key that the same message of a lead has whenever it is imported."""
    told: list[object] = [lead, message.channel, message.direction]
    if message.message_id:
        told.append(message.message_id)
    else:
        sent_at = message.sent_at and message.sent_at.isoformat()
        told += [sent_at, message.subject, message.body]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What importing did: stored, found to be one that a sync had brought, or imported before."""

    added: int = 0
    matched: int = 0
    unchanged: int = 0

    def __add__(self, other: "TakenIn") -> "TakenIn":
        return TakenIn(
            self.added + other.added,
            self.matched + other.matched,
            self.unchanged + other.unchanged,
        )
