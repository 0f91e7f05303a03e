"""Merging is pure: in whatever order and however often pages come, the same is stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsync_cli.sync.merge import EMAIL_SLACK, SMS_SLACK, Changes, Known, plan
from convsync_cli.sync.model.message import Channel, Direction, Message

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG = "word " * 40  # longer than the start by which texts are compared
by_chance = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def sms(id: str | None, body: str = "hi", seconds: float = 0, **further: Any) -> Message:
    told: dict[str, Any] = {"direction": Direction.INBOUND, "sent_at": at(seconds)} | further
    return Message(Channel.SMS, "gohighlevel", id, body=body, **told)


def mail(id: str | None, body: str = "hi", seconds: float = 0, **further: Any) -> Message:
    told: dict[str, Any] = {"direction": Direction.INBOUND, "sent_at": at(seconds)} | further
    return Message(Channel.EMAIL, "emailbison", id, body=body, **told)


@dataclass
class Conversation:
    """What is stored of one conversation, changed by what ``plan`` says."""

    rows: dict[int, Message] = field(default_factory=dict)
    healed: int = 0

    def apply(self, page: Sequence[Message]) -> Changes:
        changes = plan([Known(row, message) for row, message in self.rows.items()], page)
        for each in changes.changed:
            assert each.row in self.rows
            self.rows[each.row] = each.message
        for message in changes.new:
            self.rows[len(self.rows)] = message
        self.healed += changes.healed
        return changes

    @property
    def messages(self) -> list[Message]:
        return sorted(self.rows.values(), key=repr)

    @property
    def ids(self) -> list[str | None]:
        return [message.external_id for message in self.rows.values()]


def stored(*messages: Message) -> Conversation:
    return Conversation(dict(enumerate(messages)))


def read(pages: Sequence[Sequence[Message]], *before: Message) -> Conversation:
    conversation = stored(*before)
    for page in pages:
        conversation.apply(page)
    return conversation


# A conversation as providers tell it: every message under one id or (a mail that several of our
# mailboxes received) under several, each telling complete or poorer.

OPTIONAL = ("body", "sender", "subject", "status", "thread", "sent_at", "attachments")


@st.composite
def tellings(draw: st.DrawFn) -> list[Message]:
    told: list[Message] = []
    numbers = iter(draw(st.permutations([str(i) for i in (1, 2, 9, 10, 11, 98, 99, 100, 101)])))
    for copies in draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)):
        whole = mail(
            "",
            draw(st.sampled_from(["hi", "Hello there", ""])),
            draw(st.integers(0, 600)),
            direction=draw(st.sampled_from(Direction)),
            sender="ann@x.co",
            subject=draw(st.sampled_from(["Offer", None])),
            status="read",
            thread="t",
            message_id=f"<m{len(told)}@x.co>" if copies > 1 else draw(st.none() | st.just("<s>")),
            attachments=("a.pdf",),
        )
        whole = replace(whole, message_id=whole.message_id and f"<{len(told)}{whole.message_id}")
        for _ in range(copies):
            copy = replace(whole, external_id=next(numbers))
            told += [copy, *draw(st.lists(poorer(copy), max_size=2))]
    return told


def poorer(message: Message) -> st.SearchStrategy[Message]:
    """The message without some of its fields, as a list tells it that has no bodies."""
    return st.sets(st.sampled_from(OPTIONAL)).map(
        lambda fields: replace(message, **{name: _nothing(name) for name in fields})
    )


def _nothing(name: str) -> Any:
    return {"body": "", "attachments": ()}.get(name)


@st.composite
def walks(draw: st.DrawFn) -> tuple[list[Message], list[list[Message]]]:
    """Tellings, and a way to read them: in any order, some twice, cut into pages anywhere."""
    told = draw(tellings())
    order = draw(st.permutations(told + draw(st.lists(st.sampled_from(told), max_size=5))))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    edges = [0, *cuts, len(order)]
    return told, [order[a:b] for a, b in pairwise(edges)]


class TestAnyOrder:
    @given(walks())
    @by_chance
    def test_pages_in_any_order_cut_anywhere_store_the_same_messages(
        self, walk: tuple[list[Message], list[list[Message]]]
    ) -> None:
        told, pages = walk
        assert read(pages).messages == read([told]).messages

    @given(walks())
    @by_chance
    def test_reading_everything_again_changes_nothing(
        self, walk: tuple[list[Message], list[list[Message]]]
    ) -> None:
        _, pages = walk
        conversation = read(pages)
        before = dict(conversation.rows)
        for page in pages * 2:
            changes = conversation.apply(page)
            assert (changes.new, changes.changed) == ((), ())
            assert changes.unchanged == len(page)
        assert conversation.rows == before

    @given(tellings())
    @by_chance
    def test_every_message_is_there_once_under_its_smallest_id(self, told: list[Message]) -> None:
        smallest: dict[str, str] = {}
        for message in told:
            assert message.external_id is not None
            key = message.message_id or message.external_id
            smallest[key] = min(
                smallest.get(key, message.external_id), message.external_id,
                key=lambda id: (len(id), id),
            )  # fmt: skip
        assert sorted(map(str, read([told]).ids)) == sorted(smallest.values())

    @given(tellings())
    @by_chance
    def test_nothing_that_was_told_is_lost(self, told: list[Message]) -> None:
        conversation = read([told])
        for message in told:
            (kept,) = [
                each for each in conversation.rows.values()
                if each.external_id == message.external_id
                or (each.message_id and each.message_id == message.message_id)
            ]  # fmt: skip
            for name in OPTIONAL:
                assert not getattr(message, name) or getattr(kept, name)

    @given(walks())
    @by_chance
    def test_what_is_counted_adds_up(self, walk: tuple[list[Message], list[list[Message]]]) -> None:
        conversation = Conversation()
        for page in walk[1]:
            changes = conversation.apply(page)
            assert len(changes.new) + len(changes.changed) + changes.unchanged == len(page)


class TestIds:
    def test_the_same_id_at_another_provider_is_another_message(self) -> None:
        assert len(read([[sms("1"), replace(sms("1"), provider="other")]]).rows) == 2

    def test_a_new_telling_wins(self) -> None:
        (changed,) = stored(sms("1", status="sent")).apply([sms("1", status="read")]).changed
        assert changed.message.status == "read"

    def test_nothing_is_dropped_for_what_it_lacks(self) -> None:
        empty, undated = sms("1", ""), sms("2", sent_at=None)
        assert read([[empty, undated, sms("3", "", sent_at=None)]]).ids == ["1", "2", "3"]

    def test_a_message_that_is_not_told_again_stays(self) -> None:
        assert stored(sms("1"), sms("2")).apply([sms("2")]) == Changes(unchanged=1)

    def test_an_empty_page_changes_nothing(self) -> None:
        assert stored(sms("1"), sms(None)).apply([]) == Changes()


class TestCopiesOfOneMail:
    @pytest.mark.parametrize("order", [("99", "105"), ("105", "99")])
    def test_they_are_one_under_the_smaller_number(self, order: tuple[str, str]) -> None:
        copies = [mail(id, message_id="<m>") for id in order]
        assert read([copies]).ids == read([[copy] for copy in copies]).ids == ["99"]

    def test_the_same_message_id_the_other_way_is_another_mail(self) -> None:
        answer = mail("2", message_id="<m>", direction=Direction.OUTBOUND)
        assert len(read([[mail("1", message_id="<m>"), answer]]).rows) == 2

    def test_mails_without_a_message_id_are_no_copies(self) -> None:
        assert len(read([[mail("1"), mail("2")], [mail("3", message_id="")]]).rows) == 3

    def test_the_smaller_copy_is_completed_by_the_other(self) -> None:
        pages = [[mail("5", message_id="<m>", subject="Offer")], [mail("3", message_id="<m>")]]
        for order in (pages, pages[::-1]):
            (message,) = read(order).rows.values()
            assert (message.external_id, message.subject) == ("3", "Offer")


def imported(message: Message, **changes: Any) -> Message:
    """The message as history was stored that had no provider ids."""
    return replace(message, provider="import", external_id=None, **changes)


SAME = [
    (sms("1"), {}),
    (sms("1"), {"sent_at": NOON + SMS_SLACK}),
    (sms("1"), {"sent_at": NOON - SMS_SLACK}),
    (sms("1", " hi\n"), {"body": "hi "}),
    (mail("1", message_id="<m>"), {"sent_at": None, "body": "other"}),
    (mail("1", subject="Offer"), {"body": "other", "sent_at": NOON + EMAIL_SLACK}),
    (mail("1", LONG + "end"), {"body": LONG + "another end"}),
    (mail("1", "two  words"), {"body": "two\nwords", "sent_at": NOON - EMAIL_SLACK}),
]
DIFFERENT = [
    (sms("1"), {"sent_at": NOON + SMS_SLACK + timedelta(milliseconds=1)}),
    (sms("1"), {"sent_at": NOON - SMS_SLACK - timedelta(milliseconds=1)}),
    (sms("1"), {"sent_at": None}),
    (sms("1", sent_at=None), {"sent_at": NOON}),
    (sms("1"), {"body": "ho"}),
    (sms("1"), {"direction": Direction.OUTBOUND}),
    (sms("1"), {"channel": Channel.EMAIL}),
    (mail("1", message_id="<m>"), {"message_id": "<n>"}),
    (mail("1", subject="Offer"), {"body": "other", "subject": "Order"}),
    (mail("1", subject="Offer"), {"sent_at": NOON + EMAIL_SLACK + timedelta(milliseconds=1)}),
    (mail("1", "", subject=None), {}),  # nothing that agrees
    (mail("1", message_id="<m>"), {"direction": Direction.OUTBOUND}),
]


class TestHealing:
    @pytest.mark.parametrize(("message", "changes"), SAME)
    def test_history_without_an_id_becomes_the_message_it_is(
        self, message: Message, changes: dict[str, Any]
    ) -> None:
        conversation = stored(imported(message, **changes))
        assert conversation.apply([message]).healed == 1
        assert conversation.messages == [message]

    @pytest.mark.parametrize(("message", "changes"), DIFFERENT)
    def test_what_is_not_the_same_heals_nothing(
        self, message: Message, changes: dict[str, Any]
    ) -> None:
        conversation = stored(imported(message, **changes))
        assert conversation.apply([message]) == Changes(new=(message,))
        assert len(conversation.rows) == 2

    def test_what_only_history_knows_is_kept(self) -> None:
        conversation = stored(imported(sms("1"), status="delivered", sender="+1"))
        (healed,) = conversation.apply([sms("1")]).changed
        assert (healed.message.status, healed.message.sender) == ("delivered", "+1")

    @pytest.mark.parametrize("pages", [1, 2])
    def test_two_candidates_heal_neither(self, pages: int) -> None:
        candidates = [sms("1", seconds=5), sms("2", seconds=10)]
        conversation = stored(imported(sms("")))
        if pages == 1:
            changes = conversation.apply(candidates)
            assert (changes.healed, len(changes.new)) == (0, 2)
        else:  # the first page has but one candidate; the second must not take it over
            conversation.apply(candidates[:1])
            assert conversation.apply(candidates[1:]).healed == 0
        assert {"1", "2"} <= set(conversation.ids)

    @pytest.mark.parametrize("pages", [1, 2])
    def test_a_text_that_was_sent_twice_within_a_minute_is_told_apart_to_the_second(
        self, pages: int
    ) -> None:
        messages = [sms("1", "ok", 0.4), sms("2", "ok", 30.7)]
        history = [imported(each, sent_at=at(n)) for n, each in zip((0, 30), messages, strict=True)]
        conversation = read([messages] if pages == 1 else [[m] for m in messages], *history)
        assert (conversation.healed, conversation.ids) == (2, ["1", "2"])

    def test_two_pieces_of_history_for_one_message_are_neither_healed(self) -> None:
        conversation = stored(imported(sms(""), sender="a"), imported(sms(""), sender="b"))
        changes = conversation.apply([sms("1")])
        assert (changes.healed, len(changes.new)) == (0, 1)

    def test_each_of_several_finds_its_own(self) -> None:
        messages = [sms(str(i), f"number {i}", i) for i in range(5)]
        conversation = stored(*(imported(each) for each in reversed(messages)))
        assert conversation.apply(messages).healed == 5
        assert conversation.messages == sorted(messages, key=repr)

    def test_a_message_that_is_known_already_is_no_candidate(self) -> None:
        conversation = stored(imported(sms("")), sms("1"))
        assert conversation.apply([sms("1")]) == Changes(unchanged=1)

    def test_a_message_twice_on_a_page_is_one_candidate(self) -> None:
        conversation = stored(imported(sms("")))
        assert conversation.apply([sms("1"), sms("1")]).healed == 1
        assert conversation.ids == ["1"]

    def test_a_message_that_is_told_both_ways_is_one_candidate(self) -> None:
        ways = [mail("1", message_id="<m>", direction=way) for way in Direction]
        conversation = stored(*(imported(each) for each in ways))
        assert conversation.apply(ways).healed == 1
        assert conversation.ids.count("1") == 1

    def test_copies_of_one_mail_are_one_candidate(self) -> None:
        conversation = stored(imported(mail("")))
        conversation.apply([mail("2", message_id="<m>"), mail("1", message_id="<m>")])
        assert conversation.ids == ["1"]

    def test_a_copy_of_a_mail_that_is_known_is_no_candidate(self) -> None:
        conversation = stored(imported(mail("")), mail("3", message_id="<m>"))
        assert conversation.apply([mail("5", message_id="<m>")]) == Changes(unchanged=1)

    @given(walks(), st.data())
    @by_chance
    def test_history_that_is_one_message_heals_it_on_whatever_page_it_comes(
        self, walk: tuple[list[Message], list[list[Message]]], data: st.DataObject
    ) -> None:
        told, pages = walk
        apart = mail("500", "the one", 5_000, message_id="<one>", subject="One")
        pages = [list(page) for page in pages]
        for _ in range(data.draw(st.integers(1, 3))):
            page = data.draw(st.sampled_from(pages))
            page.insert(data.draw(st.integers(0, len(page))), apart)
        conversation = read(pages, imported(apart))
        assert conversation.healed == 1
        assert conversation.messages == read([told, [apart]]).messages


@given(st.lists(st.sampled_from([sms("1"), sms("2"), sms("1", "ho"), sms("4", "ho")]), max_size=4))
@by_chance
def test_a_row_is_never_changed_into_another_row(page: list[Message]) -> None:
    conversation = stored(sms("1"), imported(sms("", "ho")), sms("3"))
    conversation.apply(page)
    assert conversation.rows[0].external_id == "1"
    assert conversation.rows[2] == sms("3")
