"""Rows of the feed as news of people, with their threads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from convsync_cli.sync.api import Api
from convsync_cli.sync.errors import Rejected, Unknown
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.feed import News
from convsync_cli.sync.model.lead import Contact, Lead
from convsync_cli.sync.model.message import Message
from convsync_cli.sync.providers.smartlead import requests
from convsync_cli.sync.providers.smartlead.rows import Thread, is_id, listed_id, person
from convsync_cli.sync.shape import Json, part, text

Told = tuple[list[News], int]  # and how many rows of threads are no messages

_NOT_WRITTEN_TO = "STARTED"  # the status of a lead to whom nothing was sent so far


@dataclass(frozen=True, slots=True)
class _Known:
    """A row's person and thread; None where the thread has to be read by itself."""

    contact: Contact
    thread: Thread | None


async def of_inbox(api: Api, rows: Sequence[Json]) -> Told:
    """Conversations of the inbox; a row that came without its thread has it fetched."""
    known: list[_Known] = []
    left_out = 0
    for row in rows:
        contact = person(row, "lead_")
        if not contact.handles and not any(each.value for each in contact.addresses):
            left_out += 1
        else:
            known.append(_Known(contact, await _inbox_thread(api, row, contact)))
    news, odd = _grouped(known)
    return news, odd + left_out


async def of_leads(api: Api, campaign: str, rows: Sequence[Json]) -> Told:
    """Leads of a campaign, with their threads, which are fetched together."""
    people = {id: row for row in rows if (id := listed_id(row)) is not None}
    threads = await _threads(api, campaign, people)
    told = {id: person(part(row, "lead")) for id, row in people.items()}
    known = [_Known(contact, threads.get(id)) for id, contact in told.items()]
    news, odd = _grouped(known)
    return news, odd + len(rows) - len(people)


async def _inbox_thread(api: Api, row: Json, contact: Contact) -> Thread | None:
    campaign = text(row.get("email_campaign_id"))
    if campaign is None or not is_id(campaign) or not contact.handles:
        return None
    id = contact.handles[0].external_id
    items = row.get("email_history")
    if isinstance(items, list) and items:
        return Thread.read(id, campaign, items)
    return await _thread(api, campaign, id)


async def _threads(api: Api, campaign: str, people: Mapping[str, Json]) -> dict[str, Thread]:
    """The threads of some leads; one that is not told of is fetched, if there must be one."""
    if not people:
        return {}
    try:
        told = await requests.histories(api, campaign, tuple(people))
    except Unknown:
        told = {}  # the address has a fixed part that may change: then one by one
    found = {}
    for id, row in people.items():
        if id in told:
            found[id] = Thread.read(id, campaign, told[id])
        elif (text(row.get("status")) or "").upper() == _NOT_WRITTEN_TO:
            found[id] = Thread(id, campaign, ())
        elif (thread := await _thread(api, campaign, id)) is not None:
            found[id] = thread
    return found


async def _thread(api: Api, campaign: str, id: str) -> Thread | None:
    """A thread, or None where it cannot be read: a job of the lead's own will say why."""
    try:
        return Thread.read(id, campaign, await requests.history(api, campaign, id))
    except Rejected:
        return None


def _grouped(known: Sequence[_Known]) -> Told:
    """News of each person, who may stand in several rows."""
    people: dict[object, list[_Known]] = {}
    for each in known:
        people.setdefault(each.contact.handles or each.contact.addresses, []).append(each)
    told = [_news(rows) for rows in people.values()]
    return told, sum(each.thread.left_out for each in known if each.thread)


def _news(rows: Sequence[_Known]) -> News:
    contact = rows[0].contact
    threads = [each.thread for each in rows if each.thread and _is_of(each.thread, contact)]
    read = partial(_messages, tuple(threads), _mails(contact))
    return News(contact, read, vouched=True, unread=len(threads) < len(rows))


def _messages(threads: Sequence[Thread], told: Sequence[str], lead: Lead) -> tuple[Message, ...]:
    mails = {*told, *lead.values(AddressKind.EMAIL)}
    return tuple(message for thread in threads for message in thread.messages(mails))


def _is_of(thread: Thread, contact: Contact) -> bool:
    """Whether the thread is the person's; somebody else's is left to a job that reports it."""
    try:
        thread.messages(_mails(contact))
    except Rejected:
        return False
    return True


def _mails(contact: Contact) -> tuple[str, ...]:
    return tuple(each.value for each in contact.addresses if each.value)
