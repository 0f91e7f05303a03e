"""Who was forgotten: keyed hashes of their addresses and handles, and nothing that can be read.

The key is random and made when somebody is first forgotten. Who has the database can still find out
whether an address that they know was forgotten; that is what the hashes are for.
"""

import hmac
import json
import os

from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.model.address import Address
from convsync_cli.sync.model.lead import Contact, Handle

Name = Address | Handle  # what a person is found by

_HASHES = "(SELECT value FROM json_each(?))"


class Forgotten:
    """The table ``forgotten``, asked by whoever learns about people."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def among(self, workspace: str, contact: Contact) -> frozenset[Name]:
        """Those of a contact's addresses and handles that were somebody's who was forgotten."""
        key = self._key()
        if key is None:
            return frozenset()
        names = {_hash(key, workspace, name): name for name in _names(contact)}
        rows = self._db.rows(
            f"SELECT DISTINCT hash FROM forgotten WHERE hash IN {_HASHES}",
            (json.dumps(list(names)),),
        )
        return frozenset(names[hash] for (hash,) in rows)

    def remember(self, workspace: str, contact: Contact) -> None:
        """Keep the hashes of a person who is being forgotten."""
        key = self._key() or self._new_key()
        person = os.urandom(8).hex()
        self._db.executemany(
            "INSERT OR IGNORE INTO forgotten (hash, person) VALUES (?, ?)",
            [(_hash(key, workspace, name), person) for name in _names(contact)],
        )

    def recall(self, workspace: str, contact: Contact) -> bool:
        """Let everybody back in whom one of a contact's names means; whether there was anybody."""
        key = self._key()
        if key is None:
            return False
        hashes = json.dumps([_hash(key, workspace, name) for name in _names(contact)])
        return bool(
            self._db.execute(
                "DELETE FROM forgotten WHERE person IN"
                f" (SELECT person FROM forgotten WHERE hash IN {_HASHES})",
                (hashes,),
            ).rowcount
        )

    def _key(self) -> bytes | None:
        key: bytes | None = self._db.value("SELECT key FROM forgetting WHERE id = 1")
        return key

    def _new_key(self) -> bytes:
        key = os.urandom(32)
        self._db.execute("INSERT INTO forgetting (id, key) VALUES (1, ?)", (key,))
        return key


def _names(contact: Contact) -> tuple[Name, ...]:
    """All that a contact is found by; what was typed counts only where there is nothing better."""
    usable = tuple(address for address in contact.addresses if address.value is not None)
    return (*usable, *contact.handles) or contact.addresses


def _hash(key: bytes, workspace: str, name: Name) -> str:
    match name:
        case Handle(provider, external_id):
            told = ("handle", provider, external_id)
        case Address(kind, raw, None):
            told = ("as typed", kind, raw)
        case Address(kind, _, str(value)):
            told = ("address", kind, value)
    return hmac.digest(key, json.dumps([workspace, *told]).encode(), "sha256").hex()
