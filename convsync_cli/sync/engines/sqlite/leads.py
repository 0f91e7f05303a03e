"""Leads, their addresses and handles: found by any of them, learnt and never overwritten."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.engines.sqlite.forgotten import Forgotten, Name
from convsync_cli.sync.engines.sqlite.named import named
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.model.address import Address, AddressKind
from convsync_cli.sync.model.lead import Contact, Handle, Lead, Learning, Learnt
from convsync_cli.sync.model.leadid import new_lead_id
from convsync_cli.sync.model.message import Channel

# Which channels an address or a handle opens. A contact is found by email as well as by phone, so
# that any address makes SMS possible.
_OPENS = {
    AddressKind.EMAIL: (Channel.EMAIL, Channel.SMS),
    AddressKind.PHONE: (Channel.SMS,),
}

Channels = Mapping[str, Channel]  # the channel that each provider serves


class SqliteLeads:
    """``Leads`` over the tables ``leads``, ``addresses`` and ``handles``."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._forgotten = Forgotten(connection)

    def lead(self, lead: str) -> Lead | None:
        """A lead with all that finds it, or None."""
        rows = self._db.rows("SELECT id, workspace, name, company FROM leads WHERE id = ?", (lead,))
        return named(self._db, rows)[0] if rows else None

    def leads(self, workspace: str | None, after: str, limit: int) -> list[Lead]:
        """The next leads after an id, in the order in which they were added."""
        rows = self._db.rows(
            "SELECT id, workspace, name, company FROM leads"
            " WHERE id > ? AND (?2 IS NULL OR workspace = ?2) ORDER BY id LIMIT ?3",
            (after, workspace, limit),
        )
        return named(self._db, rows)

    def count(self, workspace: str) -> int:
        """How many leads a workspace has."""
        told = self._db.value("SELECT leads FROM lead_counts WHERE workspace = ?", (workspace,))
        return told or 0

    def learn(self, workspace: str, contact: Contact, channels: Channels, now: datetime) -> Learnt:
        """Store what is told about a person, as a new lead or with the one it is; see ``Leads``."""
        with self._db.transaction():
            gone = self._forgotten.among(workspace, contact)
            contact = _without(contact, gone)
            known = self._match(workspace, contact)
            if known is not None:
                added = self._add(workspace, known, contact, channels, now)
                return replace(added, forgotten=len(gone))
            if gone:
                return Learnt("", Learning.FORGOTTEN, forgotten=len(gone))
            lead = new_lead_id(now)
            self._db.execute(
                "INSERT INTO leads VALUES (?, ?, ?, ?, ?5, ?5)",
                (lead, workspace, contact.name, contact.company, to_text(now)),
            )
            return replace(
                self._add(workspace, lead, contact, channels, now), answer=Learning.ADDED
            )

    def recognise(self, workspace: str, contact: Contact) -> Lead | None:
        """The lead that a contact is; see ``Leads``."""
        known = self._match(workspace, contact)
        return self.lead(known) if known else None

    def learn_about(
        self, lead: Lead, contact: Contact, channels: Channels, now: datetime
    ) -> Learnt:
        """Store what a provider tells about a lead that is known; see ``Leads``."""
        with self._db.transaction():
            gone = self._forgotten.among(lead.workspace, contact)
            contact = _without(contact, gone)
            known = self.lead(lead.id)
            if known is None or (gone and _is_only(known, contact)):
                return Learnt(lead.id, Learning.FORGOTTEN, forgotten=len(gone))
            added = self._add(lead.workspace, lead.id, contact, channels, now)
            return replace(added, forgotten=len(gone))

    def _match(self, workspace: str, contact: Contact) -> str | None:
        """The lead that a contact is: by handle, else by email, else by phone, else as it is typed.

        A shared phone does not make two people one: where both have an email, or both have a handle
        at one provider, the contact is somebody else.
        """
        for handle in contact.handles:
            if owner := self._owner_of_handle(workspace, handle):
                return owner
        for address in sorted(contact.addresses, key=lambda each: each.kind != AddressKind.EMAIL):
            owner = self._owner_of_address(workspace, address)
            by_email = address.kind == AddressKind.EMAIL
            if owner and (by_email or not _differs(self.lead(owner), contact)):
                return owner
        if contact.handles or any(address.value for address in contact.addresses):
            return None
        return self._typed_the_same(workspace, contact.addresses)

    def _owner_of_handle(self, workspace: str, handle: Handle) -> str | None:
        owner: str | None = self._db.value(
            "SELECT lead_id FROM handles WHERE external_id = ? AND provider = ? AND workspace = ?",
            (handle.external_id, handle.provider, workspace),
        )
        return owner

    def _owner_of_address(self, workspace: str, address: Address) -> str | None:
        owner: str | None = self._db.value(
            "SELECT lead_id FROM addresses WHERE value = ? AND kind = ? AND workspace = ?",
            (address.value, address.kind, workspace),
        )
        return owner

    def _typed_the_same(self, workspace: str, addresses: Sequence[Address]) -> str | None:
        for address in addresses:
            lead: str | None = self._db.value(
                "SELECT lead_id FROM addresses"
                " WHERE value IS NULL AND kind = ? AND workspace = ? AND raw = ?",
                (address.kind, workspace, address.raw),
            )
            if lead:
                return lead
        return None

    def _add(
        self, workspace: str, lead: str, contact: Contact, channels: Channels, now: datetime
    ) -> Learnt:
        filled = self._fill(lead, contact, now)
        addresses = [self._add_address(workspace, lead, each) for each in contact.addresses]
        handles = [self._add_handle(workspace, lead, each) for each in contact.handles]
        self._open_channels(workspace, lead, contact, channels)
        changed = filled or "added" in addresses or "added" in handles
        return Learnt(
            lead,
            Learning.UPDATED if changed else Learning.UNCHANGED,
            conflicts=addresses.count("conflict") + handles.count("conflict"),
            unusable=sum(address.value is None for address in contact.addresses),
        )

    def _fill(self, lead: str, contact: Contact, now: datetime) -> bool:
        return bool(
            self._db.execute(
                "UPDATE leads SET name = coalesce(name, :name),"
                " company = coalesce(company, :company), updated_at = :now"
                " WHERE id = :lead AND (name IS NULL AND :name IS NOT NULL"
                " OR company IS NULL AND :company IS NOT NULL)",
                {
                    "lead": lead,
                    "name": contact.name,
                    "company": contact.company,
                    "now": to_text(now),
                },
            ).rowcount
        )

    def _add_address(self, workspace: str, lead: str, address: Address) -> str:
        owner = self._owner_of_address(workspace, address) if address.value else None
        if owner == lead:
            return "known"
        value = None if owner else address.value
        if value is None and self._db.row(
            "SELECT 1 FROM addresses WHERE lead_id = ? AND kind = ? AND raw = ?",
            (lead, address.kind, address.raw),
        ):
            return "conflict" if owner else "known"
        self._db.execute(
            "INSERT INTO addresses (lead_id, workspace, kind, value, raw) VALUES (?, ?, ?, ?, ?)",
            (lead, workspace, address.kind, value, address.raw),
        )
        return "conflict" if owner else "added"

    def _add_handle(self, workspace: str, lead: str, handle: Handle) -> str:
        owner = self._owner_of_handle(workspace, handle)
        if owner is not None:
            return "known" if owner == lead else "conflict"
        self._db.execute(
            "INSERT INTO handles (external_id, provider, workspace, lead_id) VALUES (?, ?, ?, ?)",
            (handle.external_id, handle.provider, workspace, lead),
        )
        return "added"

    def _open_channels(
        self, workspace: str, lead: str, contact: Contact, channels: Channels
    ) -> None:
        opened = {c for a in contact.addresses if a.value for c in _OPENS[a.kind]}
        opened |= {channels[h.provider] for h in contact.handles if h.provider in channels}
        self._db.executemany(
            "INSERT OR IGNORE INTO lead_syncs (lead_id, channel, workspace) VALUES (?, ?, ?)",
            [(lead, channel, workspace) for channel in sorted(opened)],
        )


def _without(contact: Contact, gone: frozenset[Name]) -> Contact:
    """A contact without those of its addresses and handles that may not be stored."""
    if not gone:
        return contact
    return replace(
        contact,
        addresses=tuple(each for each in contact.addresses if each not in gone),
        handles=tuple(each for each in contact.handles if each not in gone),
    )


def _is_only(lead: Lead, told: Contact) -> bool:
    """Whether a lead is nobody but who was forgotten: nothing but an id of a provider's is its.

    ``told`` is what is left of what the provider told about it. A mail address that was not
    forgotten makes it another person, who shares a phone.
    """
    own = any(address.value for address in lead.addresses)
    return not own and not any(a.value and a.kind == AddressKind.EMAIL for a in told.addresses)


def _differs(lead: Lead | None, contact: Contact) -> bool:
    """Whether a lead found by phone is another person than the contact."""
    if lead is None:
        return False
    known = {a.value for a in lead.addresses if a.kind == AddressKind.EMAIL} - {None}
    told = {a.value for a in contact.addresses if a.kind == AddressKind.EMAIL} - {None}
    providers = {handle.provider for handle in lead.handles}
    return bool(known and told) or any(h.provider in providers for h in contact.handles)
