"""Importing before a sync or after it gives the same archive, however pages and files are cut."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from convsync_cli.sync import imports, merge
from convsync_cli.sync.imports import KnownHere
from convsync_cli.sync.merge import EMAIL_SLACK, SMS_SLACK, Known
from convsync_cli.sync.model.imported import PROVIDER, fingerprint
from convsync_cli.sync.model.message import Channel, Direction, Message

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
by_chance = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def told(id: str, body: str = "hi", seconds: float = 0, **further: Any) -> Message:
    known: dict[str, Any] = {"direction": Direction.INBOUND} | further
    at = NOON + timedelta(seconds=seconds)
    return Message(Channel.SMS, "gohighlevel", id, sent_at=at, body=body, **known)


def mailed(id: str, seconds: float = 0, **further: Any) -> Message:
    message = told(id, seconds=seconds, **further)
    return replace(message, channel=Channel.EMAIL, provider="emailbison")


def from_elsewhere(message: Message, **changes: Any) -> Message:
    """The message as another system exported it."""
    kept = {"external_id": None, "provider": PROVIDER, "sender": None, "status": None}
    return replace(message, **(kept | changes))


@dataclass
class Archive:
    """What is stored of one conversation."""

    rows: dict[int, Message] = field(default_factory=dict)
    keys: dict[int, str] = field(default_factory=dict)

    def sync(self, page: Sequence[Message]) -> int:
        changes = merge.plan([Known(row, each) for row, each in self.rows.items()], page)
        self._store(changes.changed, changes.new)
        return changes.healed

    def take_in(self, messages: Sequence[Message]) -> tuple[int, int]:
        """How many were added, and how many matched a synced one."""
        stored = [KnownHere(Known(r, m), self.keys.get(r)) for r, m in self.rows.items()]
        intake = imports.plan(stored, {fingerprint("L", each): each for each in messages})
        for key, known in intake.matched.items():
            self.rows[known.row], self.keys[known.row] = known.message, key
        for key, message in intake.new.items():
            self.keys[len(self.rows)] = key
            self.rows[len(self.rows)] = message
        return len(intake.new), len(intake.matched)

    def _store(self, changed: Sequence[Known], new: Sequence[Message]) -> None:
        for known in changed:
            self.rows[known.row] = known.message
        for message in new:
            self.rows[len(self.rows)] = message

    @property
    def messages(self) -> list[Message]:
        return sorted(self.rows.values(), key=repr)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Message], list[Message]]:
    """A conversation as its provider tells it, and as another system exported part of it.

    Nothing is ambiguous: texts differ, or are so far apart that their times tell.
    """
    conversation, history = [], []
    for number in range(draw(st.integers(0, 6))):
        message = draw(_messages(number))
        if draw(st.booleans()):
            conversation.append(message)
        if draw(st.booleans()):
            history.append(draw(_exports(message)))
    return conversation, draw(st.permutations(history))


@st.composite
def _messages(draw: st.DrawFn, number: int) -> Message:
    direction = draw(st.sampled_from(Direction))
    seconds = number * 600 + draw(st.integers(0, 10))
    if draw(st.booleans()):
        return told(str(number), "ok", seconds, direction=direction, status="delivered")
    message_id = draw(st.none() | st.just(f"<m{number}@x.co>"))
    return mailed(str(number), seconds, direction=direction, subject="Offer", message_id=message_id)


@st.composite
def _exports(draw: st.DrawFn, message: Message) -> Message:
    slack = SMS_SLACK if message.channel == Channel.SMS else EMAIL_SLACK
    off = timedelta(seconds=draw(st.integers(-30, 30)))
    assert message.sent_at is not None
    assert abs(off) <= slack
    changes: dict[str, Any] = {"sent_at": message.sent_at + off}
    if message.channel == Channel.EMAIL and draw(st.booleans()):
        changes["message_id"] = None
    return from_elsewhere(message, **changes)


def cut(draw: st.DrawFn, messages: list[Message]) -> list[list[Message]]:
    """The messages in any order, in one or two pieces."""
    order = draw(st.permutations(messages))
    place = draw(st.integers(0, len(order)))
    return [list(order[:place]), list(order[place:])]


@given(worlds(), st.data())
@by_chance
def test_importing_before_a_sync_is_as_importing_after_it(
    world: tuple[list[Message], list[Message]], data: st.DataObject
) -> None:
    conversation, history = world
    before, after = Archive(), Archive()
    pages = data.draw(st.composite(cut)(conversation))
    files = data.draw(st.composite(cut)(history))
    for file in files:
        before.take_in(file)
    healed = sum(before.sync(page) for page in pages)
    for page in pages:
        after.sync(page)
    matched = sum(after.take_in(file)[1] for file in files)
    assert before.messages == after.messages
    assert healed == matched


@given(worlds(), st.data())
@by_chance
def test_importing_again_changes_nothing_before_and_after_a_sync(
    world: tuple[list[Message], list[Message]], data: st.DataObject
) -> None:
    conversation, history = world
    archive = Archive()
    if data.draw(st.booleans()):
        archive.sync(conversation)
    archive.take_in(history)
    rows = dict(archive.rows)
    assert archive.take_in(data.draw(st.permutations(history))) == (0, 0)
    assert archive.rows == rows
    archive.sync(conversation)
    rows = dict(archive.rows)
    assert archive.take_in(history) == (0, 0)
    assert archive.sync(conversation) == 0
    assert archive.rows == rows


def test_what_only_history_knows_completes_the_synced_message() -> None:
    archive = Archive()
    archive.sync([mailed("1", message_id="<m@x>")])
    archive.take_in([from_elsewhere(mailed("1", message_id="<m@x>", subject="Offer"))])
    (message,) = archive.messages
    assert (message.external_id, message.provider, message.subject) == ("1", "emailbison", "Offer")


def test_a_synced_message_is_found_by_one_import_only() -> None:
    archive = Archive()
    archive.sync([told("1", "ok", 0)])
    assert archive.take_in([from_elsewhere(told("", "ok", 20))]) == (0, 1)
    assert archive.take_in([from_elsewhere(told("", "ok", 40))]) == (1, 0)


def test_two_that_could_be_one_message_are_neither() -> None:
    archive = Archive()
    archive.sync([told("1", "ok", 0)])
    both = [from_elsewhere(told("", "ok", 20)), from_elsewhere(told("", "ok", 40))]
    assert archive.take_in(both) == (2, 0)


def test_one_mail_in_two_exports_is_one() -> None:
    archive = Archive()
    mail = from_elsewhere(mailed("", message_id="<m@x>"))
    assert archive.take_in([mail]) == (1, 0)
    assert archive.take_in([replace(mail, subject="Re: Offer", body="other")]) == (0, 0)


def test_a_mail_is_known_by_its_message_id_however_often_it_was_found() -> None:
    archive = Archive()
    archive.sync([mailed("1", message_id="<m@x>", subject="Offer")])
    assert archive.take_in([from_elsewhere(mailed("", subject="Offer"), message_id=None)]) == (0, 1)
    assert archive.take_in([from_elsewhere(mailed("", message_id="<m@x>"))]) == (0, 0)
