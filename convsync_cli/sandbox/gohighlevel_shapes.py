"""The JSON in which GoHighLevel shows its rows, live extras included."""

from datetime import UTC, datetime, timedelta

from convsync_cli.sandbox.rows import Conversation, Entry, Person
from convsync_cli.sandbox.workspace import Workspace

Json = dict[str, object]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_NUMBERS = {
    "TYPE_CALL": 1,
    "TYPE_SMS": 2,
    "TYPE_EMAIL": 3,
    "TYPE_WHATSAPP": 19,
    "TYPE_CUSTOM_SMS": 20,
    "TYPE_CAMPAIGN_SMS": 5,
    "TYPE_RCS": 44,
}
_ACTIVITY_NUMBER = 28
_OUR_NUMBER = "+12025550199"
_OUR_ADDRESS = "Rep <rep@example.com>"


def milliseconds(moment: datetime) -> int:
    """The epoch in milliseconds, as conversations tell their times."""
    return (moment - _EPOCH) // _MILLISECOND


def iso(moment: datetime) -> str:
    """ISO 8601 with milliseconds and Z, as messages and contacts tell their times."""
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def sort_value(conversation: Conversation, sort_by: str) -> int:
    """The value by which search sorts a conversation and goes on after it."""
    if sort_by == "last_message_date":
        return milliseconds(conversation.last_at)
    if sort_by == "last_manual_message_date":
        manual = (e.at for e in reversed(conversation.entries) if e.kind == "TYPE_SMS")
        return milliseconds(next(manual, conversation.created))
    return milliseconds(conversation.created)


def conversation(workspace: Workspace, one: Conversation, sort_by: str) -> Json:
    """A row of conversation search."""
    person, last = one.person, one.entries[-1] if one.entries else None
    row: Json = {
        "id": one.id,
        "contactId": one.contact,
        "locationId": workspace.location_id,
        "type": "TYPE_EMAIL" if last and last.kind == "TYPE_EMAIL" else "TYPE_PHONE",
        "lastMessageType": last.kind if last else "TYPE_SMS",
        "lastMessageBody": (last.body or "") if last else "",
        "lastMessageDate": milliseconds(one.last_at),
        "sort": [sort_value(one, sort_by)],
        "dateAdded": milliseconds(one.created),
        "dateUpdated": milliseconds(one.last_at) + 77,
        "unreadCount": one.unread,
        "starred": one.starred,
        "deleted": False,
        "fullName": person.name,
        "contactName": person.name,
        "email": person.emails[0],
        "tags": list(person.tags),
    }
    if person.phones:
        row["phone"] = person.phones[0]
    if last and last.direction:
        row["lastMessageDirection"] = last.direction
    return row


def one_conversation(workspace: Workspace, one: Conversation) -> Json:
    """A conversation by its id, where the type is a number."""
    mail = bool(one.entries) and one.entries[-1].kind == "TYPE_EMAIL"
    return {
        "id": one.id,
        "contactId": one.contact,
        "locationId": workspace.location_id,
        "deleted": False,
        "inbox": True,
        "type": 2 if mail else 1,
        "unreadCount": one.unread,
        "starred": one.starred,
    }


def message(workspace: Workspace, person: Person, entry: Entry) -> Json:
    """A row of a conversation; what it does not have is absent, not null."""
    row: Json = {
        "id": entry.id,
        "type": _NUMBERS.get(entry.kind, _ACTIVITY_NUMBER),
        "messageType": entry.kind,
        "locationId": workspace.location_id,
        "contactId": entry.contact,
        "conversationId": entry.conversation,
        "contentType": "text/html" if entry.kind == "TYPE_EMAIL" else "text/plain",
        "attachments": list(entry.attachments),
    }
    if entry.dated:
        row["dateAdded"] = row["dateUpdated"] = iso(entry.at)
    if entry.body is not None:
        row["body"] = entry.body
    if entry.status is not None:
        row["status"] = entry.status
    if entry.direction is not None:
        row |= _parties(person, entry)
    if entry.kind == "TYPE_CALL":
        row["meta"] = {"callDuration": "61", "callStatus": "completed"}
    if entry.mails:
        row["meta"] = {"email": {"messageIds": list(entry.mails)}}
    return row


def email(workspace: Workspace, person: Person, entry: Entry, ident: str) -> Json:
    """The body of one mail of an email row."""
    inbound = entry.direction == "inbound"
    return {
        "id": ident,
        "threadId": entry.id,
        "locationId": workspace.location_id,
        "contactId": entry.contact,
        "conversationId": entry.conversation,
        "dateAdded": iso(entry.at),
        "subject": "From the CRM",
        "body": f"<p>A mail kept in the CRM: {ident}</p>",
        "direction": entry.direction,
        "status": "delivered",
        "contentType": "text/html",
        "attachments": [],
        "provider": "Leadconnector Gmail",
        "from": f"{person.name} <{person.emails[0]}>" if inbound else _OUR_ADDRESS,
        "to": [_OUR_ADDRESS if inbound else person.emails[0]],
        "cc": [],
        "bcc": [],
        "source": "app",
    }


def contact(workspace: Workspace, person: Person) -> Json:
    """A contact by its id; additional numbers are missing here."""
    row: Json = {
        "id": person.contact,
        "locationId": workspace.location_id,
        "firstName": person.first,
        "lastName": person.last,
        "firstNameLowerCase": person.first.lower(),
        "lastNameLowerCase": person.last.lower(),
        "fullNameLowerCase": person.name.lower(),
        "companyName": person.company,
        "email": person.emails[0],
        "emailLowerCase": person.emails[0].lower(),
        "country": "US",
        "dnd": False,
        "tags": list(person.tags),
        "dateAdded": iso(person.created),
        "dateUpdated": iso(person.created),
    }
    if person.phones:
        row["phone"] = person.phones[0]
    return row


def searched_contact(workspace: Workspace, person: Person) -> Json:
    """A row of contact search, with additional addresses and its place in the search."""
    return contact(workspace, person) | {
        "additionalEmails": list(person.emails[1:]),
        "additionalPhones": list(person.phones[1:]),
        "searchAfter": search_after(person),
    }


def search_after(person: Person) -> list[object]:
    """Where a contact search goes on after this row."""
    return [milliseconds(person.created), person.contact]


def _parties(person: Person, entry: Entry) -> Json:
    theirs = person.phones[0] if person.phones else ""
    inbound = entry.direction == "inbound"
    sender, recipient = (theirs, _OUR_NUMBER) if inbound else (_OUR_NUMBER, theirs)
    row: Json = {"direction": entry.direction, "from": sender, "to": recipient}
    if not inbound:
        row["source"] = "campaign" if entry.kind == "TYPE_CAMPAIGN_SMS" else "app"
    return row
