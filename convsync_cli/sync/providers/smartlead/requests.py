"""Smartlead's endpoints: what is asked, and the rows of the answer, in whichever envelope."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from convsync_cli.sync.api import Api, Get, Post
from convsync_cli.sync.errors import Rejected, Unknown
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.model.lead import Contact
from convsync_cli.sync.providers.smartlead.rows import is_id, person
from convsync_cli.sync.shape import (
    Json,
    an_error,
    mapping,
    objects,
    other_lead,
    other_shape,
    part,
    rows,
    text,
    without_id,
)

INBOX_PAGE = 20
LEADS_PAGE = 100

_BASE = "/api/v1"
# A fixed part of the address, which the vendor's page on this endpoint prints; it is no credential.
_BULK_SUFFIX = "bbfbdsFGHlBr76ruhjvh6fhHL"
_ENVELOPES = ("history", "messages", "leads", "campaigns", "replies", "data")
_DEEPEST_ENVELOPE = 3


@dataclass(frozen=True, slots=True)
class Found:
    """A lead as Smartlead knows it; ``campaigns`` is None where the answer does not tell them."""

    id: str
    contact: Contact
    campaigns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list, by how much it moved the offset, and whether it is the last one."""

    rows: tuple[Json, ...]
    moved: int
    last: bool
    left_out: int = 0


async def campaigns(api: Api) -> tuple[tuple[str, str], ...]:
    """All campaigns: id and status."""
    label = "campaigns"
    answer = await _ask(api, Get(label, f"{_BASE}/campaigns/", {}))
    rows = objects(rows_of(answer, label))
    return tuple((id, (text(row.get("status")) or "").upper()) for row in rows for id in _id(row))


async def must_be_gone(api: Api, campaign: str, error: Unknown) -> None:
    """Raise the 404 about something in a campaign, unless the campaign itself is gone.

    A wrong address answers 404 too, and must not pass for something that is not there any more.
    """
    if campaign in {id for id, _ in await campaigns(api)}:
        raise error


async def lead_by_email(api: Api, email: str) -> Found | None:
    """The lead with an address, or None: the answer is an empty object then.

    Raises:
        Rejected: it is another lead.
    """
    label = "leads/?email"
    answer = await _ask(api, Get(label, f"{_BASE}/leads/", {"email": email}))
    if answer in ({}, []):
        return None
    row = _one(answer, label)
    found = _found(row, label)
    if any(address.value != email for address in found.contact.addresses):
        raise other_lead(label)
    return found


async def lead_by_id(api: Api, id: str) -> Found:
    """The lead with an id."""
    label = "leads/{id}"
    found = _found(_one(await _ask(api, Get(label, f"{_BASE}/leads/{id}", {})), label), label)
    if found.id != id:
        raise other_lead(label)
    return found


async def campaigns_of(api: Api, id: str) -> tuple[str, ...]:
    """The campaigns that a lead is in."""
    label = "leads/{id}/campaigns"
    answer = await _ask(api, Get(label, f"{_BASE}/leads/{id}/campaigns", {}))
    return _campaign_ids(objects(rows_of(answer, label)))


async def history(api: Api, campaign: str, id: str) -> list[object]:
    """A lead's whole thread in a campaign."""
    label = "campaigns/{id}/leads/{id}/message-history"
    path = f"{_BASE}/campaigns/{campaign}/leads/{id}/message-history"
    return rows_of(await _ask(api, Get(label, path, {})), label)


async def histories(api: Api, campaign: str, ids: Sequence[str]) -> Mapping[str, list[object]]:
    """The whole threads of some leads in a campaign; who has none may not be told of.

    A thread that cannot be read counts as not told of: it hides no other.

    Raises:
        Rejected: also where the answer is about none of those asked for.
    """
    label = "campaigns/{id}/message-history-for-leads"
    path = f"{_BASE}/campaigns/{campaign}/message-history-for-leads/{_BULK_SUFFIX}"
    body = {"lead_ids": [int(id) for id in ids]}  # null would mean every lead of the campaign
    answer = mapping(await _ask(api, Post(label, path, body)), label)
    told = part(answer, "data") or answer
    if told and not any(id in told for id in ids) and "ok" not in told:
        raise Rejected(f"{label} reported none of the leads that were asked for")
    found = {}
    for id in ids:
        with contextlib.suppress(Rejected):
            found[id] = rows_of(told.get(id), label)
    return found


async def inbox(api: Api, since: datetime, until: datetime, offset: int) -> Listed:
    """Conversations by their last reply, between two moments, latest first, with their threads."""
    label = "master-inbox/inbox-replies"
    body = {
        "offset": offset,
        "limit": INBOX_PAGE,
        "sortBy": "REPLY_TIME_DESC",
        "filters": {
            "emailStatus": "Replied",
            "replyTimeBetween": [to_text(since), to_text(until)],
        },
    }
    request = Post(label, f"{_BASE}/{label}", body, {"fetch_message_history": "true"})
    return _listed(await _ask(api, request), label, INBOX_PAGE)


async def campaign_leads(api: Api, campaign: str, since: datetime | None, offset: int) -> Listed:
    """The leads of a campaign, or those to whom something was sent since a moment."""
    label = "campaigns/{id}/leads"
    query: dict[str, str | int] = {"offset": offset, "limit": LEADS_PAGE}
    if since is not None:
        query["last_sent_time_gt"] = to_text(since)
    answer = await _ask(api, Get(label, f"{_BASE}/campaigns/{campaign}/leads", query))
    return _listed(answer, label, LEADS_PAGE)


def rows_of(answer: object, label: str) -> list[object]:
    """The list in an answer: the answer itself, or what is in one of the envelopes around it.

    Raises:
        Rejected: there is none that can be read. To take that for "no rows" would be a lie.
    """
    for _ in range(_DEEPEST_ENVELOPE + 1):
        if isinstance(answer, list):
            return rows(answer, label)
        inside = answer if isinstance(answer, Mapping) else {}
        held = (inside[name] for name in _ENVELOPES if name in inside)
        answer = next((each for each in held if isinstance(each, list | Mapping)), None)
    raise other_shape(label)


async def _ask(api: Api, request: Get | Post) -> Any:
    """Ask, and find the errors that come with status 200."""
    answer = await api.ask(request)
    if isinstance(answer, Mapping) and (
        answer.get("ok") is False or answer.get("success") is False
    ):
        said = text(answer.get("message")) or text(answer.get("error")) or text(answer.get("err"))
        raise an_error(request.label, said)
    return answer


def _listed(answer: object, label: str, asked: int) -> Listed:
    """A page; fewer rows than asked for, or than the server says it gives at most, are the last."""
    rows = rows_of(answer, label)
    told = text(answer.get("limit")) if isinstance(answer, Mapping) else None
    most = min(asked, int(told)) if told and told.isdecimal() and int(told) else asked
    good = objects(rows)
    return Listed(tuple(good), min(len(rows), most), len(rows) < most, len(rows) - len(good))


def _one(answer: object, label: str) -> Json:
    """The lead in an answer, which is the answer itself or the only row of a list."""
    if isinstance(answer, Mapping) and "id" in answer:
        return answer
    inner = answer.get("data") if isinstance(answer, Mapping) else None
    if isinstance(inner, Mapping):
        return inner
    rows = rows_of(answer, label)
    return mapping(rows[0] if len(rows) == 1 else None, label)


def _found(row: Json, label: str) -> Found:
    ids = _id(row)
    if not ids:
        raise without_id(label)
    listed = row.get("lead_campaign_data")
    known = _campaign_ids(objects(listed)) if isinstance(listed, list) else None
    return Found(ids[0], person(row), known)


def _campaign_ids(rows: Iterable[Json]) -> tuple[str, ...]:
    told = (text(row.get("campaign_id")) or text(row.get("id")) for row in rows)
    return tuple(dict.fromkeys(id for id in told if id is not None and is_id(id)))


def _id(row: Json) -> tuple[str, ...]:
    id = text(row.get("id"))
    return (id,) if id is not None and is_id(id) else ()
