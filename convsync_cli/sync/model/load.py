"""How much there is to read of one account, as far as is known here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """The leads that can be followed on an account's channel, and what is stored of them.

    ``unread`` of them were never read to the end, ``untried`` of those never begun.
    ``further_pages`` is how many pages their conversations have beyond each first one.
    """

    leads: int = 0
    unread: int = 0
    untried: int = 0
    messages: int = 0
    further_pages: int = 0
