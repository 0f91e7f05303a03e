"""Imported messages: stored once by their fingerprints, beside or as what a sync has brought."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.engines.sqlite.messagerows import FIELDS, fields, message
from convsync_cli.sync.engines.sqlite.rollups import Rollups
from convsync_cli.sync.imports import KnownHere, plan
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.merge import EMAIL_SLACK, Known
from convsync_cli.sync.model.imported import TakenIn, fingerprint
from convsync_cli.sync.model.message import Message

_KNOWN = f"""
SELECT id, fingerprint, {FIELDS} FROM messages INDEXED BY messages_lead
WHERE lead_id = :lead
  AND (sent_at BETWEEN :first AND :last
       OR fingerprint IN (SELECT value FROM json_each(:fingerprints))
       OR message_id IN (SELECT value FROM json_each(:mails)))
"""

_INSERT = f"""
INSERT INTO messages (workspace, lead_id, seen_at, updated_at, fingerprint, {FIELDS})
VALUES (?1, ?2, ?3, ?3, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_UPDATE = f"""
UPDATE messages SET fingerprint = ?, updated_at = ?,
    ({FIELDS}) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
WHERE id = ?
"""


class SqliteHistory:
    """``History`` over the table ``messages``."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._rollups = Rollups(connection)

    def take_in(
        self, workspace: str, lead: str, messages: Sequence[Message], now: datetime
    ) -> TakenIn:
        """Store what is not stored yet; see ``History.take_in``."""
        moment = to_text(now)
        imported = {fingerprint(lead, each): each for each in messages}
        with self._db.transaction():
            intake = plan(self._known(lead, imported), imported)
            self._db.executemany(
                _INSERT,
                [(workspace, lead, moment, key, *fields(m)) for key, m in intake.new.items()],
            )
            self._db.executemany(
                _UPDATE,
                [
                    (key, moment, *fields(known.message), known.row)
                    for key, known in intake.matched.items()
                ],
            )
            if intake.new or intake.matched:
                self._rollups.count_anew(lead)
        added, matched = len(intake.new), len(intake.matched)
        return TakenIn(added, matched, len(messages) - added - matched)

    def _known(self, lead: str, imported: Mapping[str, Message]) -> Iterator[KnownHere]:
        """The stored messages of a lead that one of the imported ones could be."""
        sent = [each.sent_at for each in imported.values() if each.sent_at is not None]
        wanted = {
            "lead": lead,
            "first": to_text(min(sent) - EMAIL_SLACK) if sent else None,
            "last": to_text(max(sent) + EMAIL_SLACK) if sent else None,
            "fingerprints": json.dumps(list(imported)),
            "mails": json.dumps([m.message_id for m in imported.values() if m.message_id]),
        }
        for row in self._db.rows(_KNOWN, wanted):
            yield KnownHere(Known(row[0], message(row[2:])), row[1])
