"""The ports about many leads, and about leads no more; ``ports`` has the rules."""

from collections.abc import Sequence
from typing import Protocol

from convsync_cli.sync.model.belongings import Belongings
from convsync_cli.sync.model.lead import Contact
from convsync_cli.sync.model.listing import LeadFilter, Listed, Place


class Listing(Protocol):
    """Questions about many leads, answered as fast for a million of them."""

    def leads(self, wanted: LeadFilter, after: Place, limit: int) -> list[Listed]:
        """The next leads that fit: who waits, or is quiet, longest first; else the oldest first."""

    def any_unread(self, wanted: LeadFilter) -> bool:
        """Whether a lead was read so little that a list of silent leads leaves it out."""


class Erasure(Protocol):
    """Forgetting people for good."""

    def belongings(self, lead: str) -> Belongings | None:
        """What goes when a lead is forgotten; None where there is no such lead."""

    def forget(self, leads: Sequence[str]) -> list[str]:
        """Erase leads with all that is theirs; returns those that there were.

        Keyed hashes of their addresses and handles are kept, by which ``Leads`` knows them again.
        """

    def recall(self, workspace: str, contact: Contact) -> bool:
        """Let a person with one of a contact's addresses or handles be added again.

        False if no such person was forgotten.
        """

    @property
    def unfinished(self) -> bool:
        """Whether something of a forgotten lead may still be read in the file."""

    def scrub(self) -> bool:
        """Leave nothing of what was erased in the file and beside it; takes as long as it is large.

        Only who holds the run lock and is ``sole`` may. False where a reader still needs the log.
        """
