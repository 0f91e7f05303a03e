"""What the feed tells of people: conversations, and in bulk contacts and the export's messages."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from convsync_cli.sync import instant
from convsync_cli.sync.api import Api
from convsync_cli.sync.circle import Circle
from convsync_cli.sync.model.feed import News, Thread
from convsync_cli.sync.model.lead import Contact, Handle, Lead
from convsync_cli.sync.model.message import Message
from convsync_cli.sync.providers.gohighlevel.conversation import Place
from convsync_cli.sync.providers.gohighlevel.requests import (
    LARGEST_EXPORT,
    LARGEST_LISTING,
    Location,
)
from convsync_cli.sync.providers.gohighlevel.rows import NAME, contact, is_sms, message, person
from convsync_cli.sync.shape import Json, ignored, mapping, rows, text


def of_conversations(page: Sequence[Json], since: datetime | None) -> tuple[News, ...]:
    """News of whom conversations are with, each to be read back to ``since``, if that is told."""
    return tuple(
        News(
            person(row),
            thread=None if since is None else Thread(_beginning(row), since),
            vouched=text(row.get("contactId")) is not None and row.get("deleted") is not True,
        )
        for row in page
    )


def _beginning(row: Json) -> str:
    return Place((text(row.get("id")) or "",)).write() or ""


async def contacts(
    api: Api, location: Location, after: object
) -> AsyncIterator[tuple[tuple[News, ...], list[object] | None]]:
    """Every contact, page by page, and where the next page begins; None behind the last.

    They are vouched for by nobody: only those are of interest that are leads or have messages.
    """
    circle = Circle("contacts/search")
    while True:
        request = location.contacts(after if isinstance(after, list) else None)
        answer = mapping(await api.ask(request), request.label)
        found = rows(answer.get("contacts"), request.label)
        known = [row for row in found if isinstance(row, Mapping) and text(row.get("id"))]
        following = (
            known[-1].get("searchAfter") if len(found) >= LARGEST_LISTING and known else None
        )
        after = following if isinstance(following, list) else None
        if after is not None:
            circle.watch(text(row.get("id")) for row in known)
        yield tuple(News(contact(row)) for row in known), after
        if after is None:
            return


async def messages(
    api: Api, location: Location, now: datetime, **query: str
) -> AsyncIterator[tuple[tuple[News, ...], int, str | None, bool]]:
    """The messages of the location that fit a query, oldest first, each page with the rows left
    out, the date of its last message, and whether there is more.

    The server's own cursor ends with the search it belongs to, so that it is never stored. A date
    later than ``now`` says nothing of how far the export has come.
    """
    cursor: dict[str, str] = {}
    circle = Circle("conversations/messages/export")
    while True:
        request = location.export(limit=LARGEST_EXPORT, sortOrder="asc", **query, **cursor)
        answer = mapping(await api.ask(request), request.label)
        found = rows(answer.get("messages"), request.label)
        own = [row for row in found if isinstance(row, Mapping) and _is_of(row, location)]
        if found and not own:
            raise ignored(request.label, "location")
        following = text(answer.get("nextCursor")) if found else None
        if following is not None:
            circle.watch(text(row.get("id")) for row in own)
        cursor = {"cursor": following} if following else {}
        texting = [row for row in own if is_sms(row) and text(row.get("contactId"))]
        left_out = len(found) - len(texting)
        yield _news(texting), left_out, _reached(own, now), following is not None
        if following is None:
            return


def _reached(own: Sequence[Json], now: datetime) -> str | None:
    """The date of the last message of a page; None where the page is not oldest first."""
    told = (instant.parse(row.get("dateAdded")) for row in own)
    dates = [at for at in told if at is not None and at <= now]
    return instant.to_text(dates[-1]) if dates and dates == sorted(dates) else None


def _is_of(row: Json, location: Location) -> bool:
    return text(row.get("locationId")) in (None, location.id)


def _news(texting: Sequence[Json]) -> tuple[News, ...]:
    """The rows of a page by the person that they are from or to."""
    by_contact: dict[str, list[Json]] = {}
    for row in texting:
        by_contact.setdefault(text(row.get("contactId")) or "", []).append(row)
    return tuple(
        News(Contact(handles=(Handle(NAME, id),)), partial(_messages, own))
        for id, own in by_contact.items()
    )


def _messages(own: Sequence[Json], lead: Lead) -> tuple[Message, ...]:
    told = (message(row, text(row.get("conversationId")) or "", lead) for row in own)
    return tuple(each for each in told if each is not None)
