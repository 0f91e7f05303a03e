"""How long an answer of 429 asks to wait; whatever it says, it gets an answer."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsync_cli.sync.retryafter import SHORTEST, UNSAID, pause_asked

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def pause(body: object = b"", **headers: str) -> float:
    """The seconds that an answer asks for; ``retry_after=`` is the header Retry-After."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return pause_asked(told, raw, NOW) / timedelta(seconds=1)


def http_date(seconds: float, since: datetime = NOW) -> str:
    return format_datetime(since + timedelta(seconds=seconds), usegmt=True)


def test_an_answer_that_does_not_say_asks_for_a_minute() -> None:
    assert pause() == UNSAID / timedelta(seconds=1) == 60


@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7), (" 7 ", 7), ("2.5", 2.5), ("90000", 90_000)]
)
def test_seconds_are_taken_at_their_word(said: str, seconds: float) -> None:
    assert pause(retry_after=said) == seconds


def test_a_date_is_waited_for() -> None:
    assert pause(retry_after=http_date(90)) == 90


def test_a_date_is_read_against_the_servers_own_clock() -> None:
    fast = NOW + timedelta(hours=3)
    assert pause(retry_after=http_date(90, fast), date=http_date(0, fast)) == 90


@pytest.mark.parametrize("date", ["", "soon", "-1"])
def test_a_servers_clock_that_cannot_be_read_is_ours(date: str) -> None:
    assert pause(retry_after=http_date(90), date=date) == 90


@pytest.mark.parametrize(
    "said",
    [
        "Sunday, 01-Mar-26 12:01:30 GMT",
        "Sun Mar  1 12:01:30 2026",
        "Sun, 01 Mar 2026 13:01:30 +0100",
    ],
)
def test_every_form_of_date_is_read(said: str) -> None:
    assert pause(retry_after=said) == 90


@pytest.mark.parametrize("said", ["0", "0.001", http_date(-500)])
def test_what_is_over_already_is_still_waited_for_a_second(said: str) -> None:
    assert pause(retry_after=said) == SHORTEST / timedelta(seconds=1) == 1


@pytest.mark.parametrize(
    "body", [{"retry_after": 9}, {"retry_after": "9"}, {"error": {"retry_after": 9}}]
)
def test_the_body_may_say_it(body: object) -> None:
    assert pause(body) == 9


def test_the_length_of_the_interval_is_better_than_nothing() -> None:
    assert pause(x_ratelimit_interval_milliseconds="10000") == 10


def test_the_header_goes_before_the_body_and_the_body_before_the_interval() -> None:
    interval = {"x_ratelimit_interval_milliseconds": "10000"}
    assert pause({"retry_after": 9}, retry_after="7", **interval) == 7
    assert pause({"retry_after": 9}, **interval) == 9


def test_a_day_that_is_used_up_lasts_until_midnight() -> None:
    assert pause(x_ratelimit_daily_remaining="0", retry_after="7") == 12 * 3600


def test_a_day_that_is_not_used_up_changes_nothing() -> None:
    assert pause(x_ratelimit_daily_remaining="100", retry_after="7") == 7


@pytest.mark.parametrize(
    "said", ["-5", "nan", "inf", "1e300", "soon", "", "\x00", "9" * 5000, "²", "Mon, 99 Foo"]
)
def test_nonsense_is_as_nothing_said(said: str) -> None:
    assert pause(retry_after=said) == 60
    assert pause({"retry_after": said}) == 60


@pytest.mark.parametrize(
    "said",
    [
        "Mon, 01 Jan 2020 00:00:00 +99999999999999999999",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
    ],
)
def test_a_date_that_no_clock_can_show_is_as_nothing_said(said: str) -> None:
    assert pause(retry_after=said) == 60
    assert pause(retry_after=http_date(90), date=said) == 90


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe", b"<html>", b"null", b"[]", b"7", b'{"retry_after": null}', b'{"error": "no"}',
     b'{"retry_after": {}}', b'{"retry_after": 1e999}', b'{"retry_after":' + b"9" * 400 + b"}",
     b"[" * 60_000, b'{"retry_after": -1}', b'{"retry_after": NaN}'],
)  # fmt: skip
def test_a_body_that_says_nothing_useful_is_as_nothing_said(body: bytes) -> None:
    assert pause(body) == 60


words = st.text(st.characters(codec="utf-8"), max_size=60) | st.from_regex(
    r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,25} \d{1,3}:\d\d:\d\d [+-]?\w{0,25}", fullmatch=True
)


@given(words, words, st.binary(max_size=200), words)
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_whatever_it_says_there_is_a_pause(
    said: str, date: str, body: bytes, interval: str
) -> None:
    headers = {
        "retry-after": said,
        "date": date,
        "x-ratelimit-interval-milliseconds": interval,
    }
    assert pause_asked(headers, body, NOW) >= SHORTEST
