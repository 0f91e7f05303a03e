"""The requests that are made of one GoHighLevel location."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from convsync_cli.sync.api import Get, Post

LARGEST_PAGE = 100  # conversations, and messages of one
LARGEST_EXPORT = 500  # messages of all
LARGEST_LISTING = 500  # contacts

_CONVERSATIONS = {"Version": "2021-04-15"}
_CONTACTS = {"Version": "2021-07-28"}


@dataclass(frozen=True, slots=True)
class Location:
    """A sub-account, by its id."""

    id: str

    def search(self, **query: str | int) -> Get:
        """Conversations, the one with the newest message first."""
        label = "conversations/search"
        fixed = {
            "locationId": self.id,
            "status": "all",
            "sortBy": "last_message_date",
            "sort": "desc",
        }
        return Get(label, f"/{label}", {**fixed, **query}, _CONVERSATIONS)

    def messages(self, conversation: str, after: str | None) -> Get:
        """Messages of a conversation, newest first, from behind the id ``after``."""
        query: dict[str, str | int] = {"limit": LARGEST_PAGE}
        if after:
            query["lastMessageId"] = after
        path = f"/conversations/{quote(conversation, safe='')}/messages"
        return Get("conversations/{id}/messages", path, query, _CONVERSATIONS)

    def export(self, **query: str | int) -> Get:
        """Messages of the whole location that are no mail."""
        label = "conversations/messages/export"
        return Get(label, f"/{label}", {"locationId": self.id, **query}, _CONVERSATIONS)

    def contact(self, contact: str) -> Get:
        """One contact."""
        return Get("contacts/{id}", f"/contacts/{quote(contact, safe='')}", {}, _CONTACTS)

    def duplicate(self, parameter: str, value: str) -> Get:
        """The contact that has an ``email`` or a ``number``."""
        label = "contacts/search/duplicate"
        return Get(label, f"/{label}", {"locationId": self.id, parameter: value}, _CONTACTS)

    def contacts_with(self, wanted: Sequence[tuple[str, str]]) -> Post:
        """Contacts one of whose fields has a value: pairs of a field and what it must be."""
        alternatives = [
            {"field": field, "operator": "eq", "value": value} for field, value in wanted
        ]
        return self._contacts({"filters": [{"group": "OR", "filters": alternatives}]}, 20)

    def contacts(self, after: Sequence[object] | None) -> Post:
        """All contacts, from behind the place ``after``."""
        return self._contacts({"searchAfter": list(after)} if after else {}, LARGEST_LISTING)

    def _contacts(self, body: Mapping[str, Any], most: int) -> Post:
        label = "contacts/search"
        fixed = {"locationId": self.id, "pageLimit": most}
        return Post(label, f"/{label}", {**fixed, **body}, headers=_CONTACTS)
