"""The rows of Twilio's list, made of the same conversations, and what a perfect sync holds of them.

Twilio knows numbers, no people: no calls, no mail, times to the second, numbers as text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from hashlib import md5

from convsync_cli.sandbox.rows import SMS_KINDS, Conversation, Entry, Expected
from convsync_cli.sandbox.workspace import Workspace

Json = dict[str, object]

VERSION = "2010-04-01"
OUR_NUMBER = "+12025550199"
_PREFIXES = {"TYPE_RCS": "rcs:", "TYPE_WHATSAPP": "whatsapp:"}


@dataclass(frozen=True, slots=True)
class Text:
    """A row; ``sent`` is None until it was sent, ``key`` is the lead's."""

    sid: str
    key: str
    direction: str
    sender: str
    recipient: str
    body: str | None
    status: str
    created: datetime
    sent: datetime | None
    media: int

    @property
    def place(self) -> tuple[datetime, str]:
        """Where it stands in the list."""
        return self.sent or self.created, self.sid


def account_sid(workspace: Workspace) -> str:
    """The id of the workspace's account."""
    return f"AC{_digits(workspace, 'account')}"


def credentials(workspace: Workspace) -> dict[str, str]:
    """The users that may ask for the account, with their passwords: its own, and an API key."""
    key = f"SK{_digits(workspace, 'key')}"
    return {
        account_sid(workspace): _digits(workspace, "token"),
        key: _digits(workspace, "secret"),
    }


def texts(workspace: Workspace) -> list[Text]:
    """Every row, newest first."""
    found = [row for one in workspace.conversations.values() for row in _texts_of(one)]
    return sorted(found, key=lambda row: row.place, reverse=True)


def expected(workspace: Workspace) -> Iterator[Expected]:
    """Every SMS that was sent; WhatsApp is none."""
    for row in texts(workspace):
        if row.sent is not None and not row.sender.startswith("whatsapp:"):
            direction = row.direction.split("-")[0]
            yield Expected(row.key, "sms", (row.sid,), direction, row.sent, row.body or "")


def text(workspace: Workspace, row: Text) -> Json:
    """A row as JSON."""
    place = f"{root(workspace)}/Messages/{row.sid}"
    return {
        "sid": row.sid,
        "account_sid": account_sid(workspace),
        "messaging_service_sid": None,
        "direction": row.direction,
        "from": row.sender,
        "to": row.recipient,
        "body": row.body,
        "status": row.status,
        "num_media": str(row.media),
        "num_segments": "1",
        "date_created": format_datetime(row.created),
        "date_sent": format_datetime(row.sent) if row.sent else None,
        "date_updated": format_datetime(row.created + timedelta(seconds=1)),
        "error_code": 30003 if row.status == "failed" else None,
        "error_message": None,
        "price": None,
        "price_unit": "USD",
        "api_version": VERSION,
        "uri": f"{place}.json",
        "subresource_uris": {"media": f"{place}/Media.json"},
    }


def media(workspace: Workspace, row: Text) -> list[Json]:
    """The media of a row: they have ids and types, and no names."""
    place = f"{root(workspace)}/Messages/{row.sid}/Media"
    sids = [f"ME{md5(f'{row.sid}/{number}'.encode()).hexdigest()}" for number in range(row.media)]
    return [
        {
            "sid": sid,
            "parent_sid": row.sid,
            "account_sid": account_sid(workspace),
            "content_type": "image/jpeg",
            "date_created": format_datetime(row.created),
            "date_updated": format_datetime(row.created),
            "uri": f"{place}/{sid}.json",
        }
        for sid in sids
    ]


def root(workspace: Workspace) -> str:
    """The path of everything that is the account's."""
    return f"/{VERSION}/Accounts/{account_sid(workspace)}"


def _texts_of(conversation: Conversation) -> Iterator[Text]:
    if not conversation.person.phones:
        return
    for number, entry in enumerate(conversation.entries):
        if entry.kind in SMS_KINDS or entry.kind == "TYPE_WHATSAPP":
            yield _text(conversation, entry, number)
    if conversation.entries and conversation.starred:
        yield _planned(conversation)


def _text(conversation: Conversation, entry: Entry, number: int) -> Text:
    phones = conversation.person.phones
    prefix = _PREFIXES.get(entry.kind, "")
    theirs, ours = f"{prefix}{phones[number % len(phones)]}", f"{prefix}{OUR_NUMBER}"
    inbound = entry.direction == "inbound"
    outbound = ("outbound-api", "outbound-reply", "outbound-call")[number % 3]
    sent = entry.at.replace(microsecond=0)
    return Text(
        sid=_sid("MM" if entry.attachments else "SM", entry.id),
        key=conversation.person.key,
        direction="inbound" if inbound else outbound,
        sender=theirs if inbound else ours,
        recipient=ours if inbound else theirs,
        body=entry.body,
        status="received" if inbound else entry.status or "sent",
        created=sent - timedelta(seconds=0 if inbound else 2),
        sent=sent,
        media=len(entry.attachments),
    )


def _planned(conversation: Conversation) -> Text:
    """A message that waits for its time, as if written after the conversation's last row."""
    return Text(
        sid=_sid("SM", f"{conversation.id}/planned"),
        key=conversation.person.key,
        direction="outbound-api",
        sender=OUR_NUMBER,
        recipient=conversation.person.phones[0],
        body="This waits for its time.",
        status="scheduled",
        created=conversation.last_at.replace(microsecond=0),
        sent=None,
        media=0,
    )


def _sid(kind: str, ident: str) -> str:
    return f"{kind}{md5(ident.encode()).hexdigest()}"


def _digits(workspace: Workspace, what: str) -> str:
    return md5(f"{workspace.gohighlevel_token}/twilio/{what}".encode()).hexdigest()
