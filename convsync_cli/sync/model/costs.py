"""What reading costs at a provider, in requests."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Costs:
    """What reading costs, for plans: requests for one lead whose conversation fits a page, messages
    in such a page, and messages and people that one request of the feed's first walk brings (0
    people where the messages tell them). A lead that was never read also costs ``look_up``."""

    per_lead: int
    page: int
    fill_messages: int
    fill_people: int = 0
    look_up: int = 0
