"""Leads from their rows, with the names they are found by: two queries, however many leads."""

import json
from collections import defaultdict
from collections.abc import Sequence

from convsync_cli.sync.engines.sqlite.connection import Connection, Row
from convsync_cli.sync.model.address import Address, AddressKind
from convsync_cli.sync.model.lead import Handle, Lead


def named(db: Connection, rows: Sequence[Row]) -> list[Lead]:
    """The leads of rows that hold their id, workspace, name and company."""
    ids = (json.dumps([row[0] for row in rows]),)
    addresses: defaultdict[str, list[Address]] = defaultdict(list)
    for lead, kind, raw, value in db.rows(
        "SELECT lead_id, kind, raw, value FROM addresses"
        " WHERE lead_id IN (SELECT value FROM json_each(?)) ORDER BY id",
        ids,
    ):
        addresses[lead].append(Address(AddressKind(kind), raw, value))
    handles: defaultdict[str, list[Handle]] = defaultdict(list)
    for lead, provider, external_id in db.rows(
        "SELECT lead_id, provider, external_id FROM handles INDEXED BY handles_lead"
        " WHERE lead_id IN (SELECT value FROM json_each(?)) ORDER BY 2, 3",
        ids,
    ):
        handles[lead].append(Handle(provider, external_id))
    return [
        Lead(id, workspace, name, company, tuple(addresses[id]), tuple(handles[id]))
        for id, workspace, name, company in rows
    ]
