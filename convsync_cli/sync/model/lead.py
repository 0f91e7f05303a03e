"""A lead, the addresses that find it, and what others call it."""

from dataclasses import dataclass
from enum import StrEnum


class AddressKind(StrEnum):
    """What an address is."""

    EMAIL = "email"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class Address:
    """An email or phone of a lead.

    ``raw`` is the text as it was given. ``value`` is its normal form (lower-case mail address,
    E.164 number), by which leads are matched; None where ``raw`` cannot be one.
    """

    kind: AddressKind
    raw: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Handle:
    """A lead's id at one provider."""

    provider: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Contact:
    """What a provider, a file or an operator tells about one person; all of it optional."""

    name: str | None = None
    company: str | None = None
    addresses: tuple[Address, ...] = ()
    handles: tuple[Handle, ...] = ()


@dataclass(frozen=True, slots=True)
class Lead:
    """A person in a workspace, under an opaque id that may appear in logs."""

    id: str
    workspace: str
    name: str | None = None
    company: str | None = None
    addresses: tuple[Address, ...] = ()
    handles: tuple[Handle, ...] = ()

    def values(self, kind: AddressKind) -> tuple[str, ...]:
        """The lead's usable addresses of one kind, in the order in which they were learnt."""
        return tuple(a.value for a in self.addresses if a.kind == kind and a.value is not None)

    def handles_at(self, provider: str) -> tuple[str, ...]:
        """The lead's ids at a provider."""
        return tuple(h.external_id for h in self.handles if h.provider == provider)


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


@dataclass(frozen=True, slots=True)
class Learnt:
    """What storing a contact did: ``answer`` is added, updated, unchanged or conflict.

    A conflict is an address or handle that already is another lead's: it stays there, and is kept
    with this lead as raw text only. ``unusable`` counts addresses that cannot be matched by.
    """

    lead: str
    answer: str
    conflicts: int = 0
    unusable: int = 0
