"""Migrations for messages that come from elsewhere, or whose arrival a hook hears of."""

import sqlite_utils


def want_history(db: sqlite_utils.Database) -> None:
    """Whether the messages that a conversation's first read brings are wanted as news."""
    db.execute("ALTER TABLE lead_syncs ADD COLUMN with_history INTEGER NOT NULL DEFAULT 0")


def fingerprint_imports(db: sqlite_utils.Database) -> None:
    """What makes an imported message the same one when it is imported again, also once healed."""
    db.execute("ALTER TABLE messages ADD COLUMN fingerprint TEXT")
    db.execute(
        "CREATE UNIQUE INDEX messages_fingerprint ON messages (workspace, fingerprint)"
        " WHERE fingerprint IS NOT NULL"
    )
