"""What a mail has, as several providers tell it: its Message-ID, and its body in two forms."""

from convsync_cli.sync.shape import text
from convsync_cli.sync.text import from_html


def message_id(value: object) -> str | None:
    """An optional Message-ID; what cannot be one counts as missing."""
    told = (text(value) or "").strip()
    return told if "@" in told else None


def body(html: str | None, plain: str | None) -> str:
    """What it says: its plain text, else that of its HTML."""
    if plain is not None and plain.strip():
        return plain
    return from_html(html) if html else plain or ""
