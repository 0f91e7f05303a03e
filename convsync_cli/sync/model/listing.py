"""Questions about many leads at once, and the answer for each."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Channel


@dataclass(frozen=True, slots=True)
class LeadFilter:
    """Which leads are meant; what is None or False does not narrow.

    With ``channel`` only its messages and reads are looked at. Silence is told only of leads that
    were read: ``quiet_since`` and ``replied=False`` leave out those of which too little is known.

    Attributes:
        awaiting_reply: the last message is the lead's.
        quiet_since: there are messages, and none of them is younger than this moment.
        never_synced: a channel was never read to its end.
        failed: the last read of a channel failed.
        replied: whether the lead ever wrote.
    """

    workspace: str | None = None
    channel: Channel | None = None
    awaiting_reply: bool = False
    quiet_since: datetime | None = None
    never_synced: bool = False
    failed: bool = False
    replied: bool | None = None


class Place(NamedTuple):
    """Where a list goes on: behind this key and, of those with the same one, behind this lead."""

    key: str = ""
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A lead in a list, with what is known of its messages; moments are UTC text.

    ``synced_at`` is up to when all of it was read, None where a channel never was.
    """

    lead: Lead
    messages: int
    last_inbound_at: str | None
    last_outbound_at: str | None
    synced_at: str | None
    place: Place
