"""A rate limit is kept in every window, whoever asks when, and nothing of it is wasted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsync_cli.sync.limits import Bucket, Rate

NOW = 1_770_000_000.0
RATES = [
    Rate(requests, seconds)
    for requests in (1, 2, 3, 7, 10, 19, 20, 39, 40, 41, 50, 79, 80, 90, 100, 160, 600, 3000)
    for seconds in (0.1, 0.5, 1, 2, 10, 60, 3600)
]

rates = st.builds(Rate, st.integers(1, 400), st.floats(0.05, 120, allow_nan=False))
gaps = st.lists(
    st.one_of(st.just(0.0), st.floats(0, 3), st.floats(0, 200)), min_size=1, max_size=120
)


def send(rate: Rate, moments: list[float]) -> list[float]:
    """When requests go out that are asked for at these moments, each waiting as it is told."""
    bucket, sent = Bucket(rate), []
    for moment in moments:
        bucket, wait = bucket.take(moment)
        sent.append(moment + wait)
    return sent


def most_in_a_window(sent: list[float], seconds: float) -> int:
    """The largest number of moments in any window, both its ends counted."""
    most, first = 0, 0
    for last, moment in enumerate(sent):
        while moment - sent[first] > seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_no_window_ever_sees_more_than_the_limit_under_full_load(rate: Rate) -> None:
    sent = send(rate, [NOW] * min(250, 3 * rate.requests + 10))
    assert most_in_a_window(sent, rate.seconds) <= rate.requests


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_a_request_that_leaves_a_little_late_breaks_no_limit(rate: Rate) -> None:
    """Late by a fiftieth of the window, as it waits for a connection; those after it do not."""
    sent = send(rate, [NOW] * min(250, 3 * rate.requests + 10))
    assert most_in_a_window(sent, 1.019 * rate.seconds) <= rate.requests


@given(rates, gaps)
@settings(max_examples=400, deadline=None, derandomize=True, database=None)
def test_no_window_ever_sees_more_than_the_limit_whoever_asks_when(
    rate: Rate, gaps: list[float]
) -> None:
    moments, now = [], NOW
    for gap in gaps:
        now += gap * rate.seconds / 100
        moments.append(now)
    assert most_in_a_window(send(rate, moments), rate.seconds) <= rate.requests


@pytest.mark.parametrize("rate", [rate for rate in RATES if rate.requests >= 20], ids=str)
def test_at_least_95_percent_of_the_limit_is_used_in_the_long_run(rate: Rate) -> None:
    bucket, now, sent = Bucket(rate), NOW, 0
    while now < NOW + 100 * rate.seconds and sent < 20_000:
        bucket, wait = bucket.take(now)
        now, sent = now + wait, sent + 1
    assert sent - 1 >= 0.95 * rate.requests * (now - NOW) / rate.seconds


@pytest.mark.parametrize("rate", [rate for rate in RATES if rate.spacing > 0.001], ids=str)
def test_a_bucket_left_alone_gives_its_whole_burst_at_once(rate: Rate) -> None:
    bucket = Bucket(rate)
    for _ in range(rate.burst):
        bucket, wait = bucket.take(NOW)
        assert wait == 0
    assert bucket.take(NOW)[1] > rate.spacing / 2


@given(rates, st.integers(1, 200))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_who_comes_later_waits_longer(rate: Rate, requests: int) -> None:
    sent = send(rate, [NOW] * requests)
    assert sent == sorted(sent)


@pytest.mark.parametrize("rate", [Rate(1, 60), Rate(1, 3600), Rate(2, 3600), Rate(5, 60)], ids=str)
def test_the_waiting_of_two_full_runs_is_no_clock_set_back(rate: Rate) -> None:
    sent = send(rate, [NOW] * 200)
    assert most_in_a_window(sent, rate.seconds) == rate.requests


@pytest.mark.parametrize("hours", [24, 24 * 365])
def test_what_a_clock_wrote_that_was_set_back_since_is_forgotten(hours: int) -> None:
    bucket, _ = Bucket(Rate(90, 10)).take(NOW + hours * 3600)
    assert bucket.take(NOW)[1] == 0


def test_the_backlog_is_what_the_next_request_would_wait() -> None:
    bucket = Bucket(Rate(10, 10))
    for _ in range(3):
        bucket, _ = bucket.take(NOW)
    assert bucket.backlog(NOW) == bucket.take(NOW)[1] > 0
    assert bucket.backlog(NOW + 60) == 0


@pytest.mark.parametrize("rate", [rate for rate in RATES if rate.requests <= 600], ids=str)
def test_what_is_free_is_what_can_go_out_without_waiting(rate: Rate) -> None:
    bucket = Bucket(rate)
    for taken in range(3 * rate.burst):
        now = NOW + taken * rate.spacing / 3
        count, probe = 0, bucket
        while (answer := probe.take(now))[1] <= 1e-6:
            count, probe = count + 1, answer[0]
        assert bucket.free(now) in (count, count - 1)  # the very edge may be rounded away
        bucket, _ = bucket.take(now)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("90/10s", Rate(90, 10)),
        ("1/1s", Rate(1, 1)),
        (" 3000/60s ", Rate(3000, 60)),
        ("10/0.5s", Rate(10, 0.5)),
        ("100000/86400s", Rate(100_000, 86_400)),
        ("90/10", Rate(90, 10)),
    ],
)
def test_a_rate_is_read_as_it_is_written(text: str, rate: Rate) -> None:
    assert Rate.parse(text) == rate


@pytest.mark.parametrize(
    "text",
    ["", "90", "90/", "/10s", "0/10s", "-1/10s", "90/0s", "90/-1s", "1.5/10s", "90/10m", "90/nans",
     "90/infs", "100001/1s", "1/86401s", "90 per 10s", "9" * 5000 + "/1s"],
)  # fmt: skip
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # the settings word it
        Rate.parse(text)


@given(st.integers(1, 100_000), st.integers(1, 86_400))
@settings(deadline=None, derandomize=True, database=None)
def test_a_rate_that_is_written_is_read_again(requests: int, seconds: int) -> None:
    rate = Rate(requests, seconds)
    assert Rate.parse(str(rate)) == rate
