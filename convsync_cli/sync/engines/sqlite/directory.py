"""Which leads a name means: exact look-ups, many at once."""

import json
from collections.abc import Sequence

from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.model.query import By, Found, Query

_FIND: dict[By, str] = {
    "id": """
        SELECT wanted.key, leads.id, leads.workspace
        FROM json_each(?) AS wanted
        CROSS JOIN leads ON leads.id = json_extract(wanted.value, '$[0]')""",
    "address": """
        SELECT wanted.key, addresses.lead_id, addresses.workspace
        FROM json_each(?) AS wanted
        CROSS JOIN addresses INDEXED BY addresses_value
          ON addresses.value = json_extract(wanted.value, '$[0]')
         AND addresses.kind = json_extract(wanted.value, '$[1]')""",
    "handle": """
        SELECT wanted.key, handles.lead_id, handles.workspace
        FROM json_each(?) AS wanted
        CROSS JOIN handles
          ON handles.external_id = json_extract(wanted.value, '$[0]')
         AND handles.provider = json_extract(wanted.value, '$[1]')""",
}


class SqliteDirectory:
    """``Directory`` over the tables ``leads``, ``addresses`` and ``handles``."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def find(self, queries: Sequence[Query]) -> list[set[Found]]:
        """The leads that each query finds, in the order of the queries."""
        found: list[set[Found]] = [set() for _ in queries]
        for by, statement in _FIND.items():
            positions = [i for i, query in enumerate(queries) if query.by == by]
            wanted = [[queries[i].value, queries[i].qualifier] for i in positions]
            for key, lead, workspace in self._db.rows(statement, (json.dumps(wanted),)):
                query = queries[positions[key]]
                if query.workspace in (None, workspace):
                    found[positions[key]].add(Found(workspace, lead))
        return found
