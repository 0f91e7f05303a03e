"""An inbound message that has just been stored, and whether it is news."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from convsync_cli.sync.model.progress import LeadSync, WalkEnd

LEEWAY = timedelta(minutes=15)  # clocks differ, and a lead is often made because it has written


@dataclass(frozen=True, slots=True)
class Arrival:
    """A stored inbound message by its number; times are UTC.

    ``sent_at`` is None where the provider gives no date; ``lead_since`` is when the lead was made.
    """

    id: int
    workspace: str
    lead: str
    sent_at: datetime | None
    lead_since: datetime

    def is_news(self, sync: LeadSync | None) -> bool:
        """Whether a hook wants to hear of it, given the state of its channel before.

        What a conversation's first read brings is history, unless it was sent after the lead was
        made, or the history was asked for.
        """
        if sync is not None and (sync.outcome == WalkEnd.SYNCED or sync.with_history):
            return True
        return self.sent_at is not None and self.sent_at >= self.lead_since - LEEWAY
