"""What a workspace's mail looks like at Smartlead: one thread for each campaign and lead.

The people, campaigns and mails are those of the world; only how they are told differs. A second
copy of a mail stands in the thread of another campaign, a bounce is no mail here, and the lead with
the longest conversation is in every campaign.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from convsync_cli.sandbox.rows import Campaign, Expected, Person, Reply, Send
from convsync_cli.sandbox.workspace import Workspace

FIRST_LEAD = 700_000
FIRST_MAP = 5_000_000
_LONG = 30  # from so many mails on a conversation is spread over all campaigns


@dataclass(frozen=True, slots=True)
class Item:
    """A mail in a thread; ``step`` is 0 for what was not sent by the sequence."""

    inbound: bool
    at: datetime
    message_id: str
    stats_id: str
    writer: str
    reader: str
    subject: str
    body: str | None
    visible: str
    step: int = 0
    cc: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()


@dataclass(slots=True)
class Thread:
    """What was said with one lead in one campaign, oldest first."""

    person: Person
    lead_id: int
    map_id: int
    campaign: Campaign
    items: list[Item] = field(default_factory=list)

    @property
    def last_sent(self) -> datetime | None:
        """When we wrote last."""
        return max((item.at for item in self.items if not item.inbound), default=None)

    @property
    def last_reply(self) -> datetime | None:
        """When the lead wrote last."""
        return max((item.at for item in self.items if item.inbound), default=None)


def lead_id(person: Person) -> int:
    """The lead's global id; it is another than the one in its campaigns."""
    assert person.bison is not None
    return FIRST_LEAD + person.bison


def threads(workspace: Workspace) -> dict[tuple[int, int], Thread]:
    """Every thread by campaign and lead; the caller holds the workspace's lock."""
    return workspace.cached("smartlead", lambda: _threads(workspace))


def expected(workspace: Workspace) -> Iterator[Expected]:
    """What a perfect sync of Smartlead holds; subjects that replies lack are their send's."""
    once: dict[tuple[str, str, bool], Expected] = {}
    for thread in threads(workspace).values():
        sent = {item.stats_id: item.subject for item in reversed(thread.items) if item.step}
        for item in thread.items:
            name = thread.person.key, item.message_id, item.inbound
            ids = once[name].external_ids if name in once else ()
            once[name] = Expected(
                thread.person.key,
                "email",
                (*ids, _key(thread, item)),
                "inbound" if item.inbound else "outbound",
                item.at,
                item.visible,
                item.subject or sent.get(item.stats_id),
                item.message_id,
            )
    yield from once.values()


def _key(thread: Thread, item: Item) -> str:
    kind = "reply" if item.inbound else "sent"
    return f"{kind}:{thread.campaign.id}:{thread.lead_id}:{item.message_id}"


def _threads(workspace: Workspace) -> dict[tuple[int, int], Thread]:
    found: dict[tuple[int, int], Thread] = {}
    for person in workspace.people.values():
        if person.bison is not None:
            for thread in _threads_of(workspace, person):
                found[thread.campaign.id, thread.lead_id] = thread
    return found


def _threads_of(workspace: Workspace, person: Person) -> list[Thread]:
    sends = [row for row in workspace.sends_of.get(person.key, ()) if row.status == "sent"]
    replies = [row for row in workspace.replies_of.get(person.key, ()) if row.folder != "Bounced"]
    rows: list[Send | Reply] = sorted([*sends, *replies], key=_when)
    campaigns = list(workspace.campaigns)
    home = campaigns.index(sends[0].campaign) if sends else 0
    opened = {home: _opened(person, campaigns, home)}
    seen: set[tuple[str | None, bool]] = set()
    for row in rows:
        name = row.message_id, _inbound(row)
        place = home + (name in seen)
        if len(rows) >= _LONG and isinstance(row, Reply):
            place = row.id  # a mail stays in the campaign that it is in
        seen.add(name)
        place %= len(campaigns)
        thread = opened.setdefault(place, _opened(person, campaigns, place))
        thread.items.append(_item(row, person, sends, at_home=place == home))
    return list(opened.values())


def _opened(person: Person, campaigns: list[Campaign], place: int) -> Thread:
    number = (person.bison or 0) * len(campaigns) + place
    return Thread(person, lead_id(person), FIRST_MAP + number, campaigns[place])


def _when(row: Send | Reply) -> datetime:
    if isinstance(row, Reply):
        return row.received
    assert row.sent_at is not None
    return row.sent_at


def _inbound(row: Send | Reply) -> bool:
    return isinstance(row, Reply) and row.direction == "inbound"


def _item(row: Send | Reply, person: Person, sends: list[Send], *, at_home: bool) -> Item:
    if isinstance(row, Send):
        return _sent(row, person)
    answered = row.send_id or (sends[0].id if sends else 0)
    paired = at_home and any(send.id == answered for send in sends)
    unsaid = paired and _inbound(row) and row.id % 3 == 0
    return Item(
        _inbound(row),
        row.received,
        row.message_id,
        f"st-{answered}",
        row.from_address,
        row.to_address,
        "" if unsaid else row.subject or "",
        row.html_body or (f"<div>{_markup(row.text_body)}</div>" if row.text_body else None),
        row.visible,
        cc=row.cc,
        attachments=row.attachments,
    )


def _sent(row: Send, person: Person) -> Item:
    assert row.sent_at is not None
    assert row.message_id is not None
    return Item(
        False,
        row.sent_at,
        row.message_id,
        f"st-{row.id}",
        row.mailbox.address,
        person.emails[0],
        row.subject,
        row.body,
        row.visible,
        row.step,
    )


def _markup(text: str) -> str:
    return escape(text, quote=False).replace("\n", "<br>")
