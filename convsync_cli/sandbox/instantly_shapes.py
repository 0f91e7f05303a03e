"""The rows of Instantly's list, made of the same mail, and what a perfect sync holds of them.

Sent and received mail stand in one list, each once. Lists lack what the documents promise: here
and there the lead, the mark of an automatic reply, one of the two bodies.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import md5

from convsync_cli.sandbox.rows import Expected, Person, Reply, Send
from convsync_cli.sandbox.workspace import Workspace

Json = dict[str, object]

CAMPAIGN, RECEIVED, BY_HAND, PLANNED = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Mail:
    """A row; ``person`` is whose it is, which it tells only where ``tracked``."""

    id: str
    kind: int
    created: datetime
    at: datetime
    message_id: str
    subject: str
    text: str | None
    html: str | None
    visible: str
    sender: tuple[str, str]
    recipient: tuple[str, str]
    mailbox: str
    person: Person | None
    tracked: bool
    campaign: int | None = None
    step: int | None = None
    automated: bool = False
    cc: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[datetime, str]:
        """Where it stands in the list."""
        return self.created, self.id


def token(workspace: Workspace) -> str:
    """The key of the workspace; it looks like base64."""
    return f"{_uuid(workspace.emailbison_token, 'key').replace('-', '')}ABCDEFGH=="


def mails(workspace: Workspace) -> list[Mail]:
    """Every row, oldest first."""
    sent = [_sent(workspace, row) for row in workspace.sends if row.status in ("sent", "scheduled")]
    known = {row.message_id for row in sent}
    replies = (_reply(workspace, row) for row in workspace.replies)
    rows = [*sent, *(row for row in replies if row.message_id not in known)]
    return sorted(rows, key=lambda row: row.place)


def expected(workspace: Workspace) -> Iterator[Expected]:
    """Every mail of every lead that was sent; copies of one mail are one message."""
    once: dict[tuple[str, str, bool], list[Mail]] = {}
    for row in mails(workspace):
        if row.person is not None and row.kind != PLANNED:
            name = (row.person.key, row.message_id, row.kind == RECEIVED)
            once.setdefault(name, []).append(row)
    for (key, _, inbound), rows in once.items():
        yield Expected(
            key,
            "email",
            tuple(row.id for row in rows),
            "inbound" if inbound else "outbound",
            rows[0].at,
            rows[0].visible,
            rows[0].subject or None,
            rows[0].message_id,
        )


def mail(workspace: Workspace, row: Mail) -> Json:
    """A row as JSON; a few fields are missing from some of them."""
    told: Json = {
        "id": row.id,
        "timestamp_created": iso(row.created),
        "timestamp_email": iso(row.at),
        "ue_type": row.kind,
        "message_id": row.message_id,
        "thread_id": _uuid(row.person.key if row.person else row.sender[1], "thread"),
        "subject": row.subject,
        "body": _body(row),
        "from_address_email": row.sender[1],
        "to_address_email_list": row.recipient[1],
        "cc_address_email_list": ",".join(row.cc) or None,
        "from_address_json": [{"address": row.sender[1], "name": row.sender[0]}],
        "to_address_json": [{"address": row.recipient[1], "name": row.recipient[0]}],
        "eaccount": row.mailbox,
        "organization_id": organization(workspace),
        "campaign_id": _uuid("campaign", row.campaign) if row.campaign else None,
        "step": f"0_{row.step}_0" if row.step else None,
        "is_unread": 0,
        "content_preview": row.visible[:40],
    }
    if row.person is not None and row.tracked:
        told |= {"lead": row.person.emails[0], "lead_id": lead_id(row.person)}
    if row.automated or row.id < "8":
        told["is_auto_reply"] = int(row.automated)
    if row.attachments:
        files = [
            {"filename": name, "size": 1927, "type": "application/pdf"} for name in row.attachments
        ]
        told["attachment_json"] = {"files": files}
    return told


def lead(workspace: Workspace, person: Person) -> Json:
    """A lead."""
    replies = [
        row for row in workspace.replies_of.get(person.key, ()) if row.direction == "inbound"
    ]
    return {
        "id": lead_id(person),
        "timestamp_created": iso(person.created),
        "timestamp_updated": iso(person.created),
        "organization": organization(workspace),
        "status": 1,
        "email": person.emails[0],
        "first_name": person.first,
        "last_name": person.last or None,
        "company_name": person.company,
        "company_domain": person.emails[0].split("@")[1],
        "phone": next(iter(person.phones), None),
        "email_open_count": 0,
        "email_reply_count": len(replies),
        "email_click_count": 0,
        "status_summary": {},
    }


def lead_id(person: Person) -> str:
    """The id of a lead."""
    return _uuid(person.key, "lead")


def organization(workspace: Workspace) -> str:
    """The id of the workspace."""
    return _uuid(workspace.name, "organization")


def iso(moment: datetime) -> str:
    """ISO 8601 with milliseconds and Z."""
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def _reply(workspace: Workspace, row: Reply) -> Mail:
    inbound = row.direction == "inbound"
    person = workspace.people[row.person] if row.person else None
    other = (person.name if person else "", row.to_address)
    return Mail(
        id=_uuid("reply", row.id, workspace.name),
        kind=RECEIVED if inbound else BY_HAND,
        created=row.ingested,
        at=row.received,
        message_id=row.message_id,
        subject=row.subject or "",
        text=row.text_body,
        html=row.html_body,
        visible=row.visible,
        sender=(row.from_name, row.from_address),
        recipient=(row.mailbox.name, row.to_address) if inbound else other,
        mailbox=row.mailbox.address,
        person=person,
        tracked=inbound or row.lead_id is not None,
        campaign=row.campaign_id,
        automated=row.automated,
        cc=row.cc,
        attachments=row.attachments,
    )


def _sent(workspace: Workspace, row: Send) -> Mail:
    person = workspace.people[row.person]
    at = row.sent_at or row.scheduled
    return Mail(
        id=_uuid("send", row.id, workspace.name),
        kind=CAMPAIGN if row.sent_at else PLANNED,
        created=at + timedelta(seconds=3) if row.sent_at else at - timedelta(days=3),
        at=at,
        message_id=row.message_id or f"<planned-{row.id}@mail.example.com>",
        subject=row.subject,
        text=None,
        html=row.body,
        visible=row.visible,
        sender=(row.mailbox.name, row.mailbox.address),
        recipient=(person.name, person.emails[0]),
        mailbox=row.mailbox.address,
        person=person,
        tracked=True,
        campaign=row.campaign.id,
        step=row.step,
    )


def _body(row: Mail) -> object:
    """One or both of two bodies; in older rows, bare text."""
    bodies = {name: value for name, value in (("text", row.text), ("html", row.html)) if value}
    return next(iter(bodies.values())) if len(bodies) == 1 and row.id < "3" else bodies


def _uuid(*told: object) -> str:
    digits = md5("/".join(map(str, told)).encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
