"""GoHighLevel (LeadConnector): SMS of one sub-account ("location").

A contact's conversations are searched for, then each is read newest first to its end. Contacts are
looked for, never created. Live answers differ from the published schema (messages are nested one
level deeper, rows have more fields and lack others): both shapes are read.
"""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from convsync_cli.sync import addresses, instant
from convsync_cli.sync.api import Api, Auth, Costs, Get, Grant
from convsync_cli.sync.errors import CursorLoop, Rejected, Unknown
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.credential import Credential, OAuth
from convsync_cli.sync.model.lead import Contact, Handle, Lead
from convsync_cli.sync.model.message import Channel, Direction, Message, Page
from convsync_cli.sync.shape import Json, mapping, part, rows, text, texts

NAME = "gohighlevel"
CHANNEL = Channel.SMS
BASE_URL: str | None = "https://services.leadconnectorhq.com"
RATE = Rate(90, 10)  # of 100 in 10 s per location
DISCOVER = True
COSTS = Costs(per_lead=2, page=100, fill_messages=500, fill_people=100)
EITHER = (("token", "oauth"),)  # keys of which exactly one is to be set
REFUSALS = {
    "scope": "the token lacks a scope; it needs conversations.readonly,"
    " conversations/message.readonly and contacts.readonly",
    "location": "the token does not belong to the configured location_id",
    "jwt": "the token is invalid or has been revoked",
}

_CONVERSATIONS = {"Version": "2021-04-15"}
_CONTACTS = {"Version": "2021-07-28"}
_LARGEST_PAGE = 100
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MALFORMED = (400, 422)  # how an id is refused that is none of theirs


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``[workspaces.W.sms]`` must hold beside the keys that all providers share."""

    location_id: str
    token: Credential | None = None
    oauth: OAuth | None = None


def auth(options: Settings, secrets: Mapping[str, str]) -> Auth:
    """What every request carries: a token that lasts, or the one of the moment."""
    accept = {"Accept": "application/json"}
    if options.oauth is None:
        return Auth({"Authorization": f"Bearer {secrets['token']}", **accept})
    app = {name: secrets[name] for name in ("client_id", "client_secret")}
    form = {**app, "grant_type": "refresh_token", "user_type": "Location"}
    return Auth(accept, grant=Grant(options.oauth.token_file, "/oauth/token", form))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk goes on: the conversations left, and the last message read of the first."""

    conversations: tuple[str, ...]
    after: str | None = None

    @classmethod
    def read(cls, cursor: str) -> "_Place":
        conversations, after = json.loads(cursor)
        return cls(tuple(conversations), after)

    def write(self) -> str | None:
        return json.dumps([self.conversations, self.after]) if self.conversations else None


@dataclass(frozen=True, slots=True)
class Reader:
    """``Provider`` for one location."""

    location: str

    async def check(self, api: Api) -> None:
        """Look at one conversation of the location; see ``Provider.check``."""
        await api.ask(self._search({"limit": 1}))

    async def pages(self, api: Api, lead: Lead, cursor: str | None) -> AsyncIterator[Page]:
        """A contact's SMS page by page; see ``Provider.pages``."""
        contact: Contact | None = None
        if cursor is not None:
            place = _Place.read(cursor)
        else:
            contact, place = await self._begin(api, lead)
            if contact is None:
                return
            if not place.conversations:
                yield Page(contact=contact)
        seen: set[str] = set()
        while place.conversations:
            page, place = await self._page(api, lead, place, seen)
            yield replace(page, contact=contact)
            contact = None

    async def _begin(self, api: Api, lead: Lead) -> tuple[Contact | None, _Place]:
        """The contact that the lead is, and its conversations: by its ids, else by address.

        A contact that was deleted or merged into another has no conversations either, so where an
        id has none the contact itself is looked at.
        """
        handles = tuple(each for each in lead.handles_at(NAME) if _ID.fullmatch(each))
        refused: Rejected | None = None
        if handles:
            known = Contact(handles=tuple(Handle(NAME, each) for each in handles))
            try:
                place = _Place(await self._conversations(api, known))
                if place.conversations or await self._exists(api, handles[-1]):
                    return known, place
            except Rejected as error:
                if not error.status:
                    raise
                refused = error
        found = await self._find(api, lead)
        if found is not None and found.handles[0].external_id not in handles:
            return found, _Place(await self._conversations(api, found))
        if refused is not None:
            raise refused
        return None, _Place(())

    async def _exists(self, api: Api, contact: str) -> bool:
        label = "contacts/{id}"
        try:
            await api.ask(Get(label, f"/contacts/{contact}", {}, _CONTACTS))
        except Unknown:
            return False
        except Rejected as error:
            if error.status not in _MALFORMED:
                raise
            return False
        return True

    async def _find(self, api: Api, lead: Lead) -> Contact | None:
        """The contact that has one of the lead's emails, else one of its phones."""
        for kind, parameter in ((AddressKind.EMAIL, "email"), (AddressKind.PHONE, "number")):
            for value in lead.values(kind):
                found = await self._duplicate(api, parameter, value)
                if found is not None:
                    return found
        return None

    async def _duplicate(self, api: Api, parameter: str, value: str) -> Contact | None:
        label = "contacts/search/duplicate"
        query = {"locationId": self.location, parameter: value}
        answer = await api.ask(Get(label, f"/{label}", query, _CONTACTS))
        row = mapping(answer, label).get("contact")
        if not isinstance(row, Mapping) or text(row.get("id")) is None:
            return None
        contact = _told(row)
        values = {address.value for address in contact.addresses}
        return contact if not values or value in values else None  # a filter may be ignored

    async def _conversations(self, api: Api, contact: Contact) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for handle in contact.handles:
            async for conversation in self._conversations_of(api, handle.external_id):
                found[conversation] = None
        return tuple(found)

    async def _conversations_of(self, api: Api, contact: str) -> AsyncIterator[str]:
        after: str | None = None
        seen: set[str] = set()
        while True:
            query: dict[str, str | int] = {"contactId": contact, "limit": _LARGEST_PAGE}
            request = self._search(query | ({"startAfterDate": after} if after else {}))
            answer = mapping(await api.ask(request), request.label)
            page = rows(answer.get("conversations"), request.label)
            own = [row for row in page if isinstance(row, Mapping) and _is_of(row, contact)]
            if page and not own and not seen:
                raise Rejected(f"{request.label} ignored the contact that was asked for")
            fresh = [id for row in own if (id := text(row.get("id"))) and id not in seen]
            for conversation in fresh:
                yield conversation
            seen.update(fresh)
            after = _sort_value(own[-1]) if own else None
            if not fresh or after is None or len(page) < _LARGEST_PAGE:
                return

    def _search(self, query: Mapping[str, str | int]) -> Get:
        fixed = {
            "locationId": self.location,
            "status": "all",
            "sortBy": "last_message_date",
            "sort": "desc",
        }
        return Get(
            "conversations/search", "/conversations/search", {**fixed, **query}, _CONVERSATIONS
        )

    async def _page(
        self, api: Api, lead: Lead, place: _Place, seen: set[str]
    ) -> tuple[Page, _Place]:
        """The next page of the first conversation left, and the place behind it."""
        conversation, *others = place.conversations
        label = "conversations/{id}/messages"
        query: dict[str, str | int] = {"limit": _LARGEST_PAGE}
        if place.after:
            query["lastMessageId"] = place.after
        path = f"/conversations/{quote(conversation, safe='')}/messages"
        answer = mapping(await api.ask(Get(label, path, query, _CONVERSATIONS)), label)
        envelope = answer["messages"] if isinstance(answer.get("messages"), Mapping) else answer
        found = rows(envelope.get("messages"), label)
        after = _next(envelope, found)
        ids = {id for row in found if isinstance(row, Mapping) and (id := text(row.get("id")))}
        if after is not None and (after == place.after or (ids and ids <= seen)):
            raise CursorLoop(f"{label} leads in a circle; its end cannot be reached")
        seen |= ids
        own = [row for row in found if _is_in(row, conversation)]
        if found and not own:
            raise Rejected(f"{label} ignored the conversation that was asked for")
        messages = [_message(row, conversation, lead) for row in own]
        page = Page(
            tuple(message for message in messages if message is not None),
            left_out=messages.count(None) + len(found) - len(own),
        )
        behind = _Place((conversation, *others), after) if after else _Place(tuple(others))
        return replace(page, cursor=behind.write()), behind


def reader(account: Account) -> Reader:
    """Who reads an account; see ``Provider``."""
    options: Settings = account.options
    return Reader(options.location_id)


def _is_of(row: Json, contact: str) -> bool:
    return text(row.get("contactId")) in (None, contact)


def _is_in(row: object, conversation: str) -> bool:
    told = row.get("conversationId") if isinstance(row, Mapping) else None
    return text(told) in (None, conversation)


def _sort_value(row: Json) -> str | None:
    """The value by which a conversation was sorted: the cursor of the page behind it."""
    sort = texts(row.get("sort"))
    return sort[0] if sort else text(row.get("lastMessageDate"))


def _next(envelope: Json, found: list[object]) -> str | None:
    """The id behind which the next page lies, or None at the end.

    Where the answer does not say whether there is more, a full page means that there may be.
    """
    more = envelope.get("nextPage", len(found) >= _LARGEST_PAGE)
    if not found or more in (False, None, "false"):
        return None
    ids = [id for row in found if isinstance(row, Mapping) and (id := text(row.get("id")))]
    last = text(envelope.get("lastMessageId")) or (ids[-1] if ids else None)
    if last is None:
        raise Rejected("conversations/{id}/messages tells of more pages, but not where they begin")
    return last


def _is_sms(row: Json) -> bool:
    """Whether a row is a text message; calls, WhatsApp, mail and activity rows are not.

    The number in ``type`` is only known for a few kinds, so it decides only where the name is
    missing.
    """
    name = (text(row.get("messageType")) or "").upper().removeprefix("TYPE_")
    if not name:
        return text(row.get("type")) in ("2", "SMS", "TYPE_SMS")
    if name.startswith("ACTIVITY") or name.endswith("REACTION"):
        return False
    return "SMS" in name or name == "RCS"


def _message(row: object, conversation: str, lead: Lead) -> Message | None:
    """A row as a message, or None where it is something else."""
    if not isinstance(row, Mapping) or not _is_sms(row):
        return None
    direction = _direction(row, lead)
    phone = next(iter(lead.values(AddressKind.PHONE)), None)
    inbound, outbound = direction == Direction.INBOUND, direction == Direction.OUTBOUND
    return Message(
        channel=Channel.SMS,
        provider=NAME,
        external_id=text(row.get("id")) or _fingerprint(row, conversation),
        direction=direction,
        sent_at=instant.parse(row.get("dateAdded")),
        body=text(row.get("body")) or "",
        sender=text(row.get("from")) or (phone if inbound else None),
        recipient=text(row.get("to")) or (phone if outbound else None),
        status=text(row.get("status")),
        thread=text(row.get("conversationId")) or conversation,
        attachments=texts(row.get("attachments")),
    )


def _direction(row: Json, lead: Lead) -> Direction:
    said = (text(row.get("direction")) or "").lower()
    if said in (Direction.INBOUND, Direction.OUTBOUND):
        return Direction(said)
    phones = lead.values(AddressKind.PHONE)
    if text(row.get("from")) in phones:
        return Direction.INBOUND
    if text(row.get("to")) in phones or text(row.get("userId")):
        return Direction.OUTBOUND
    return Direction.UNKNOWN


def _fingerprint(row: Json, conversation: str) -> str:
    """A key for a row that has none: the same row gives the same key."""
    told = [conversation, *(text(row.get(name)) for name in ("direction", "dateAdded", "body"))]
    return "row:" + hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def _told(row: Json) -> Contact:
    """What a contact's row tells about the person."""
    first_and_last = " ".join(texts([row.get("firstName"), row.get("lastName")]))
    mails = texts(row.get("email")) + _further(row.get("additionalEmails"), "email")
    phones = texts(row.get("phone")) + _further(row.get("additionalPhones"), "phone")
    return Contact(
        name=first_and_last or text(row.get("contactName")) or text(row.get("name")),
        company=text(row.get("companyName")) or text(row.get("businessName")),
        addresses=(
            *(addresses.email(each) for each in mails),
            *(addresses.phone(each, None) for each in phones),
        ),
        handles=tuple(Handle(NAME, id) for id in texts(row.get("id"))),
    )


def _further(value: object, name: str) -> tuple[str, ...]:
    """Additional addresses: a list of texts, or of objects that hold one."""
    listed = value if isinstance(value, list) else []
    return texts([part({"it": each}, "it").get(name, each) for each in listed])
