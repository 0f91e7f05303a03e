"""Reading messages out, as many as there are, without holding them in memory.

House rule: only ids are ever sorted. A row carries a mail's whole source, and sorting rows would
take all of them into memory first.
"""

import json
from array import array
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain

from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.engines.sqlite.messagerows import STORED, stored
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.model.progress import Stored
from convsync_cli.sync.model.reading import MessageFilter

MOMENT = "coalesce(messages.sent_at, messages.seen_at)"  # without a date: when it was first seen
_AT_ONCE = 200

_BY_IDS = f"""
SELECT {STORED} FROM json_each(?) AS place CROSS JOIN messages ON messages.id = place.value
ORDER BY place.key
"""


def conversation(
    db: Connection, lead: str, wanted: MessageFilter, last: int | None
) -> Iterator[Stored]:
    """A lead's messages, oldest first; see ``Archive``."""
    conditions, values = narrowed(wanted)
    ids = db.stream(
        f"SELECT id FROM messages INDEXED BY messages_lead WHERE lead_id = :lead {conditions}"
        f" ORDER BY {MOMENT}, id",
        values | {"lead": lead},
    )
    places = array("q", chain.from_iterable(ids))
    return by_ids(db, places if last is None else places[max(0, len(places) - last) :])


def messages(db: Connection, wanted: MessageFilter) -> Iterator[Stored]:
    """The messages that fit a filter, streamed in the order of storing."""
    conditions, values = narrowed(wanted)
    if wanted.leads is None:  # NOT INDEXED: by their order, not by an index and a sort
        sql = f"SELECT {STORED} FROM messages NOT INDEXED WHERE true {conditions} ORDER BY id"
        return map(stored, db.stream(sql, values))
    found = db.stream(
        "SELECT id FROM messages INDEXED BY messages_lead"
        f" WHERE lead_id IN (SELECT value FROM json_each(:leads)) {conditions} ORDER BY id",
        values,
    )
    return by_ids(db, array("q", chain.from_iterable(found)))


def narrowed(wanted: MessageFilter) -> tuple[str, dict[str, str]]:
    """What a filter asks as conditions in SQL, each with its AND in front, and their values."""
    asked = (
        ("workspace", wanted.workspace, "messages.workspace = :workspace"),
        ("leads", wanted.leads, "messages.lead_id IN (SELECT value FROM json_each(:leads))"),
        ("channel", wanted.channel, "messages.channel = :channel"),
        ("direction", wanted.direction, "messages.direction = :direction"),
        ("since", wanted.since, f"{MOMENT} >= :since"),
        ("until", wanted.until, f"{MOMENT} < :until"),
    )
    given = [(name, value, sql) for name, value, sql in asked if value is not None]
    return "".join(f" AND {sql}" for *_, sql in given), {n: _text(value) for n, value, _ in given}


def _text(value: str | datetime | tuple[str, ...]) -> str:
    if isinstance(value, datetime):
        return to_text(value)
    return value if isinstance(value, str) else json.dumps(value)


def by_ids(db: Connection, ids: Sequence[int]) -> Iterator[Stored]:
    """The messages of these ids, in their order, as far as they are still there."""
    for first in range(0, len(ids), _AT_ONCE):
        for row in db.rows(_BY_IDS, (json.dumps(list(ids[first : first + _AT_ONCE])),)):
            yield stored(row)
