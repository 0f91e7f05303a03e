"""Looking for a lead by one of its names."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Query:
    """One exact way to look for a lead: ``by`` id, address or handle.

    ``qualifier`` is the address kind or the provider; ``workspace`` narrows where it is set.
    """

    by: str
    value: str
    qualifier: str = ""
    workspace: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A lead that a query found."""

    workspace: str
    lead: str

    def __str__(self) -> str:
        return f"{self.workspace}/{self.lead}"
