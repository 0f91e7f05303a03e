"""What is erased when a lead is forgotten."""

from dataclasses import dataclass

from convsync_cli.sync.model.lead import Lead


@dataclass(frozen=True, slots=True)
class Belongings:
    """A lead and how much there is of it: messages by channel, and jobs of any state."""

    lead: Lead
    messages: dict[str, int]
    jobs: int
