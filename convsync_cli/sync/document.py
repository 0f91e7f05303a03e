"""A stored message as a document, for scripts: the names that `export` and hooks promise."""

from typing import Any

from convsync_cli.sync.instant import to_text
from convsync_cli.sync.model.progress import Stored

COLUMNS = (
    "id",
    "workspace",
    "lead",
    "channel",
    "provider",
    "external_id",
    "direction",
    "sent_at",
    "sender",
    "recipient",
    "subject",
    "body",
    "status",
    "thread",
)


def document(stored: Stored) -> dict[str, Any]:
    """A message under the names that scripts rely on; its time is UTC text."""
    message = stored.message
    own = {"id": stored.id, "workspace": stored.workspace, "lead": stored.lead}
    sent_at = message.sent_at and to_text(message.sent_at)
    return {
        name: own[name] if name in own else sent_at if name == "sent_at" else getattr(message, name)
        for name in COLUMNS
    }
