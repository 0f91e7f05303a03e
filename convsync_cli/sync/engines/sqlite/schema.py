"""The tables, as migrations: small functions, each run once, in order.

``user_version`` counts the migrations that a file has had. A file with more of them comes from a
newer convsync and is refused; a file with another ``application_id`` is not ours. References name
the column that they mean: Datasette shows no table where one is left to be guessed.
"""

from collections.abc import Callable

import sqlite_utils

from convsync_cli.sync.engines.sqlite.arriving import fingerprint_imports, want_history
from convsync_cli.sync.engines.sqlite.counters import count_jobs, count_leads, count_reads

Migration = Callable[[sqlite_utils.Database], None]

_MOMENT = "TEXT"  # UTC, ISO 8601 with milliseconds: sorts as it is read


def create_jobs(db: sqlite_utils.Database) -> None:
    """The queue, what was tried, and by which run."""
    db.execute(
        f"""
        CREATE TABLE jobs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,  -- a pruned id never names another job
            kind TEXT NOT NULL,
            workspace TEXT NOT NULL,
            lead_id TEXT,
            dedupe_key TEXT NOT NULL,
            state TEXT NOT NULL
                CHECK (state IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
            priority INTEGER NOT NULL,
            run_at {_MOMENT} NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            max_attempts INTEGER NOT NULL,
            lease_until {_MOMENT},
            token INTEGER NOT NULL DEFAULT 0,
            run INTEGER,
            rerun INTEGER NOT NULL DEFAULT 0,
            created_at {_MOMENT} NOT NULL,
            requested_at {_MOMENT} NOT NULL,
            started_at {_MOMENT},
            finished_at {_MOMENT},
            error_code TEXT,
            error TEXT
        ) STRICT
        """
    )
    for index in (
        # at most one live job per key, through all its retries
        "UNIQUE INDEX jobs_live ON jobs (dedupe_key) WHERE state IN ('pending', 'running')",
        # one seek per workspace and priority finds what is due, however much is delayed
        "INDEX jobs_due ON jobs (workspace, priority, run_at) WHERE state = 'pending'",
        "INDEX jobs_running ON jobs (workspace, lease_until) WHERE state = 'running'",
        "INDEX jobs_recent ON jobs (dedupe_key, requested_at) WHERE state = 'succeeded'",
        "INDEX jobs_finished ON jobs (state, finished_at) WHERE finished_at IS NOT NULL",
        "INDEX jobs_lead ON jobs (lead_id)",
    ):
        db.execute(f"CREATE {index}")
    db.execute(
        f"""
        CREATE TABLE attempts (
            job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
            number INTEGER NOT NULL,  -- the claim's fencing token
            run INTEGER,
            started_at {_MOMENT} NOT NULL,
            ended_at {_MOMENT} NOT NULL,
            outcome TEXT NOT NULL,
            error_code TEXT,
            requests INTEGER NOT NULL DEFAULT 0,
            http_ms INTEGER NOT NULL DEFAULT 0,
            slowest TEXT,
            PRIMARY KEY (job, number)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute(
        "CREATE INDEX attempts_failed ON attempts (started_at, error_code)"
        " WHERE error_code IS NOT NULL"
    )
    db.execute(
        f"""
        CREATE TABLE runs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            host TEXT NOT NULL,
            pid INTEGER NOT NULL,
            started_at {_MOMENT} NOT NULL,
            ended_at {_MOMENT},
            budget_s REAL NOT NULL,
            reason TEXT,
            counts TEXT
        ) STRICT
        """
    )


def create_leads(db: sqlite_utils.Database) -> None:
    """Leads and all that finds them."""
    db.execute(
        f"""
        CREATE TABLE leads (
            id TEXT PRIMARY KEY,
            workspace TEXT NOT NULL,
            name TEXT,
            company TEXT,
            created_at {_MOMENT} NOT NULL,
            updated_at {_MOMENT} NOT NULL
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute("CREATE INDEX leads_workspace ON leads (workspace, id)")
    db.execute(
        """
        CREATE TABLE addresses (
            id INTEGER PRIMARY KEY,
            lead_id TEXT NOT NULL REFERENCES leads (id) ON DELETE CASCADE,
            workspace TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('email', 'phone')),
            value TEXT,  -- null: cannot be matched by
            raw TEXT NOT NULL
        ) STRICT
        """
    )
    db.execute("CREATE UNIQUE INDEX addresses_value ON addresses (value, kind, workspace)")
    db.execute("CREATE INDEX addresses_lead ON addresses (lead_id)")
    db.execute(
        """
        CREATE TABLE handles (
            external_id TEXT NOT NULL,
            provider TEXT NOT NULL,
            workspace TEXT NOT NULL,
            lead_id TEXT NOT NULL REFERENCES leads (id) ON DELETE CASCADE,
            PRIMARY KEY (external_id, provider, workspace)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute("CREATE INDEX handles_lead ON handles (lead_id)")


def create_archive(db: sqlite_utils.Database) -> None:
    """Messages, and how far each conversation and feed has been read."""
    db.execute(
        f"""
        CREATE TABLE messages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            workspace TEXT NOT NULL,
            lead_id TEXT NOT NULL REFERENCES leads (id) ON DELETE CASCADE,
            channel TEXT NOT NULL,
            provider TEXT NOT NULL,
            external_id TEXT,  -- null: imported, and not yet seen at the provider
            direction TEXT NOT NULL,
            sent_at {_MOMENT},
            seen_at {_MOMENT} NOT NULL,
            updated_at {_MOMENT} NOT NULL,
            sender TEXT,
            recipient TEXT,
            subject TEXT,
            body TEXT NOT NULL,
            status TEXT,
            thread TEXT,
            message_id TEXT,
            source TEXT,
            source_type TEXT,
            attachments TEXT NOT NULL DEFAULT '[]'
        ) STRICT
        """
    )
    db.execute(
        "CREATE UNIQUE INDEX messages_external ON messages (workspace, provider, external_id)"
    )
    db.execute("CREATE INDEX messages_lead ON messages (lead_id, channel)")
    db.execute(
        f"""
        CREATE TABLE lead_syncs (  -- a row for each channel on which the lead can be reached
            lead_id TEXT NOT NULL REFERENCES leads (id) ON DELETE CASCADE,
            channel TEXT NOT NULL,
            workspace TEXT NOT NULL,
            cursor TEXT,
            walk_started_at {_MOMENT},
            synced_at {_MOMENT},  -- null: never read to its end
            outcome TEXT,
            error_code TEXT,
            left_out INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (lead_id, channel)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute("CREATE INDEX lead_syncs_age ON lead_syncs (workspace, channel, synced_at)")
    db.execute(
        f"""
        CREATE TABLE accounts (
            workspace TEXT NOT NULL,
            channel TEXT NOT NULL,
            provider TEXT NOT NULL,
            next_at REAL NOT NULL DEFAULT 0,  -- the token bucket, seconds since the epoch
            paused_until {_MOMENT},
            reason TEXT,
            message TEXT,
            checked_at {_MOMENT},
            PRIMARY KEY (workspace, channel)
        ) STRICT, WITHOUT ROWID
        """
    )


def index_texts(db: sqlite_utils.Database) -> None:
    """Full text search over subjects and bodies, kept current by triggers."""
    db.table("messages").enable_fts(
        ["subject", "body"], create_triggers=True, tokenize="unicode61 remove_diacritics 2"
    )


def create_feeds(db: sqlite_utils.Database) -> None:
    """How far each account's change feed has been read, the jobs for it, and whose account it is.

    ``subject`` is what a job is about where that is not the whole of a lead. ``identity`` is the
    workspace that a credential was first seen to open.
    """
    db.execute(
        f"""
        CREATE TABLE feeds (
            workspace TEXT NOT NULL,
            channel TEXT NOT NULL,
            provider TEXT NOT NULL,
            watermark TEXT,  -- null: never read to its end
            cursor TEXT,
            walk_started_at {_MOMENT},
            synced_at {_MOMENT},
            outcome TEXT,
            error_code TEXT,
            left_out INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (workspace, channel)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute("ALTER TABLE jobs ADD COLUMN subject TEXT")
    db.execute("ALTER TABLE accounts ADD COLUMN identity TEXT")


def index_changed_texts(db: sqlite_utils.Database) -> None:
    """Full text search takes note of an update only where it changes a text."""
    db.execute("DROP TRIGGER messages_au")
    db.execute(
        """
        CREATE TRIGGER messages_au AFTER UPDATE OF subject, body ON messages
        WHEN old.subject IS NOT new.subject OR old.body IS NOT new.body
        BEGIN
            INSERT INTO messages_fts (messages_fts, rowid, subject, body)
            VALUES ('delete', old.id, old.subject, old.body);
            INSERT INTO messages_fts (rowid, subject, body)
            VALUES (new.id, new.subject, new.body);
        END
        """
    )


def tell_who_runs(db: sqlite_utils.Database) -> None:
    """By which user a run was begun, and whether at a terminal: cron has none."""
    db.execute("ALTER TABLE runs ADD COLUMN user TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE runs ADD COLUMN attended INTEGER NOT NULL DEFAULT 0")


def forget_leads(db: sqlite_utils.Database) -> None:
    """Keyed hashes of what found the leads that were forgotten, so that no sync brings them back.

    The rows of one person share a random number, so that they can be taken back together.
    """
    db.execute(
        """
        CREATE TABLE forgotten (
            hash TEXT NOT NULL,
            person TEXT NOT NULL,
            PRIMARY KEY (hash, person)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute("CREATE INDEX forgotten_person ON forgotten (person)")
    db.execute(
        """
        CREATE TABLE forgetting (  -- no row as long as nobody was forgotten, then one
            id INTEGER PRIMARY KEY CHECK (id = 1),
            key BLOB NOT NULL,
            unfinished INTEGER NOT NULL DEFAULT 0  -- erased, but not yet scrubbed from the file
        ) STRICT
        """
    )


def roll_up_messages(db: sqlite_utils.Database) -> None:
    """What lists of leads are asked for, kept with the messages: per channel, and '' over all.

    A message without a date counts by when it was first seen.
    """
    db.execute(
        f"""
        CREATE TABLE rollups (
            lead_id TEXT NOT NULL REFERENCES leads (id) ON DELETE CASCADE,
            channel TEXT NOT NULL,
            messages INTEGER NOT NULL,
            inbound INTEGER NOT NULL,
            outbound INTEGER NOT NULL,
            last_inbound_at {_MOMENT},
            last_outbound_at {_MOMENT},
            last_at {_MOMENT} NOT NULL,
            PRIMARY KEY (lead_id, channel)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute(
        """
        INSERT INTO rollups
        SELECT lead_id, scope, count(*),
               sum(direction = 'inbound'), sum(direction = 'outbound'),
               max(iif(direction = 'inbound', moment, NULL)),
               max(iif(direction = 'outbound', moment, NULL)), max(moment)
        FROM (SELECT lead_id, channel AS scope, direction, coalesce(sent_at, seen_at) AS moment
              FROM messages
              UNION ALL
              SELECT lead_id, '', direction, coalesce(sent_at, seen_at) FROM messages)
        GROUP BY lead_id, scope
        """
    )
    for index in (
        "rollups_awaiting ON rollups (channel, last_inbound_at, lead_id)"
        " WHERE last_inbound_at >= coalesce(last_outbound_at, '')",
        "rollups_quiet ON rollups (channel, last_at, lead_id)",
        "lead_syncs_never ON lead_syncs (lead_id) WHERE synced_at IS NULL",
        "lead_syncs_failed ON lead_syncs (lead_id) WHERE error_code IS NOT NULL",
    ):
        db.execute(f"CREATE INDEX {index}")


MIGRATIONS: tuple[Migration, ...] = (
    create_jobs,
    count_jobs,
    create_leads,
    create_archive,
    index_texts,
    create_feeds,
    count_leads,
    count_reads,
    index_changed_texts,
    tell_who_runs,
    forget_leads,
    roll_up_messages,
    want_history,
    fingerprint_imports,
)
