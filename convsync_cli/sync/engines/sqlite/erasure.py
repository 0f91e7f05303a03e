"""Forgetting people: their rows go in one transaction, then what is left of them in the file.

House rules: what was deleted can still be read in the file. ``secure_delete`` overwrites the row,
but not the copies that a page kept when its rows moved to another (measured: of 26 of 50 people
something was left), nor what the full text index keeps until its segments are merged. So after the
rows are gone the index is merged, the file is written anew (VACUUM), and the log is cut to nothing.
That takes as long as the file is large, can be cut short at any place and done again, and until it
was done to its end ``unfinished`` says so.
"""

import os
import re
from collections.abc import Sequence

from convsync_cli.sync import addresses
from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.engines.sqlite.forgotten import Forgotten
from convsync_cli.sync.engines.sqlite.leads import SqliteLeads
from convsync_cli.sync.model.address import Address, AddressKind
from convsync_cli.sync.model.belongings import Belongings
from convsync_cli.sync.model.lead import Contact, Lead

# The rest goes with the lead: its addresses, handles, cursors and rollups; attempts with their job.
_ERASE = (
    "DELETE FROM jobs WHERE lead_id = ?",
    "DELETE FROM messages WHERE lead_id = ?",
    "DELETE FROM leads WHERE id = ?",
)

_FEWEST_DIGITS = 7  # that make a phone number recognisable without its country


class SqliteErasure:
    """``Erasure`` over all tables."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._leads = SqliteLeads(connection)
        self._forgotten = Forgotten(connection)

    def belongings(self, lead: str) -> Belongings | None:
        """What goes when a lead is forgotten; None where there is no such lead."""
        known = self._leads.lead(lead)
        if known is None:
            return None
        messages = self._db.rows(
            "SELECT channel, count(*) FROM messages INDEXED BY messages_lead"
            " WHERE lead_id = ? GROUP BY channel ORDER BY channel DESC",
            (lead,),
        )
        jobs = self._db.value("SELECT count(*) FROM jobs WHERE lead_id = ?", (lead,))
        return Belongings(known, dict(messages), jobs)

    def forget(self, leads: Sequence[str]) -> list[str]:
        """Erase leads with all that is theirs, and keep hashes; see ``Erasure``."""
        self._db.execute("PRAGMA secure_delete=ON")
        with self._db.transaction():
            wanted = dict.fromkeys(leads)  # each once
            known = [lead for each in wanted if (lead := self._leads.lead(each)) is not None]
            for lead in known:
                self._erase(lead)
            self._db.execute("UPDATE forgetting SET unfinished = 1 WHERE ?", (bool(known),))
        return [lead.id for lead in known]

    def recall(self, workspace: str, contact: Contact) -> bool:
        """Let somebody back in who was forgotten; see ``Erasure``."""
        with self._db.transaction():
            return self._forgotten.recall(workspace, contact)

    @property
    def unfinished(self) -> bool:
        """Whether something of a forgotten lead may still be read in the file."""
        return bool(self._db.value("SELECT unfinished FROM forgetting"))

    def scrub(self) -> bool:
        """Leave nothing of what was erased in the file and its log; see ``Erasure``."""
        self._db.execute("PRAGMA secure_delete=ON")
        with self._db.transaction():
            self._db.execute("INSERT INTO messages_fts (messages_fts) VALUES ('optimize')")
        self._work_beside_the_file()
        self._db.execute("VACUUM")
        clean = self._db.checkpoint(self._db.patience_ms)
        if clean:
            with self._db.transaction():
                self._db.execute("UPDATE forgetting SET unfinished = 0")
        return clean

    def _erase(self, lead: Lead) -> None:
        contact = Contact(addresses=lead.addresses, handles=lead.handles)
        self._forgotten.remember(lead.workspace, contact)
        self._let_others_forget(lead)
        for statement in _ERASE:
            self._db.execute(statement, (lead.id,))

    def _let_others_forget(self, lead: Lead) -> None:
        """Erase the lead's addresses where other leads hold them as text, having been told them."""
        for address in lead.addresses:
            if address.value is None:
                continue  # says nothing about whom it belongs to
            held = self._db.rows(
                "SELECT id, raw FROM addresses INDEXED BY addresses_value"
                " WHERE value IS NULL AND kind = ? AND workspace = ?",
                (address.kind, lead.workspace),
            )
            self._db.executemany(
                "DELETE FROM addresses WHERE id = ?",
                [(id,) for id, raw in held if _same(address, raw)],
            )

    def _work_beside_the_file(self) -> None:
        """Keep the copy that VACUUM makes out of memory, and on the disk that has to hold it.

        The pragma is deprecated and has no successor that works after the library was loaded; where
        it was left out, SQLite takes the system's own place.
        """
        folder = os.path.dirname(os.path.abspath(self._db.path)).replace("'", "''")
        self._db.execute(f"PRAGMA temp_store_directory='{folder}'")
        self._db.execute("PRAGMA temp_store=FILE")


def _same(address: Address, raw: str) -> bool:
    """Whether a text that finds nobody is a usable address, however it was typed."""
    if address.kind == AddressKind.EMAIL:
        return addresses.mail_value(raw) == address.value
    digits = re.sub(r"\D", "", raw).lstrip("0")
    return len(digits) >= _FEWEST_DIGITS and str(address.value).endswith(digits)
