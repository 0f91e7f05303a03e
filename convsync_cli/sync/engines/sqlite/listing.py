"""Lists of leads: the questions that operators ask, each answered from an index, batch by batch.

The rarest thing asked for leads the statement and decides the order: who has waited longest for a
reply, which conversation has been quiet longest, else who was added first. The rest are conditions.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from convsync_cli.sync.engines.sqlite.connection import Connection, Row
from convsync_cli.sync.engines.sqlite.named import named
from convsync_cli.sync.engines.sqlite.rollups import ALL
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.listing import LeadFilter, Listed, Place
from convsync_cli.sync.model.message import Channel

_TOLD = "LEFT JOIN rollups AS told ON told.lead_id = leads.id AND told.channel = :scope"


class _Lead(NamedTuple):
    """What leads a statement: its tables, its condition, the key behind which it goes on, and its
    order. The order is that of the index, so that nothing is sorted."""

    tables: str
    where: str
    key: str
    order: str


def _by_moment(index: str, column: str, where: str) -> _Lead:
    return _Lead(
        f"rollups AS told INDEXED BY {index} CROSS JOIN leads ON leads.id = told.lead_id",
        f"told.channel = :scope AND {where} AND (told.{column}, told.lead_id) > (:key, :after)",
        f"told.{column}, told.lead_id",
        f"ORDER BY told.{column}, told.lead_id",
    )


def _by_read(index: str, where: str) -> _Lead:
    """Behind an index that has a row for each channel; a lead comes once."""
    return _Lead(
        f"lead_syncs AS read INDEXED BY {index}"
        f" CROSS JOIN leads ON leads.id = read.lead_id {_TOLD}",
        f"{where} AND read.lead_id > :after",
        "'', read.lead_id",
        "GROUP BY read.lead_id ORDER BY read.lead_id",
    )


# (The condition of a partial index must stand in the statement word for word.)
_AWAITING = _by_moment(
    "rollups_awaiting",
    "last_inbound_at",
    "told.last_inbound_at >= coalesce(told.last_outbound_at, '')",
)
_QUIET = _by_moment("rollups_quiet", "last_at", "told.last_at < :quiet_since")
_NEVER = _by_read("lead_syncs_never", "read.synced_at IS NULL")
_FAILED = _by_read("lead_syncs_failed", "read.error_code IS NOT NULL")
_OF_WORKSPACE = _Lead(
    f"leads INDEXED BY leads_workspace {_TOLD}",
    "leads.workspace = :workspace AND leads.id > :after",
    "'', leads.id",
    "ORDER BY leads.id",
)
_EVERY = _Lead(f"leads {_TOLD}", "leads.id > :after", "'', leads.id", "ORDER BY leads.id")

_READS = (
    "SELECT 1 FROM lead_syncs WHERE lead_id = leads.id AND (:channel IS NULL OR channel = :channel)"
)

# Whether any channel of any lead was not read since a moment: two seeks for each workspace and
# channel.
_UNREAD = """
WITH RECURSIVE place (workspace) AS (
    SELECT min(workspace) FROM lead_syncs INDEXED BY lead_syncs_age
    UNION ALL
    SELECT (SELECT min(workspace) FROM lead_syncs INDEXED BY lead_syncs_age
            WHERE workspace > place.workspace)
    FROM place WHERE workspace IS NOT NULL
)
SELECT 1 FROM place CROSS JOIN json_each(:channels) AS wanted
WHERE (:workspace IS NULL OR place.workspace = :workspace)
  AND (EXISTS (SELECT 1 FROM lead_syncs INDEXED BY lead_syncs_age
               WHERE workspace = place.workspace AND channel = wanted.value AND synced_at IS NULL)
       OR EXISTS (SELECT 1 FROM lead_syncs INDEXED BY lead_syncs_age
                  WHERE workspace = place.workspace AND channel = wanted.value
                    AND synced_at < :since))
LIMIT 1
"""


class SqliteListing:
    """``Listing`` over ``leads``, ``rollups`` and ``lead_syncs``."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def leads(self, wanted: LeadFilter, after: Place, limit: int) -> list[Listed]:
        """The next leads of a list; see ``Listing``."""
        rows = self._db.rows(*_statement(wanted, after, limit))
        leads = named(self._db, [row[:4] for row in rows])
        return [_listed(lead, row) for lead, row in zip(leads, rows, strict=True)]

    def any_unread(self, wanted: LeadFilter) -> bool:
        """Whether too little was read of somebody to call them silent; see ``Listing``."""
        if wanted.quiet_since is None and wanted.replied is not False:
            return False
        asked = {
            "workspace": wanted.workspace,
            "channels": json.dumps([wanted.channel] if wanted.channel else list(Channel)),
            "since": to_text(wanted.quiet_since) if wanted.quiet_since else "",
        }
        return self._db.row(_UNREAD, asked) is not None


def _statement(wanted: LeadFilter, after: Place, limit: int) -> tuple[str, dict[str, Any]]:
    lead = _leading(wanted)
    where = " AND ".join([lead.where, *_conditions(wanted)])
    sql = (
        "SELECT leads.id, leads.workspace, leads.name, leads.company,"
        " coalesce(told.messages, 0), told.last_inbound_at, told.last_outbound_at,"
        " (SELECT iif(count(*) = count(synced_at), min(synced_at), NULL) FROM lead_syncs"
        "  WHERE lead_id = leads.id AND (:channel IS NULL OR channel = :channel)),"
        f" {lead.key} FROM {lead.tables} WHERE {where}"
        f" {lead.order} LIMIT :limit"
    )
    asked = {
        "workspace": wanted.workspace,
        "channel": wanted.channel,
        "scope": wanted.channel or ALL,
        "quiet_since": wanted.quiet_since and to_text(wanted.quiet_since),
        "key": after.key,
        "after": after.lead,
        "limit": limit,
    }
    return sql, asked


def _leading(wanted: LeadFilter) -> _Lead:
    if wanted.awaiting_reply:
        return _AWAITING
    if wanted.failed:
        return _FAILED
    if wanted.never_synced:
        return _NEVER
    if wanted.quiet_since:
        return _QUIET
    return _OF_WORKSPACE if wanted.workspace else _EVERY


def _conditions(wanted: LeadFilter) -> Iterator[str]:
    """All that is asked for; what already leads the statement is cheap to say twice."""
    if wanted.workspace:
        yield "leads.workspace = :workspace"
    if wanted.channel:
        yield f"EXISTS ({_READS})"
    if wanted.awaiting_reply:
        yield "told.last_inbound_at >= coalesce(told.last_outbound_at, '')"
    if wanted.quiet_since:
        yield "told.last_at < :quiet_since"
    if wanted.never_synced:
        yield f"EXISTS ({_READS} AND synced_at IS NULL)"
    if wanted.failed:
        yield f"EXISTS ({_READS} AND error_code IS NOT NULL)"
    if wanted.replied is not None:
        yield f"coalesce(told.inbound, 0) {'>' if wanted.replied else '='} 0"
    yield from _read(wanted)


def _read(wanted: LeadFilter) -> list[str]:
    """What must have been read before somebody may be called silent."""
    if wanted.quiet_since:
        return [f"NOT EXISTS ({_READS} AND (synced_at IS NULL OR synced_at < :quiet_since))"]
    if wanted.replied is False:
        return [f"EXISTS ({_READS})", f"NOT EXISTS ({_READS} AND synced_at IS NULL)"]
    return []


def _listed(lead: Lead, row: Row) -> Listed:
    messages, last_in, last_out, synced_at, key, after = row[4:]
    return Listed(lead, messages, last_in, last_out, synced_at, Place(key, after))
