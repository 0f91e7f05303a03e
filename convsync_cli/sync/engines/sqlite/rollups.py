"""Counts and last moments of each lead's messages, kept in the transaction that stores them.

One row for each channel, and one over all of them under the channel ''. New messages are added to
it; where a stored one moved in time or direction, its lead is counted anew. A message without a
date counts by when it was first seen.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.merge import Changes, Known
from convsync_cli.sync.model.message import Direction, Message

ALL = ""  # the channel of the row over all channels

_ADD = """
INSERT INTO rollups (lead_id, channel, messages, inbound, outbound,
                     last_inbound_at, last_outbound_at, last_at)
VALUES (?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''), ?)
ON CONFLICT DO UPDATE SET
    messages = messages + excluded.messages,
    inbound = inbound + excluded.inbound,
    outbound = outbound + excluded.outbound,
    last_inbound_at = nullif(max(coalesce(last_inbound_at, ''),
                                 coalesce(excluded.last_inbound_at, '')), ''),
    last_outbound_at = nullif(max(coalesce(last_outbound_at, ''),
                                  coalesce(excluded.last_outbound_at, '')), ''),
    last_at = max(last_at, excluded.last_at)
"""

_MOVED = "SELECT DISTINCT lead_id FROM messages WHERE id IN (SELECT value FROM json_each(?))"

_COUNT_ANEW = """
INSERT INTO rollups (lead_id, channel, messages, inbound, outbound,
                     last_inbound_at, last_outbound_at, last_at)
SELECT lead_id, scope, count(*), sum(direction = 'inbound'), sum(direction = 'outbound'),
       max(iif(direction = 'inbound', moment, NULL)),
       max(iif(direction = 'outbound', moment, NULL)), max(moment)
FROM (SELECT lead_id, direction, coalesce(sent_at, seen_at) AS moment, scopes.value AS scope
      FROM messages INDEXED BY messages_lead
      CROSS JOIN json_each(json_array(channel, '')) AS scopes
      WHERE lead_id = ?)
GROUP BY scope
"""


class Rollups:
    """The table ``rollups``, kept by the archive."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def follow(self, lead: str, known: Sequence[Known], changes: Changes, now: datetime) -> None:
        """Do what a stored page changes; a message that moved may be another lead's."""
        if changes.new:
            self._db.executemany(_ADD, list(_added(lead, changes.new, now)))
        if moved := _moved(known, changes.changed):
            for (owner,) in self._db.rows(_MOVED, (json.dumps(moved),)):
                self._db.execute("DELETE FROM rollups WHERE lead_id = ?", (owner,))
                self._db.execute(_COUNT_ANEW, (owner,))


def _added(lead: str, messages: Sequence[Message], now: datetime) -> Iterator[tuple[Any, ...]]:
    """The rows that new messages add: over all channels, and for each of theirs, mostly one."""
    whole = _summary(messages, now)
    yield lead, ALL, *whole
    channels = {each.channel for each in messages}
    for channel in channels:
        only = [each for each in messages if each.channel == channel] if len(channels) > 1 else None
        yield lead, channel, *(_summary(only, now) if only else whole)


def _summary(messages: Sequence[Message], now: datetime) -> tuple[int, int, int, str, str, str]:
    inbound = [m.sent_at or now for m in messages if m.direction is Direction.INBOUND]
    outbound = [m.sent_at or now for m in messages if m.direction is Direction.OUTBOUND]
    return (
        len(messages),
        len(inbound),
        len(outbound),
        to_text(max(inbound)) if inbound else "",
        to_text(max(outbound)) if outbound else "",
        to_text(max(each.sent_at or now for each in messages)),
    )


def _moved(known: Sequence[Known], changed: Sequence[Known]) -> list[int]:
    """The rows of stored messages whose direction or date became another."""
    before = {each.row: each.message for each in known} if changed else {}
    return [
        each.row
        for each in changed
        if (each.message.direction, each.message.sent_at)
        != (before[each.row].direction, before[each.row].sent_at)
    ]
