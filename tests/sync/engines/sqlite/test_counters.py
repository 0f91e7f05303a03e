"""The counters that triggers keep say what counting by hand says, whatever happens to the rows."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from convsync_cli.sync.engines.sqlite import SqliteStore, open_store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

LEADS = "SELECT workspace, count(*) FROM leads GROUP BY 1 ORDER BY 1"
SYNCS = """
SELECT workspace, channel, substr(coalesce(synced_at, ''), 1, 16), count(*) FROM lead_syncs
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
MANY = """
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 24999)
INSERT INTO lead_syncs (lead_id, channel, workspace, synced_at)
SELECT 'L' || i, 'sms', 'acme', printf('2026-03-01T11:59:%02d.%03dZ', i / 500, i % 500) FROM n
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(open_store(str(tmp_path / "convsync.db"), create=True)) as opened:
        yield opened


@pytest.mark.parametrize("seed", range(3))
def test_they_equal_a_count_by_hand(store: SqliteStore, seed: int) -> None:
    chance, db = Random(seed), store._connection.raw
    for number in range(400):
        lead, workspace = f"L{chance.randrange(20)}", chance.choice(["acme", "beta"])
        moment = chance.choice([None, f"2026-03-01T{chance.randrange(24):02}:00:01.000Z"])
        channel = chance.choice(["sms", "email"])
        statement = chance.choice(
            [
                "INSERT OR IGNORE INTO leads VALUES (:lead, :workspace, NULL, NULL, '', '')",
                "INSERT INTO lead_syncs (lead_id, channel, workspace, synced_at)"
                " SELECT id, :channel, workspace, :moment FROM leads WHERE id = :lead"
                " ON CONFLICT DO UPDATE SET synced_at = excluded.synced_at",
                "INSERT OR IGNORE INTO lead_syncs (lead_id, channel, workspace)"
                " SELECT id, :channel, workspace FROM leads WHERE id = :lead",
                "UPDATE lead_syncs SET synced_at = :moment WHERE channel = :channel"
                " AND :number % 10 = 0",
                "DELETE FROM leads WHERE id = :lead AND :number % 3 = 0",
            ]
        )
        db.execute(
            statement,
            {
                "lead": lead,
                "workspace": workspace,
                "channel": channel,
                "moment": moment,
                "number": number,
            },
        )
    counted = "SELECT workspace, leads FROM lead_counts WHERE leads > 0 ORDER BY 1"
    assert db.execute(LEADS).fetchall() == db.execute(counted).fetchall() != []
    counted = "SELECT workspace, channel, minute, leads FROM sync_counts ORDER BY 1, 2, 3"
    assert db.execute(SYNCS).fetchall() == db.execute(counted).fetchall() != []


def test_minutes_in_which_nobody_was_read_last_are_forgotten(store: SqliteStore) -> None:
    db = store._connection.raw
    db.execute("INSERT INTO leads VALUES ('L1', 'acme', NULL, NULL, '', '')")
    db.execute("INSERT INTO lead_syncs (lead_id, channel, workspace) VALUES ('L1', 'sms', 'acme')")
    for minute in range(60):
        db.execute("UPDATE lead_syncs SET synced_at = ?", (f"2026-03-01T11:{minute:02}:00.000Z",))
    assert db.execute("SELECT minute FROM sync_counts").fetchall() == [("2026-03-01T11:59",)]


def test_of_very_many_reads_in_one_minute_the_age_is_told_less_than_a_minute_too_old(
    store: SqliteStore,
) -> None:
    """500 reads a second: far beyond what any provider allows."""
    db = store._connection.raw
    db.execute("PRAGMA foreign_keys=OFF")
    db.execute(MANY)
    told = store.overview.ages("acme", "sms", NOON)
    assert told.p95_s == pytest.approx(60 - 2.5, abs=0.5), "near the end of the minute: exact"
    assert told.p50_s is not None
    assert 35 - 0.5 <= told.p50_s < 35 + 60
