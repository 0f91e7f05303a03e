"""A lead, the addresses that find it, and what others call it."""

from dataclasses import dataclass
from enum import StrEnum

from convsync_cli.sync.model.address import Address, AddressKind


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

    def knows(self, contact: Contact) -> bool:
        """Whether a contact tells nothing new of the lead."""
        return (
            (self.name is not None or contact.name is None)
            and (self.company is not None or contact.company is None)
            and all(address in self.addresses for address in contact.addresses)
            and all(handle in self.handles for handle in contact.handles)
        )

    def handles_at(self, provider: str) -> tuple[str, ...]:
        """The lead's ids at a provider."""
        return tuple(h.external_id for h in self.handles if h.provider == provider)


class Learning(StrEnum):
    """What became of a contact that was to be stored."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FORGOTTEN = "forgotten"  # somebody who was: nothing is stored


@dataclass(frozen=True, slots=True)
class Learnt:
    """What storing a contact did.

    A conflict is an address or handle that already is another lead's: it stays there, and is kept
    with this lead as raw text only. ``unusable`` counts addresses that cannot be matched by.
    ``forgotten`` counts addresses and handles that were left out because they were somebody's who
    was forgotten; where that is the ``answer`` too, ``lead`` is none that exists.
    """

    lead: str
    answer: Learning
    conflicts: int = 0
    unusable: int = 0
    forgotten: int = 0
