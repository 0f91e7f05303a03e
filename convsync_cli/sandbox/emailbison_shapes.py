"""The JSON in which EmailBison shows its rows, as live: nested copies, nulls, odd times."""

from datetime import UTC, datetime, timedelta

from convsync_cli.sandbox.rows import Campaign, Mailbox, Person, Reply, Send
from convsync_cli.sandbox.workspace import Workspace

Json = dict[str, object]

_LOCAL = timedelta(hours=-5)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with six digits and Z."""
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def local_day(send: Send) -> str:
    """The day of a send on the wall clock of its campaign."""
    return f"{send.scheduled + _LOCAL:%Y-%m-%d}"


def user(workspace: Workspace) -> Json:
    """The owner of the token and its workspace."""
    made = iso(datetime(2025, 1, 1, tzinfo=UTC))
    team: Json = {
        "id": workspace.team_id,
        "name": workspace.name,
        "personal_team": False,
        "main": False,
        "parent_id": None,
        "sender_email_limit": 100,
        "warmup_limit": 100,
        "warmup_filter_phrase": None,
        "has_access_to_warmup": True,
        "created_at": made,
        "updated_at": made,
    }
    return {
        "id": 100 + workspace.team_id,
        "name": "Operator",
        "email": f"operator@{workspace.name}.example.com",
        "team": team,
        "profile_photo_path": None,
        "profile_photo_url": "https://files.example.com/photo.png",
        "created_at": made,
        "updated_at": made,
    }


def reply(row: Reply) -> Json:
    """A row of the inbox; bodies and ids may be null."""
    return {
        "id": row.id,
        "uuid": f"00000000-0000-4000-8000-{row.id:012d}",
        "folder": row.folder,
        "type": row.type,
        "subject": row.subject,
        "text_body": row.text_body,
        "html_body": row.html_body,
        "raw_body": None,
        "headers": None,
        "date_received": iso(row.received),
        "from_name": row.from_name,
        "from_email_address": row.from_address,
        "primary_to_email_address": row.to_address,
        "to": [{"name": "", "address": row.to_address}],
        "cc": [{"name": None, "address": one} for one in row.cc] or None,
        "bcc": None,
        "raw_message_id": row.message_id,
        "parent_id": row.parent_id,
        "campaign_id": row.campaign_id,
        "lead_id": row.lead_id,
        "scheduled_email_id": row.send_id,
        "sender_email_id": row.mailbox.id,
        "read": row.read,
        "interested": row.interested,
        "automated_reply": row.automated,
        "tracked_reply": row.type == "Tracked Reply",
        "attachments": [
            _attachment(row, number, name) for number, name in enumerate(row.attachments)
        ],
        "created_at": iso(row.ingested),
        "updated_at": iso(row.ingested),
    }


def send(row: Send) -> Json:
    """A campaign email in a lead's own list: its mailbox is nested, with no id beside it."""
    return {
        "id": row.id,
        "campaign_id": row.campaign.id,
        "lead_id": row.lead_id,
        "sequence_step_id": 300 + row.step,
        "sender_email": {
            "id": row.mailbox.id,
            "name": row.mailbox.name,
            "email": row.mailbox.address,
        },
        "thread_reply": row.step > 1,
        "email_subject": row.subject,
        "email_body": row.body,
        "status": row.status,
        "scheduled_date": iso(row.scheduled),
        # Wall time of the campaign, but printed with Z: no instant, whatever it looks like.
        "scheduled_date_local": iso(row.scheduled + _LOCAL),
        "sent_at": iso(row.sent_at) if row.sent_at else None,
        "opens": row.id % 4,
        "clicks": row.id % 2,
        "replies": row.id % 3,
        "unique_opens": min(1, row.id % 4),
        "unique_replies": min(1, row.id % 3),
        "interested": False,
        "raw_message_id": row.message_id,
    }


def listed_send(workspace: Workspace, row: Send) -> Json:
    """A campaign email in the list of the whole workspace: lead and campaign are nested too."""
    nested: Json = {
        "lead": lead(workspace, workspace.bison_leads[row.lead_id]),
        "campaign": campaign(row.campaign),
        "sender_email": mailbox(row.mailbox),
    }
    return send(row) | nested


def lead(workspace: Workspace, person: Person) -> Json:
    """A lead; custom variables are an empty list or a list of names and values."""
    assert person.bison is not None
    replies = sum(
        1 for row in workspace.replies_of.get(person.key, ()) if row.direction == "inbound"
    )
    sent = sum(1 for row in workspace.sends_of.get(person.key, ()) if row.status == "sent")
    phones = person.phones[:1] if person.bison % 2 else ()
    return {
        "id": person.bison,
        "uuid": f"00000000-0000-4000-9000-{person.bison:012d}",
        "first_name": person.first,
        "last_name": person.last,
        "email": person.emails[0],
        "title": person.title,
        "company": person.company,
        "notes": None,
        "status": "verified",
        "custom_variables": [{"name": "phone", "value": phone} for phone in phones],
        "lead_campaign_data": [],
        "overall_stats": {
            "emails_sent": sent,
            "opens": 0,
            "replies": replies,
            "unique_replies": min(1, replies),
            "unique_opens": 0,
        },
        "created_at": iso(person.created),
        "updated_at": iso(person.created),
    }


def campaign(row: Campaign) -> Json:
    """A campaign; one of its counters is a string."""
    return {
        "id": row.id,
        "uuid": f"00000000-0000-4000-a000-{row.id:012d}",
        "name": row.name,
        "type": "outbound",
        "status": row.status,
        "emails_sent": 0,
        "unique_opens": "0",
        "tags": [],
        "created_at": iso(row.created),
        "updated_at": iso(row.created),
    }


def mailbox(row: Mailbox) -> Json:
    """One of our mailboxes."""
    made = iso(datetime(2025, 1, 1, tzinfo=UTC))
    return {
        "id": row.id,
        "name": row.name,
        "email": row.address,
        "email_signature": None,
        "daily_limit": 25,
        "type": "custom",
        "status": "Connected",
        "warmup_enabled": True,
        "tags": [],
        "created_at": made,
        "updated_at": made,
    }


def _attachment(row: Reply, number: int, name: str) -> Json:
    ident = row.id * 10 + number
    return {
        "id": ident,
        "uuid": f"00000000-0000-4000-b000-{ident:012d}",
        "reply_id": row.id,
        "file_name": name,
        "download_url": f"https://files.example.com/{ident}?signature=sandbox",
        "created_at": iso(row.ingested),
        "updated_at": iso(row.ingested),
    }
