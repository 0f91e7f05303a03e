"""How a channel of a lead stands: for scripts, and in words."""

from datetime import datetime
from typing import Any

from convsync_cli.console import ago
from convsync_cli.sync.clock import seconds_between
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.model.progress import LeadSync, WalkEnd
from convsync_cli.sync.plainwords import CODES


def document(sync: LeadSync) -> dict[str, Any]:
    """The state of a channel under the names that scripts rely on."""
    return {
        "synced_at": sync.synced_at and to_text(sync.synced_at),
        "outcome": sync.outcome,
        "error_code": sync.error_code,
        "left_out": sync.left_out,
    }


def words(sync: LeadSync, current_as_of: datetime | None, now: datetime) -> str:
    """The same in a sentence or two; ``current_as_of`` may be later, by a change feed."""
    sentence = "never read to its end"
    if current_as_of is not None:
        sentence = f"current as of {ago(max(0.0, seconds_between(current_as_of, now)))} ago"
        if sync.outcome == WalkEnd.NOT_FOUND:
            sentence += "; the provider does not know this lead"
    if sync.outcome == WalkEnd.FAILED:
        sentence += f"; the last read failed: {CODES.get(sync.error_code or '', sync.error_code)}"
    if sync.cursor is not None:
        sentence += "; a read is unfinished"
    if sync.left_out:
        sentence += f"; left out, not being messages (calls and the like): {sync.left_out}"
    return sentence
