"""The JSON in which Smartlead shows its rows, as live: envelopes and types differ per endpoint."""

from datetime import datetime

from convsync_cli.sandbox.rows import Campaign, Person
from convsync_cli.sandbox.smartlead_threads import Item, Thread, lead_id

Json = dict[str, object]


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds and Z."""
    told = moment.isoformat(timespec="milliseconds") if moment else None
    return told and told.replace("+00:00", "Z")


def campaign(row: Campaign) -> Json:
    """A campaign."""
    return {
        "id": row.id,
        "name": row.name,
        "status": row.status.upper(),
        "created_at": iso(row.created),
        "client_id": None,
    }


def lead(person: Person) -> Json:
    """What all endpoints tell of a lead."""
    return {
        "id": lead_id(person),
        "first_name": person.first,
        "last_name": person.last or None,
        "email": person.emails[0],
        "company_name": person.company,
        "custom_fields": {},
        "is_unsubscribed": False,
    }


def lead_found(person: Person, threads: list[Thread]) -> Json:
    """A lead that was looked up by address, with its campaigns."""
    data = [
        {
            "campaign_lead_map_id": str(thread.map_id),
            "campaign_id": thread.campaign.id,
            "campaign_name": thread.campaign.name,
            "client_id": None,
            "lead_category_id": None,
        }
        for thread in threads
    ]
    return lead(person) | {"id": str(lead_id(person)), "lead_campaign_data": data}


def listed_lead(thread: Thread) -> Json:
    """A lead in the list of a campaign."""
    return {
        "campaign_lead_map_id": thread.map_id,
        "lead_category_id": None,
        "status": "INPROGRESS" if thread.items else "STARTED",
        "created_at": iso(thread.campaign.created),
        "lead": lead(thread.person),
    }


def history(thread: Thread) -> Json:
    """A whole thread."""
    sender = next((item.writer for item in thread.items if not item.inbound), None)
    return {
        "history": [_item(item) for item in thread.items],
        "from": sender,
        "to": thread.person.emails[0],
    }


def inbox_row(thread: Thread, *, whole: bool) -> Json:
    """A conversation in the inbox; ids come as text here and there."""
    told: Json = {
        "email_lead_map_id": thread.map_id,
        "email_lead_id": str(thread.lead_id) if thread.map_id % 2 else thread.lead_id,
        "lead_first_name": thread.person.first,
        "lead_last_name": thread.person.last or None,
        "lead_email": thread.person.emails[0],
        "lead_status": "INPROGRESS",
        "lead_category_id": None,
        "last_sent_time": iso(thread.last_sent),
        "last_reply_time": iso(thread.last_reply),
        "has_new_unread_email": True,
        "email_account_id": 25,
        "email_campaign_id": thread.campaign.id,
        "email_campaign_name": thread.campaign.name,
        "revenue": "0.00",
        "is_important": False,
        "is_archived": False,
        "is_snoozed": False,
        "team_member_id": None,
    }
    return told | ({"email_history": history(thread)["history"]} if whole else {})


def _item(item: Item) -> Json:
    told: Json = {
        "stats_id": item.stats_id,
        "from": item.writer,
        "to": item.reader,
        "type": "REPLY" if item.inbound else "SENT",
        "message_id": item.message_id,
        "time": iso(item.at),
        "email_body": item.body,
        "subject": item.subject,
        "cc": list(item.cc) if item.cc else None,
        "bcc": None,
        "open_count": 0,
        "click_count": 0,
        "click_details": {},
        "attachments": [
            {"file_name": name, "file_url": f"https://files.example.com/{name}", "file_type": "pdf"}
            for name in item.attachments
        ],
    }
    return told | ({"email_seq_number": str(item.step)} if item.step else {})
