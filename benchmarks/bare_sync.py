"""The bare counterpart of a sync: httpx, json and an upsert, eight leads at once, no promises."""

import asyncio
import json
import sqlite3
import sys
from collections.abc import Iterator

import httpx

AT_ONCE = 8
_TABLE = """
CREATE TABLE messages (
    id INTEGER PRIMARY KEY, external_id TEXT UNIQUE, direction TEXT, sent_at TEXT, body TEXT)
"""
_UPSERT = """
INSERT INTO messages (external_id, direction, sent_at, body)
VALUES (:id, :direction, :dateAdded, :body)
ON CONFLICT DO UPDATE SET body = excluded.body WHERE body <> excluded.body
"""


async def main(url: str, token: str, location: str, database: str, contacts: list[str]) -> None:
    """Read the conversations of some contacts into a new database."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(_TABLE)
    headers = {"Authorization": f"Bearer {token}", "Version": "2021-04-15"}
    left = iter(contacts)
    async with httpx.AsyncClient(
        base_url=url, headers=headers, verify=False, limits=httpx.Limits(max_connections=AT_ONCE)
    ) as client:
        await asyncio.gather(*(_some(client, connection, location, left) for _ in range(AT_ONCE)))


async def _some(
    client: httpx.AsyncClient, connection: sqlite3.Connection, location: str, left: Iterator[str]
) -> None:
    for contact in left:
        query = {"locationId": location, "contactId": contact, "limit": "100"}
        found = json.loads((await client.get("/conversations/search", params=query)).content)
        for conversation in found["conversations"]:
            path = f"/conversations/{conversation['id']}/messages"
            answer = json.loads((await client.get(path, params={"limit": "100"})).content)
            with connection:
                connection.executemany(_UPSERT, answer["messages"]["messages"])


def entry() -> None:
    """Take the address, the account, the database and the contacts from the command line."""
    url, token, location, database, *contacts = sys.argv[1:]
    asyncio.run(main(url, token, location, database, contacts))
