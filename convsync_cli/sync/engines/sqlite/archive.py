"""The archive: a page of messages and the cursor behind it are saved together or not at all."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain

from convsync_cli.sync.engines.sqlite import reading, search
from convsync_cli.sync.engines.sqlite.connection import Connection, Row
from convsync_cli.sync.engines.sqlite.messagerows import FIELDS, STORED, fields, message, stored
from convsync_cli.sync.engines.sqlite.rollups import Rollups
from convsync_cli.sync.instant import from_text, to_text
from convsync_cli.sync.merge import Changes, Known, plan
from convsync_cli.sync.model.arrival import Arrival
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Channel, Message
from convsync_cli.sync.model.progress import LeadSync, Saved, Stored, Walk, WalkEnd
from convsync_cli.sync.model.reading import EVERY, Findings, MessageFilter, Phrase

# Three seeks: by provider id in the whole workspace (a message is stored once, whichever lead it
# came with first), by Message-ID and without an id in this conversation.
_KNOWN = f"""
SELECT id, {FIELDS} FROM messages INDEXED BY messages_external
WHERE workspace = :workspace AND provider = :provider
  AND external_id IN (SELECT value FROM json_each(:ids))
UNION
SELECT id, {FIELDS} FROM messages INDEXED BY messages_lead
WHERE lead_id = :lead AND channel = :channel
  AND (external_id IS NULL OR message_id IN (SELECT value FROM json_each(:mails)))
"""

# One statement for many rows: the full text index is written out after each.
_INSERT = f"INSERT INTO messages (workspace, lead_id, seen_at, updated_at, {FIELDS}) VALUES "
_ROW = "(?1, ?2, ?3, ?3, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ROWS_AT_ONCE = 100  # as many as a page mostly has; SQLite would take 2,000

_UPDATE = f"""
UPDATE messages SET updated_at = ?, ({FIELDS}) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
WHERE id = ?
"""

# An id that goes from one row to another is held by neither in between.
_LET_GO = "UPDATE messages SET external_id = NULL WHERE id = ?"

# Both write nothing about a lead that was forgotten meanwhile.
_SAVE_WALK = """
INSERT INTO lead_syncs (lead_id, channel, workspace, cursor, walk_started_at, left_out, synced_at,
                        outcome)
SELECT id, :channel, :workspace, :cursor, :started_at, :left_out, :synced_at,
       iif(:synced_at IS NULL, NULL, 'synced')
FROM leads WHERE id = :lead
ON CONFLICT DO UPDATE SET
    cursor = excluded.cursor, walk_started_at = excluded.walk_started_at,
    left_out = excluded.left_out, synced_at = coalesce(excluded.synced_at, synced_at),
    outcome = coalesce(excluded.outcome, outcome),
    error_code = iif(excluded.synced_at IS NULL, error_code, NULL)
"""

_FINISH = """
INSERT INTO lead_syncs (lead_id, channel, workspace, synced_at, outcome, error_code)
SELECT id, :channel, :workspace, :synced_at, :outcome, :code FROM leads WHERE id = :lead
ON CONFLICT DO UPDATE SET
    synced_at = coalesce(excluded.synced_at, synced_at),
    cursor = iif(excluded.synced_at IS NULL, cursor, NULL),
    outcome = excluded.outcome, error_code = excluded.error_code
"""

_COUNT_ALL = """
SELECT count(*) FROM messages INDEXED BY messages_external
WHERE workspace = ?1 AND provider = ?2 AND external_id IS NOT NULL AND ?3 IS NULL
"""
_COUNT = """
SELECT count(*) FROM messages INDEXED BY messages_lead
WHERE lead_id = ?3 AND workspace = ?1 AND provider = ?2 AND external_id IS NOT NULL
"""
_UNREAD = """
SELECT count(*) FROM lead_syncs INDEXED BY lead_syncs_age
WHERE workspace = ? AND channel = ? AND synced_at IS NULL
"""

_ARRIVALS = """
SELECT messages.id, messages.workspace, lead_id, sent_at, leads.created_at
FROM messages CROSS JOIN leads ON leads.id = lead_id
WHERE messages.id > ? AND direction = 'inbound' ORDER BY messages.id
"""


class SqliteArchive:
    """``Archive`` over the tables ``messages`` and ``lead_syncs``."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._rollups = Rollups(connection)

    def save_page(
        self,
        lead: Lead,
        channel: Channel,
        messages: Sequence[Message],
        walk: Walk,
        now: datetime,
        synced_at: datetime | None = None,
    ) -> Saved:
        """Store what a page changes, and how far the walk has come; see ``Archive``."""
        with self._db.transaction():
            saved = self._db.execute(
                _SAVE_WALK,
                {
                    "lead": lead.id,
                    "channel": channel,
                    "workspace": lead.workspace,
                    "cursor": walk.cursor,
                    "started_at": to_text(walk.started_at),
                    "left_out": walk.left_out,
                    "synced_at": synced_at and to_text(synced_at),
                },
            )
            return self._save(lead, channel, messages, now) if saved.rowcount else Saved()

    def save_messages(
        self, lead: Lead, channel: Channel, messages: Sequence[Message], now: datetime
    ) -> Saved:
        """Store what messages change; see ``Archive.save_messages``."""
        with self._db.transaction():
            known = self._db.row("SELECT 1 FROM leads WHERE id = ?", (lead.id,))
            return self._save(lead, channel, messages, now) if known else Saved()

    def _save(
        self, lead: Lead, channel: Channel, messages: Sequence[Message], now: datetime
    ) -> Saved:
        known = list(self._known(lead, channel, messages))
        changes = plan(known, messages)
        self._store(lead, known, changes, now)
        self._rollups.follow(lead.id, known, changes, now)
        return Saved(len(changes.new), len(changes.changed), changes.unchanged, changes.healed)

    def finish(
        self,
        lead: Lead,
        channel: Channel,
        *,
        outcome: WalkEnd,
        synced_at: datetime | None = None,
        code: str | None = None,
    ) -> None:
        """Write down how a channel's read ended; see ``Archive``."""
        with self._db.transaction():
            self._db.execute(
                _FINISH,
                {
                    "lead": lead.id,
                    "channel": channel,
                    "workspace": lead.workspace,
                    "synced_at": synced_at and to_text(synced_at),
                    "outcome": outcome,
                    "code": code,
                },
            )

    def syncs(self, lead: str) -> dict[Channel, LeadSync]:
        """How far each channel of a lead has been read."""
        rows = self._db.rows(
            "SELECT channel, cursor, walk_started_at, synced_at, outcome, error_code, left_out,"
            " with_history FROM lead_syncs WHERE lead_id = ? ORDER BY channel DESC",
            (lead,),
        )
        return {Channel(row[0]): _lead_sync(row[1:]) for row in rows}

    def count(self, workspace: str, provider: str, lead: str | None) -> int:
        """How many messages of a provider are stored; see ``Archive.count``."""
        return int(
            self._db.value(_COUNT_ALL if lead is None else _COUNT, (workspace, provider, lead))
        )

    def unread(self, workspace: str, channel: str) -> int:
        """How many leads were never read to the end on a channel."""
        return int(self._db.value(_UNREAD, (workspace, channel)))

    def newest(self) -> int:
        """The number of the message that was stored last; see ``Archive.newest``."""
        return int(self._db.value("SELECT coalesce(max(id), 0) FROM messages"))

    def arrivals(self, after: int) -> list[Arrival]:
        """The inbound messages stored since; see ``Archive.arrivals``."""
        return [
            Arrival(id, workspace, lead, from_text(sent) if sent else None, from_text(since))
            for id, workspace, lead, sent, since in self._db.rows(_ARRIVALS, (after,))
        ]

    def message(self, number: int) -> Stored | None:
        """One message, or None."""
        row = self._db.row(
            f"SELECT {STORED} FROM messages WHERE id = ?",
            (number,),
        )
        return stored(row) if row else None

    def conversation(
        self, lead: str, wanted: MessageFilter = EVERY, last: int | None = None
    ) -> Iterator[Stored]:
        """A lead's messages, oldest first; see ``Archive``."""
        return reading.conversation(self._db, lead, wanted, last)

    def messages(self, wanted: MessageFilter = EVERY) -> Iterator[Stored]:
        """The messages that fit a filter, streamed in the order of storing."""
        return reading.messages(self._db, wanted)

    def search(self, phrases: Sequence[Phrase], wanted: MessageFilter, limit: int) -> Findings:
        """The messages in which all phrases stand; see ``Archive``."""
        return search.search(self._db, phrases, wanted, limit)

    def _known(self, lead: Lead, channel: Channel, messages: Sequence[Message]) -> Iterator[Known]:
        for provider in {each.provider for each in messages}:
            wanted = {
                "workspace": lead.workspace,
                "lead": lead.id,
                "channel": channel,
                "provider": provider,
                "ids": json.dumps([m.external_id for m in messages]),
                "mails": json.dumps([m.message_id for m in messages if m.message_id]),
            }
            for row in self._db.rows(_KNOWN, wanted):
                yield Known(row[0], message(row[1:]))

    def _store(self, lead: Lead, known: Sequence[Known], changes: Changes, now: datetime) -> None:
        if changes.changed:
            self._bring_up_to_date(known, changes.changed, now)
        for first in range(0, len(changes.new), _ROWS_AT_ONCE):
            rows = [fields(m) for m in changes.new[first : first + _ROWS_AT_ONCE]]
            self._db.execute(
                _INSERT + ", ".join([_ROW] * len(rows)),
                (lead.workspace, lead.id, to_text(now), *chain.from_iterable(rows)),
            )

    def _bring_up_to_date(
        self, known: Sequence[Known], changed: Sequence[Known], now: datetime
    ) -> None:
        ids = {each.row: each.message.external_id for each in known}
        moved = [(each.row,) for each in changed if each.message.external_id != ids[each.row]]
        if moved:
            self._db.executemany(_LET_GO, moved)
        moment = to_text(now)
        self._db.executemany(
            _UPDATE, [(moment, *fields(each.message), each.row) for each in changed]
        )


def _lead_sync(row: Row) -> LeadSync:
    cursor, started_at, synced_at, outcome, code, left_out, with_history = row
    return LeadSync(
        cursor,
        from_text(started_at) if started_at else None,
        from_text(synced_at) if synced_at else None,
        WalkEnd(outcome) if outcome else None,
        code,
        left_out,
        bool(with_history),
    )
