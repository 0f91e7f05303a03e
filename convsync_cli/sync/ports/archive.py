"""The ports about stored messages; ``ports`` has the rules."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from convsync_cli.sync.model.arrival import Arrival
from convsync_cli.sync.model.imported import TakenIn
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Channel, Message
from convsync_cli.sync.model.progress import LeadSync, Saved, Stored, Walk, WalkEnd
from convsync_cli.sync.model.reading import EVERY, Findings, MessageFilter, Phrase


class Archive(Protocol):
    """Messages, each once, and how far each conversation has been read."""

    def save_page(
        self,
        lead: Lead,
        channel: Channel,
        messages: Sequence[Message],
        walk: Walk,
        now: datetime,
        synced_at: datetime | None = None,
    ) -> Saved:
        """Store what a page changes together with the cursor behind it; twice is as once.

        The last page comes with ``synced_at``: the conversation has been read to its end. Nothing
        is stored where the lead was forgotten meanwhile.
        """

    def save_messages(
        self, lead: Lead, channel: Channel, messages: Sequence[Message], now: datetime
    ) -> Saved:
        """Store what messages change that no walk of this lead brought; twice is as once.

        Nothing is stored where the lead was forgotten meanwhile.
        """

    def finish(
        self,
        lead: Lead,
        channel: Channel,
        *,
        outcome: WalkEnd,
        synced_at: datetime | None = None,
        code: str | None = None,
    ) -> None:
        """Write down how a read ended; with ``synced_at``, at the end of the conversation."""

    def syncs(self, lead: str) -> dict[Channel, LeadSync]:
        """How far each channel on which a lead can be followed has been read."""

    def count(self, workspace: str, provider: str, lead: str | None) -> int:
        """How many messages of a provider are stored, under its ids; of one lead, or of all."""

    def unread(self, workspace: str, channel: str) -> int:
        """How many leads were never read to the end on a channel."""

    def newest(self) -> int:
        """The number of the message that was stored last; numbers only grow."""

    def arrivals(self, after: int) -> list[Arrival]:
        """The inbound messages stored since the one of that number."""

    def message(self, number: int) -> Stored | None:
        """One message, or None."""

    def conversation(
        self, lead: str, wanted: MessageFilter = EVERY, last: int | None = None
    ) -> Iterator[Stored]:
        """A lead's messages that fit a filter, oldest first; with ``last`` only so many of them.

        A message without a date is placed where it was first seen.
        """

    def messages(self, wanted: MessageFilter = EVERY) -> Iterator[Stored]:
        """The messages that fit a filter, streamed in the order of storing."""

    def search(self, phrases: Sequence[Phrase], wanted: MessageFilter, limit: int) -> Findings:
        """The messages that contain all ``phrases``, best first and of equals the newest.

        Where very many match, only those stored last are ranked; the findings say so.
        """


class History(Protocol):
    """Messages from elsewhere, that no provider has told us yet."""

    def take_in(
        self, workspace: str, lead: str, messages: Sequence[Message], now: datetime
    ) -> TakenIn:
        """Store imported messages of a lead that are not stored yet; twice is as once.

        One that a sync has brought before completes that one instead of doubling it.
        """
