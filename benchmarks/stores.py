"""Databases to measure with, filled by plain SQL in the tables that ``open_store`` makes."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from convsync_cli.sync.engines.sqlite import open_store
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.ports import Store

WORKSPACE = "acme"

_CONFIG = """\
[workspaces.acme]
region = "US"

[workspaces.acme.sms]
provider = "gohighlevel"
location_id = "locAAAA0000000000001"
token = { env = "ACME_GHL_TOKEN" }

[workspaces.acme.email]
provider = "emailbison"
base_url = "https://send.example.com"
token = { env = "ACME_EMAILBISON_TOKEN" }
"""

_NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
_LEADS = f"""
INSERT INTO leads (id, workspace, created_at, updated_at)
{_NUMBERS} SELECT printf('L%018d', i), :workspace, :now, :now FROM n
"""
_ADDRESSES = f"""
INSERT INTO addresses (lead_id, workspace, kind, value, raw)
{_NUMBERS} SELECT printf('L%018d', i), :workspace, 'email', email, email
FROM (SELECT i, 'lead' || i || '@example.com' AS email FROM n)
"""
_CHANNELS = f"""
INSERT INTO lead_syncs (lead_id, channel, workspace, synced_at)
{_NUMBERS} SELECT printf('L%018d', i), channel, :workspace, :now
FROM n, (SELECT 'email' AS channel UNION SELECT 'sms')
"""
_JOBS = f"""
INSERT INTO jobs (kind, workspace, lead_id, dedupe_key, state, priority, run_at, max_attempts,
                  created_at, requested_at, finished_at)
{_NUMBERS} SELECT 'conversation_sync', :workspace, lead, 'conversation_sync:' || lead, :state,
                  :priority, strftime(:moment, :run_at, later), 3, :now, :now,
                  iif(:state = 'succeeded', strftime(:moment, :now, earlier), NULL)
FROM (SELECT printf('L%018d', :first + i) AS lead,
             '+' || (i % 6000) || ' seconds' AS later,
             '-' || (i * 604800 / :count) || ' seconds' AS earlier
      FROM n)
"""


@dataclass(frozen=True, slots=True)
class Home:
    """A configuration with one workspace, and a database."""

    config: Path
    database: Path

    @classmethod
    def made(cls, folder: Path, *, leads: int = 0) -> "Home":
        """Make both, with so many leads: each has an email and can be followed on two channels."""
        folder.mkdir()
        config = folder / "convsync.toml"
        config.write_text(_CONFIG)
        home = cls(config, folder / "convsync.db")
        open_store(str(home.database), create=True).close()
        filled = {"count": leads, "workspace": WORKSPACE, "now": to_text(datetime.now(UTC))}
        if leads:
            with closing(connect(home.database)) as connection, connection:
                for statement in (_LEADS, _ADDRESSES, _CHANNELS):
                    connection.execute(statement, filled)
        return home

    def copied(self, name: str) -> "Home":
        """A copy of the database, under the same configuration; nobody has it open."""
        copy = self.database.with_name(name)
        shutil.copyfile(self.database, copy)
        copy.chmod(0o600)
        return Home(self.config, copy)

    def removed(self) -> None:
        """Delete the database."""
        for part in self.database.parent.glob(f"{self.database.name}*"):
            part.unlink()

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """The database through our own engine."""
        store = open_store(str(self.database))
        try:
            yield store
        finally:
            store.close()


def connect(database: Path) -> sqlite3.Connection:
    """The bare counterpart of our engine: the driver, as durable and as well set up."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA temp_store=MEMORY")  # nearly halves the time of many small inserts
    return connection


def add_jobs(
    home: Home,
    count: int,
    *,
    state: str = "pending",
    priority: int = 10,
    ahead: timedelta = timedelta(days=-1),
    first: int = 0,
) -> None:
    """Add jobs of a state, the pending ones due ``ahead`` of now and the 100 minutes after.

    Finished ones ended within the last seven days, which is how long they are kept. They are for
    leads from number ``first`` on, which need not exist.
    """
    now = datetime.now(UTC)
    with closing(connect(home.database)) as connection, connection:
        connection.execute("PRAGMA cache_size=-400000")
        connection.execute(
            _JOBS,
            {
                "count": count,
                "workspace": WORKSPACE,
                "state": state,
                "priority": priority,
                "run_at": to_text(now + ahead),
                "now": to_text(now),
                "first": first,
                "moment": "%Y-%m-%dT%H:%M:%S.000Z",
            },
        )
