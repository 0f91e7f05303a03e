"""How far each account's change feed has been read, and which leads that makes current."""

from datetime import datetime

from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.instant import from_text, to_text
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.feed import Covers, Feed
from convsync_cli.sync.model.load import Load
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.model.progress import WalkEnd

_SAVE_WALK = """
INSERT INTO feeds (workspace, channel, provider, cursor, walk_started_at, left_out)
VALUES (:workspace, :channel, :provider, :cursor, :started_at, :left_out)
ON CONFLICT DO UPDATE SET
    watermark = iif(provider = :provider, watermark, NULL),
    synced_at = iif(provider = :provider, synced_at, NULL),
    provider = :provider, cursor = :cursor, walk_started_at = :started_at, left_out = :left_out
"""

_FINISH = """
INSERT INTO feeds (workspace, channel, provider, watermark, walk_started_at, synced_at, outcome)
VALUES (:workspace, :channel, :provider, :watermark, :started_at, :started_at, 'synced')
ON CONFLICT DO UPDATE SET
    provider = :provider, watermark = :watermark, cursor = NULL, walk_started_at = :started_at,
    synced_at = :started_at, outcome = 'synced', error_code = NULL
"""

_FAIL = """
INSERT INTO feeds (workspace, channel, provider, outcome, error_code)
VALUES (:workspace, :channel, :provider, 'failed', :code)
ON CONFLICT DO UPDATE SET outcome = 'failed', error_code = :code
"""

# Cover: whom a walk through everything told all of. Of leads that were added while it went on only
# those that it added itself: the others may stand on a page that it had passed.
_COVER = """
UPDATE lead_syncs SET
    synced_at = :started_at, cursor = NULL, error_code = NULL,
    outcome = iif(EXISTS (SELECT 1 FROM messages INDEXED BY messages_lead
                          WHERE messages.lead_id = lead_syncs.lead_id
                            AND messages.channel = lead_syncs.channel)
                  OR EXISTS (SELECT 1 FROM handles WHERE handles.lead_id = lead_syncs.lead_id
                             AND handles.provider = :provider), 'synced', 'not_found')
WHERE workspace = :workspace AND channel = :channel
  AND (synced_at IS NULL OR synced_at < :started_at)
  AND (outcome IS :found OR (SELECT created_at FROM leads WHERE id = lead_id) <= :started_at)
  AND (:everybody OR EXISTS (SELECT 1 FROM handles WHERE handles.lead_id = lead_syncs.lead_id
                             AND handles.provider = :provider))
"""

_UNTRIED = """
SELECT count(*) FROM (
    SELECT 1 FROM lead_syncs INDEXED BY lead_syncs_age
    WHERE workspace = :workspace AND channel = :channel AND synced_at IS NULL AND outcome IS NULL
    LIMIT :most)
"""

_LOAD = """
SELECT count(*), total(synced_at IS NULL), total(synced_at IS NULL AND outcome IS NULL),
       total(messages), total(max(0, (messages - 1) / :page))
FROM (SELECT synced_at, outcome,
             (SELECT count(*) FROM messages INDEXED BY messages_lead
              WHERE messages.lead_id = lead_syncs.lead_id
                AND messages.channel = lead_syncs.channel) AS messages
      FROM lead_syncs INDEXED BY lead_syncs_age
      WHERE workspace = :workspace AND channel = :channel
      LIMIT -1)  -- keeps the planner from counting each conversation twice
"""


class SqliteFeeds:
    """``Feeds`` over the table ``feeds``."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def feed(self, account: Account) -> Feed:
        """Where an account's feed stands; see ``Feeds``."""
        row = self._db.row(
            "SELECT watermark, cursor, walk_started_at, synced_at, outcome, error_code, left_out"
            " FROM feeds WHERE workspace = :workspace AND channel = :channel"
            " AND provider = :provider",
            _named(account),
        )
        if row is None:
            return Feed()
        watermark, cursor, started_at, synced_at, outcome, code, left_out = row
        return Feed(
            watermark,
            cursor,
            from_text(started_at) if started_at else None,
            from_text(synced_at) if synced_at else None,
            WalkEnd(outcome) if outcome else None,
            code,
            left_out,
        )

    def load(self, account: Account, page: int) -> Load:
        """How much there is to read on the account's channel; see ``Feeds.load``."""
        (row,) = self._db.rows(_LOAD, _named(account) | {"page": page})
        return Load(*map(int, row))

    def untried(self, account: Account, most: int) -> int:
        """How many leads nobody tried to read on the channel; see ``Feeds.untried``."""
        return int(self._db.value(_UNTRIED, _named(account) | {"most": most}))

    def save_walk(
        self, account: Account, started_at: datetime, cursor: str | None, left_out: int
    ) -> None:
        """Write down how far a walk has come; see ``Feeds``."""
        told = {"started_at": to_text(started_at), "cursor": cursor, "left_out": left_out}
        with self._db.transaction():
            self._db.execute(_SAVE_WALK, _named(account) | told)

    def finish(
        self, account: Account, started_at: datetime, watermark: str, covers: Covers
    ) -> None:
        """Write down that a walk has come to its end; see ``Feeds``."""
        told = _named(account) | {
            "started_at": to_text(started_at),
            "watermark": watermark,
            "found": WalkEnd.FOUND,
            "everybody": covers is Covers.EVERYBODY,
        }
        with self._db.transaction():
            self._db.execute(_FINISH, told)
            if covers is not Covers.NOBODY:
                self._db.execute(_COVER, told)

    def fail(self, account: Account, code: str) -> None:
        """Write down that a walk was ended by an error; see ``Feeds``."""
        with self._db.transaction():
            self._db.execute(_FAIL, _named(account) | {"code": code})

    def found(self, lead: str, channel: Channel) -> None:
        """Remember that a walk through everything made a lead; see ``Feeds``."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE lead_syncs SET outcome = ? WHERE lead_id = ? AND channel = ?"
                " AND synced_at IS NULL",
                (WalkEnd.FOUND, lead, channel),
            )


def _named(account: Account) -> dict[str, object]:
    return {
        "workspace": account.workspace,
        "channel": account.channel,
        "provider": account.provider,
    }
