"""One workspace of the world: a GoHighLevel location and an EmailBison team with their rows."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import RLock
from typing import TypeVar, cast

from convsync_cli.sandbox.rows import (
    Campaign,
    Conversation,
    Entry,
    Expected,
    Mailbox,
    Person,
    Reply,
    Send,
)

SCOPES = frozenset(
    {"conversations.readonly", "conversations/message.readonly", "contacts.readonly"}
)
_CACHED = 512

Built = TypeVar("Built")


@dataclass(slots=True, repr=False, eq=False)
class Workspace:
    """The rows of one workspace; whoever reads several of them together holds ``lock``.

    ``version`` grows with every change. ``scopes`` are those of the GoHighLevel token and may be
    replaced by a test.
    """

    name: str
    letters: str
    location_id: str
    gohighlevel_token: str
    team_id: int
    emailbison_token: str
    scopes: frozenset[str] = SCOPES
    mailboxes: tuple[Mailbox, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    people: dict[str, Person] = field(default_factory=dict)
    contacts: dict[str, Person] = field(default_factory=dict)
    conversations: dict[str, Conversation] = field(default_factory=dict)
    conversations_of: dict[str, list[Conversation]] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    mails: dict[str, Entry] = field(default_factory=dict)
    bison_leads: dict[int, Person] = field(default_factory=dict)
    bison_emails: dict[str, Person] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    replies_of: dict[str, list[Reply]] = field(default_factory=dict)
    sends: list[Send] = field(default_factory=list)
    sends_of: dict[str, list[Send]] = field(default_factory=dict)
    version: int = 0
    lock: RLock = field(default_factory=RLock, repr=False)
    _cache: dict[Hashable, object] = field(default_factory=dict, repr=False)

    def add_person(self, person: Person) -> None:
        """Make a lead known to the providers that have an id for it."""
        self.people[person.key] = person
        if person.contact is not None:
            self.contacts[person.contact] = person
        if person.bison is not None:
            self.bison_leads[person.bison] = person
            self.bison_emails[person.emails[0].lower()] = person
        self._changed()

    def add_conversation(self, conversation: Conversation) -> None:
        """Open a conversation with a contact."""
        self.conversations[conversation.id] = conversation
        self.conversations_of.setdefault(conversation.contact, []).append(conversation)
        self._changed()

    def add_entry(self, entry: Entry) -> None:
        """Append a row to its conversation; it is not older than those already there."""
        self.conversations[entry.conversation].entries.append(entry)
        self.entries[entry.id] = entry
        for mail in entry.mails:
            self.mails[mail] = entry
        self._changed()

    def add_reply(self, reply: Reply) -> None:
        """Append a row to the inbox; its id is greater than all before."""
        self.replies.append(reply)
        if reply.person is not None:
            self.replies_of.setdefault(reply.person, []).append(reply)
        self._changed()

    def add_send(self, send: Send) -> None:
        """Append a campaign email, of whatever id."""
        self.sends.append(send)
        self.sends_of.setdefault(send.person, []).append(send)
        self._changed()

    def new_id(self, kind: str) -> str:
        """The next free GoHighLevel id: ``msg`` for an entry, ``cnv`` for a conversation."""
        number = 1 + len(self.entries if kind == "msg" else self.conversations)
        return f"{kind}{self.letters}{number:013d}"

    def cached(self, key: Hashable, build: Callable[[], Built]) -> Built:
        """What ``build`` made for this key since the last change; the caller holds ``lock``."""
        if key not in self._cache:
            if len(self._cache) >= _CACHED:
                self._cache.clear()
            self._cache[key] = build()
        return cast(Built, self._cache[key])

    def _changed(self) -> None:
        self.version += 1
        if self._cache:
            self._cache.clear()


@dataclass(frozen=True, slots=True)
class Said:
    """A message that was added to the world: what is now expected, and where."""

    workspace: str
    message: Expected
