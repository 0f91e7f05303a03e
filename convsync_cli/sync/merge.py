"""Which fetched messages are new, changed or known; pure, so that it can be tested in full.

House rules: the provider's id is the key. A missing id is no deletion. Two copies of one mail (the
same Message-ID and direction) are one message, under the smaller of their ids, so that the order in
which pages come does not matter. History that was stored without an id is healed when exactly one
stored and one fetched message can be each other, at best to the second.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from convsync_cli.sync.model.message import Channel, Message

SMS_SLACK = timedelta(seconds=60)
EMAIL_SLACK = timedelta(minutes=2)
TO_THE_SECOND = timedelta(milliseconds=999)  # exports mostly cut the fraction
_TEXT_START = 80

# What an answer without it (a list that carries no bodies, a copy of poorer source) never erases.
_KEPT = (
    "sent_at",
    "body",
    "sender",
    "recipient",
    "subject",
    "status",
    "thread",
    "message_id",
    "source",
    "source_type",
    "attachments",
)


@dataclass(frozen=True, slots=True)
class Known:
    """A stored message and its row."""

    row: int
    message: Message


@dataclass(frozen=True, slots=True)
class Changes:
    """What to store: messages to insert, and rows to bring up to date (some of them healed)."""

    new: tuple[Message, ...] = ()
    changed: tuple[Known, ...] = ()
    unchanged: int = 0
    healed: int = 0


def plan(known: Iterable[Known], fetched: Iterable[Message]) -> Changes:
    """Work out what fetched messages change.

    ``known`` holds at least every stored message that one of ``fetched`` could be: by provider id,
    by Message-ID, and those of the lead and channel without a provider id.
    """
    fetched = tuple(fetched)
    shelf = _Shelf()
    for each in known:
        shelf.add(_Entry(each.row, each.message, each.message))
    healed = _heal(shelf, fetched)
    for message in fetched:
        shelf.put(message)
    return shelf.changes(len(fetched), healed)


@dataclass(slots=True)
class _Entry:
    """A message on the shelf: its row and what is stored there, both None for a new one."""

    row: int | None
    stored: Message | None
    message: Message


@dataclass(slots=True)
class _Shelf:
    """Messages by all that identifies them, while a page is put among them."""

    entries: list[_Entry] = field(default_factory=list)
    by_id: dict[tuple[str, str | None], _Entry] = field(default_factory=dict)
    by_mail: dict[tuple[str | None, str], _Entry] = field(default_factory=dict)

    def add(self, entry: _Entry) -> None:
        self.entries.append(entry)
        self._index(entry)

    def put(self, message: Message) -> None:
        same = self.find(message)
        copy = self.by_mail.get((message.message_id, message.direction))
        if same is not None:
            self.become(same, completed(message, same.message))
        elif copy is None:
            self.add(_Entry(None, None, message))
        elif _rank(message) < _rank(copy.message):
            self.become(copy, completed(message, copy.message))
        else:
            self.become(copy, completed(copy.message, message))

    def find(self, message: Message) -> _Entry | None:
        entry = self.by_id.get((message.provider, message.external_id))
        return entry if entry and entry.message.external_id == message.external_id else None

    def become(self, entry: _Entry, message: Message) -> None:
        entry.message = message
        self._index(entry)

    def changes(self, fetched: int, healed: int) -> Changes:
        new = tuple(e.message for e in self.entries if e.row is None)
        changed = tuple(
            Known(e.row, e.message)
            for e in self.entries
            if e.row is not None and e.message != e.stored
        )
        return Changes(new, changed, max(0, fetched - len(new) - len(changed)), healed)

    def _index(self, entry: _Entry) -> None:
        message = entry.message
        if message.external_id is not None:
            self.by_id[message.provider, message.external_id] = entry
        if message.message_id:
            self.by_mail.setdefault((message.message_id, message.direction), entry)


def _heal(shelf: _Shelf, fetched: Sequence[Message]) -> int:
    """Give stored messages without an id the one fetched message that each can be."""
    without_id = [e for e in shelf.entries if e.message.external_id is None]
    unmatched = _unmatched(shelf, fetched) if without_id else []
    pairs = matches([e.message for e in without_id], unmatched)
    for one, other in pairs:
        entry = without_id[one]
        shelf.become(entry, completed(unmatched[other], entry.message))
    return len(pairs)


def matches(without_id: Sequence[Message], with_id: Sequence[Message]) -> list[tuple[int, int]]:
    """Which messages without a provider's id are which of those with one: pairs of their places.

    Only pairs of which neither could be anybody else's; those that agree to the second go first, so
    that a text that was sent twice within a minute is told apart by its time.
    """
    pairs: list[tuple[int, int]] = []
    for slack in (TO_THE_SECOND, None):
        taken, given = {one for one, _ in pairs}, {other for _, other in pairs}
        candidates = {
            one: [
                other
                for other, fetched in enumerate(with_id)
                if other not in given and can_be(message, fetched, slack)
            ]
            for one, message in enumerate(without_id)
            if one not in taken
        }
        wanted = Counter(other for found in candidates.values() for other in found)
        pairs += [(one, found[0]) for one, found in candidates.items()
                  if len(found) == 1 and wanted[found[0]] == 1]  # fmt: skip
    return pairs


def _unmatched(shelf: _Shelf, fetched: Sequence[Message]) -> list[Message]:
    """The fetched messages that are on the shelf under no id, each once; of copies the first.

    Each once by its id too: told twice, it may have gone the other way meanwhile.
    """
    known = {key for key, e in shelf.by_mail.items() if e.message.external_id is not None}
    told = {(each.provider, each.external_id): each for each in reversed(fetched)}
    seen: dict[object, Message] = {}
    for id, message in sorted(told.items(), key=lambda each: _rank(each[1])):
        mail = (message.message_id, message.direction)
        if shelf.find(message) is None and not (message.message_id and mail in known):
            seen.setdefault(mail if message.message_id else id, message)
    return list(seen.values())


def can_be(stored: Message, fetched: Message, slack: timedelta | None = None) -> bool:
    """Whether a message without an id can be one that has one.

    ``slack`` is how far their times may be apart, if it is less than usual in their channel.
    """
    if (stored.channel, stored.direction) != (fetched.channel, fetched.direction):
        return False
    if stored.message_id and fetched.message_id:
        return stored.message_id == fetched.message_id
    if stored.sent_at is None or fetched.sent_at is None:
        return False
    apart = abs(stored.sent_at - fetched.sent_at)
    if stored.channel == Channel.SMS:
        return apart <= (slack or SMS_SLACK) and stored.body.strip() == fetched.body.strip()
    return apart <= (slack or EMAIL_SLACK) and (
        _subjects_agree(stored, fetched) or _texts_agree(stored, fetched)
    )


def _subjects_agree(one: Message, other: Message) -> bool:
    return bool(one.subject) and one.subject == other.subject


def _texts_agree(one: Message, other: Message) -> bool:
    start = " ".join(one.body.split())[:_TEXT_START]
    return bool(start) and start == " ".join(other.body.split())[:_TEXT_START]


def _rank(message: Message) -> tuple[bool, int, str]:
    """The order of copies: stored without an id last, then by id."""
    key = message.external_id or ""
    return message.external_id is None, len(key), key


def completed(message: Message, other: Message) -> Message:
    """The message, with what it lacks taken from another telling of it."""
    lacking = {
        name: getattr(other, name)
        for name in _KEPT
        if not getattr(message, name) and getattr(other, name)
    }
    return replace(message, **lacking) if lacking else message
