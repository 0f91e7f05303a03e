"""What a perfect sync holds: every message once, whatever the providers make of it."""

from collections.abc import Iterator

from convsync_cli.sandbox.rows import SMS_KINDS, Entry, Expected, Reply, Send
from convsync_cli.sandbox.workspace import Workspace


def expected_sms(workspace: Workspace) -> Iterator[Expected]:
    """Every SMS of every lead; calls, WhatsApp, mail and activity rows are none."""
    for conversation in workspace.conversations.values():
        for entry in conversation.entries:
            if entry.kind in SMS_KINDS:
                yield sms(conversation.person.key, entry)


def expected_email(workspace: Workspace) -> Iterator[Expected]:
    """Every mail of every lead: replies and what was sent, joined by Message-ID and direction."""
    for key in workspace.people:
        yield from _emails_of(workspace, key)


def sms(key: str, entry: Entry) -> Expected:
    """The message for which a GoHighLevel row stands."""
    sent_at = entry.at if entry.dated else None
    return Expected(
        key, "sms", (entry.id,), entry.direction or "unknown", sent_at, entry.body or ""
    )


def reply(key: str, row: Reply) -> Expected:
    """The message for which a row of EmailBison's inbox stands."""
    ids = (f"reply:{row.id}",)
    return Expected(
        key, "email", ids, row.direction, row.received, row.visible, row.subject, row.message_id
    )


def sent(key: str, row: Send) -> Expected:
    """The message for which a sent campaign email stands."""
    ids = (f"sent:{row.id}",)
    return Expected(
        key, "email", ids, "outbound", row.sent_at, row.visible, row.subject, row.message_id
    )


def _emails_of(workspace: Workspace, key: str) -> Iterator[Expected]:
    once: dict[tuple[str | None, str], Expected] = {}
    told = [reply(key, row) for row in workspace.replies_of.get(key, ())]
    told += [sent(key, row) for row in workspace.sends_of.get(key, ()) if row.status == "sent"]
    for message in told:
        name = (message.message_id, message.direction)
        once[name] = _joined(once[name], message) if name in once else message
    yield from once.values()


def _joined(first: Expected, second: Expected) -> Expected:
    return Expected(
        first.lead_key,
        first.channel,
        first.external_ids + second.external_ids,
        first.direction,
        first.sent_at,
        first.text,
        first.subject,
        first.message_id,
    )
