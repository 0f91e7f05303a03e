"""Migrations that count rows as they come and go: counting a million takes a second."""

import sqlite_utils


def count_jobs(db: sqlite_utils.Database) -> None:
    """Counters of jobs by kind and state: counting a million rows takes a second."""
    db.execute(
        """
        CREATE TABLE job_counts (
            kind TEXT NOT NULL,
            state TEXT NOT NULL,
            jobs INTEGER NOT NULL,
            PRIMARY KEY (kind, state)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute("INSERT INTO job_counts SELECT kind, state, count(*) FROM jobs GROUP BY 1, 2")
    add = """
        INSERT INTO job_counts VALUES (new.kind, new.state, 1)
        ON CONFLICT (kind, state) DO UPDATE SET jobs = jobs + 1;"""
    subtract = """
        UPDATE job_counts SET jobs = jobs - 1 WHERE kind = old.kind AND state = old.state;"""
    for name, when, acts in (
        ("jobs_counted_in", "INSERT ON jobs", add),
        ("jobs_counted_out", "DELETE ON jobs", subtract),
        ("jobs_counted_over", "UPDATE OF state ON jobs", subtract + add),
    ):
        db.execute(f"CREATE TRIGGER {name} AFTER {when} BEGIN {acts} END")


def count_leads(db: sqlite_utils.Database) -> None:
    """Counters of the leads of each workspace."""
    db.execute(
        """
        CREATE TABLE lead_counts (
            workspace TEXT PRIMARY KEY,
            leads INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute("INSERT INTO lead_counts SELECT workspace, count(*) FROM leads GROUP BY 1")
    add = """
        INSERT INTO lead_counts VALUES (new.workspace, 1)
        ON CONFLICT DO UPDATE SET leads = leads + 1;"""
    subtract = """
        UPDATE lead_counts SET leads = leads - 1 WHERE workspace = old.workspace;"""
    db.execute(f"CREATE TRIGGER leads_counted_in AFTER INSERT ON leads BEGIN {add} END")
    db.execute(f"CREATE TRIGGER leads_counted_out AFTER DELETE ON leads BEGIN {subtract} END")


def count_reads(db: sqlite_utils.Database) -> None:
    """Counters of the leads that were last read in each minute: `status` finds ages by them."""
    db.execute(
        """
        CREATE TABLE sync_counts (
            workspace TEXT NOT NULL,
            channel TEXT NOT NULL,
            minute TEXT NOT NULL,  -- the start of synced_at, empty where that is null
            leads INTEGER NOT NULL,
            PRIMARY KEY (workspace, channel, minute)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute(
        "INSERT INTO sync_counts SELECT workspace, channel, substr(coalesce(synced_at, ''), 1, 16),"
        " count(*) FROM lead_syncs GROUP BY 1, 2, 3"
    )
    add = """
        INSERT INTO sync_counts
        VALUES (new.workspace, new.channel, substr(coalesce(new.synced_at, ''), 1, 16), 1)
        ON CONFLICT DO UPDATE SET leads = leads + 1;"""
    of_old = """
        WHERE workspace = old.workspace AND channel = old.channel
          AND minute = substr(coalesce(old.synced_at, ''), 1, 16)"""
    subtract = f"""
        UPDATE sync_counts SET leads = leads - 1 {of_old};
        DELETE FROM sync_counts {of_old} AND leads = 0;"""
    changed = "UPDATE OF synced_at ON lead_syncs WHEN old.synced_at IS NOT new.synced_at"
    for name, when, acts in (
        ("syncs_counted_in", "INSERT ON lead_syncs", add),
        ("syncs_counted_out", "DELETE ON lead_syncs", subtract),
        ("syncs_counted_over", changed, subtract + add),
    ):
        db.execute(f"CREATE TRIGGER {name} AFTER {when} BEGIN {acts} END")
