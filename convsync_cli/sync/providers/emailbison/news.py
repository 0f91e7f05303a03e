"""Rows of the workspace's lists as news of the people they are about."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from convsync_cli.sync import addresses
from convsync_cli.sync.api import Api
from convsync_cli.sync.model.address import Address
from convsync_cli.sync.model.feed import News
from convsync_cli.sync.model.lead import Contact, Handle, Lead
from convsync_cli.sync.model.message import Message
from convsync_cli.sync.providers.emailbison.requests import lead_by_id
from convsync_cli.sync.providers.emailbison.rows import (
    NAME,
    is_outbound,
    mailboxes,
    person,
    reply,
    sent,
)
from convsync_cli.sync.shape import Json, part, text, texts


def of_replies(api: Api, page: Iterable[Json], *, unread: bool = False) -> tuple[News, ...]:
    """News of whoever wrote, or was written to by hand.

    A row that names a lead is that lead's, whoever wrote it: a colleague may answer, and bounces
    come from a mail system. Where it names none, mostly what was written by hand, the lead is
    recognised by address. Only tracked leads are vouched for, warm-up mail names none. With
    ``unread`` the rest of the conversation is to be read too.
    """
    return tuple(_of_reply(api, row, unread) for row in page)


def _of_reply(api: Api, row: Json, unread: bool) -> News:
    contact, id = _lead_of(row), _tracked(row)
    return News(
        contact,
        partial(_replies, row),
        vouched=id is not None,
        unread=unread,
        found_by=_found_by(row),
        ask=partial(lead_by_id, api, id) if id is not None and not contact.addresses else None,
        late=True,  # what was written to them by hand names no lead
    )


def of_sends(page: Sequence[Json]) -> tuple[News, ...]:
    """News of the leads that campaign mails were sent to."""
    by_lead: dict[str, list[Json]] = {}
    for row in page:
        if id := _tracked(row):
            by_lead.setdefault(id, []).append(row)
    return tuple(
        News(_lead_of(own[0]), partial(_sends, own), vouched=True) for own in by_lead.values()
    )


def _tracked(row: Json) -> str | None:
    return text(row.get("lead_id")) or text(part(row, "lead").get("id"))


def _lead_of(row: Json) -> Contact:
    """What a row tells of the lead that it names."""
    id, told = _tracked(row), part(row, "lead")
    if id is None:
        return Contact()
    return person(told, id) if told else Contact(handles=(Handle(NAME, id),))


def _found_by(row: Json) -> tuple[Address, ...]:
    """The addresses of the other side, of which one may be a lead's."""
    theirs = (
        texts([row.get("primary_to_email_address"), *mailboxes(row.get("to"))])
        if is_outbound(row)
        else texts(row.get("from_email_address"))
    )
    found = dict.fromkeys(addresses.email(each) for each in theirs)
    return tuple(each for each in found if each.value is not None)


def _replies(row: Json, lead: Lead) -> tuple[Message, ...]:
    return (reply(row, lead),)


def _sends(own: Sequence[Mapping[str, object]], lead: Lead) -> tuple[Message, ...]:
    told = (sent(row, lead) for row in own)
    return tuple(each for each in told if each is not None)
