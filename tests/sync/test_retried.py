"""A failed text that was sent again is shown once, where no other could be meant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.model.progress import Stored
from convsync_cli.sync.retried import WITHIN, superseded

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
by_chance = settings(max_examples=300, deadline=None, derandomize=True, database=None)


def text(number: int, minutes: float | None = 0, lead: str = "L", **further: Any) -> Stored:
    """A text of ours, failed unless said otherwise."""
    sent_at = None if minutes is None else NOON + timedelta(minutes=minutes)
    told: dict[str, Any] = {"status": "failed", "thread": "t", "recipient": "+12025550123"}
    message = Message(
        Channel.SMS, "gohighlevel", f"m{number}", Direction.OUTBOUND, sent_at, "Are you there?"
    )
    return Stored(number, "acme", lead, NOON, replace(message, **(told | further)))


def sent(number: int, minutes: float | None = 5, **further: Any) -> Stored:
    return text(number, minutes, **({"status": "delivered"} | further))


def test_a_failed_text_that_was_sent_again_is_superseded() -> None:
    assert superseded(lambda: [text(1), sent(2)]) == {1}


@pytest.mark.parametrize("status", ["failed", "undelivered", "Failed"])
def test_a_text_has_failed_or_was_not_delivered(status: str) -> None:
    assert superseded(lambda: [text(1, status=status), sent(2)]) == {1}


def test_a_retry_that_failed_too_is_shown_alone() -> None:
    assert superseded(lambda: [text(1), text(2, 5)]) == {1}


DIFFERENT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"status": "delivered"}, {}),
    ({"status": None}, {}),
    ({"body": "Are you there"}, {}),
    ({"attachments": ("a.jpg",)}, {}),
    ({"thread": "other"}, {}),
    ({"lead": "M"}, {}),
    ({"provider": "twilio"}, {}),
    ({"direction": Direction.INBOUND}, {"direction": Direction.INBOUND}),
    ({"direction": Direction.UNKNOWN}, {"direction": Direction.UNKNOWN}),
    ({"channel": Channel.EMAIL}, {"channel": Channel.EMAIL}),
    ({"recipient": "+12025550199"}, {}),
    ({"sender": "+12025550001"}, {"sender": "+12025550002"}),
    ({"external_id": None}, {}),
    ({}, {"external_id": None}),
    ({"minutes": None}, {}),
    ({}, {"minutes": None}),
    ({}, {"minutes": 0}),  # at the same moment: two sends, no retry
    ({}, {"minutes": -5}),  # what failed came later
    ({}, {"minutes": WITHIN.total_seconds() / 60 + 0.001}),
]


@pytest.mark.parametrize(("first", "then"), DIFFERENT)
def test_where_it_is_not_certain_both_are_shown(
    first: dict[str, Any], then: dict[str, Any]
) -> None:
    assert superseded(lambda: [text(1, **first), sent(2, **then)]) == set()


def test_what_one_of_them_does_not_tell_is_no_difference() -> None:
    assert superseded(lambda: [text(1, recipient=None), sent(2, sender="+12025550001")]) == {1}


@pytest.mark.parametrize("third", [text(3, 1), sent(3, 1), sent(3, 6), sent(3, 34), text(3, -29)])
def test_where_a_third_could_be_meant_all_are_shown(third: Stored) -> None:
    assert superseded(lambda: [text(1), sent(2), third]) == set()


def test_one_without_a_date_could_stand_anywhere() -> None:
    assert superseded(lambda: [text(1), sent(2), sent(3, None)]) == set()


def test_the_same_words_on_another_day_are_another_matter() -> None:
    assert superseded(lambda: [text(1), sent(2), text(3, 2_000), sent(4, 2_005)]) == {1, 3}


stored = st.builds(
    text,
    st.just(0),
    st.none() | st.integers(0, 90),
    lead=st.sampled_from("LM"),
    status=st.sampled_from(["failed", "undelivered", "delivered", None]),
    body=st.sampled_from(["Hi", "Ho"]),
    direction=st.sampled_from(Direction),
    external_id=st.none() | st.just("x"),
)
conversations = st.lists(stored, max_size=8).map(
    lambda every: [replace(each, id=number) for number, each in enumerate(every)]
)


@given(conversations, st.randoms())
@by_chance
def test_the_order_does_not_matter(conversation: list[Stored], chance: Any) -> None:
    shuffled = list(conversation)
    chance.shuffle(shuffled)
    assert superseded(lambda: shuffled) == superseded(lambda: conversation)


@given(conversations)
@by_chance
def test_only_what_failed_is_hidden_and_its_twin_is_shown(conversation: list[Stored]) -> None:
    hidden = superseded(lambda: conversation)
    shown = [each.message for each in conversation if each.id not in hidden]
    for one in (each.message for each in conversation if each.id in hidden):
        assert one.status in ("failed", "undelivered")
        assert any(is_retry(one, other) for other in shown)


def is_retry(one: Message, other: Message) -> bool:
    if one.sent_at is None or other.sent_at is None:
        return False
    same = (one.body, one.direction) == (other.body, Direction.OUTBOUND)
    return same and timedelta() < other.sent_at - one.sent_at <= WITHIN


@given(conversations)
@by_chance
def test_what_is_left_hides_nothing_more(conversation: list[Stored]) -> None:
    hidden = superseded(lambda: conversation)
    assert superseded(lambda: [each for each in conversation if each.id not in hidden]) == set()
