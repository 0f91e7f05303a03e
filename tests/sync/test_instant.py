"""Moments as text: sortable, exact to the millisecond, read leniently."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from convsync_cli.sync.instant import from_text, parse, to_text

NOON = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
zones = st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m)))
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=zones | st.just(UTC))
by_chance = settings(max_examples=300, deadline=None, derandomize=True, database=None)


def cut(moment: datetime) -> datetime:
    """What of a moment is kept."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def test_a_moment_is_written_in_utc_with_milliseconds() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert to_text(there) == "2026-03-01T12:00:00.123Z"


def test_what_is_finer_than_a_millisecond_is_cut_and_not_rounded() -> None:
    assert to_text(NOON.replace(microsecond=999_999)) == "2026-03-01T12:00:00.999Z"


@given(moments)
@example(datetime(1, 1, 1, tzinfo=UTC))
@example(datetime(999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
@by_chance
def test_what_is_written_is_read_again(moment: datetime) -> None:
    assert from_text(to_text(moment)) == cut(moment)


@given(moments, moments)
@example(datetime(999, 1, 1, tzinfo=UTC), datetime(1000, 1, 1, tzinfo=UTC))
@by_chance
def test_text_sorts_as_time_does(one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))
    assert to_text(earlier) <= to_text(later)
    assert len(to_text(one)) == 24


@pytest.mark.parametrize("text", ["", "now", "2026-13-01T00:00:00.000Z"])
def test_what_was_never_written_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month"):
        from_text(text)


class TestParsing:
    @pytest.mark.parametrize(
        "value",
        [
            "2026-03-01T12:00:00.123Z",
            "2026-03-01T12:00:00.123+00:00",
            "2026-03-01T13:00:00.123+01:00",
            "2026-03-01 12:00:00.123",
            " 2026-03-01T12:00:00.123 ",
            "2026-03-01T12:00:00.123999Z",
            "2026-03-01T12:00:00.123456789Z",
            1772366400123,
            "1772366400123",
            1772366400.123,
        ],
    )
    def test_every_usual_form_is_read(self, value: object) -> None:
        assert parse(value) == NOON

    @pytest.mark.parametrize("value", [1772366400, "1772366400", "2026-03-01T12:00Z"])
    def test_milliseconds_may_be_missing(self, value: object) -> None:
        assert parse(value) == NOON.replace(microsecond=0)

    def test_a_day_is_its_midnight(self) -> None:
        assert parse("2026-03-01") == parse("20260301") == datetime(2026, 3, 1, tzinfo=UTC)

    @pytest.mark.parametrize(
        "value",
        ["", "   ", "soon", "0", 0, 0.0, -5, "-1772366400", None, True, False, [], {}, b"2026",
         float("nan"), float("inf"), -float("inf"), 10**400, -(10**400), 10**18, "9" * 30,
         "²²²²²²²²²", "0000-00-00 00:00:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+05:00",
         "9999-12-31T23:59:59-05:00", "2026-02-30", "2026-03-01T25:00:00Z", "\x00", "x" * 100_000,
         "2026-03-01T12:00:60Z"],
    )  # fmt: skip
    def test_what_is_no_time_is_none(self, value: object) -> None:
        assert parse(value) is None

    @given(
        st.text(max_size=40)
        | st.integers()
        | st.floats()
        | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?")
        | st.from_regex(r"-?\d{8,22}", fullmatch=True)
    )
    @settings(max_examples=600, deadline=None, derandomize=True, database=None)
    def test_whatever_a_provider_says_is_a_moment_that_can_be_stored_or_none(
        self, value: object
    ) -> None:
        moment = parse(value)
        if moment is not None:
            assert from_text(to_text(moment)) == moment
            assert moment.utcoffset() == timedelta()

    @given(moments)
    @by_chance
    def test_what_we_write_is_parsed_as_it_was(self, moment: datetime) -> None:
        if moment.astimezone(UTC).year > 1:
            assert parse(to_text(moment)) == cut(moment)

    @given(st.datetimes(datetime(1973, 3, 4), datetime(2100, 1, 1), timezones=st.just(UTC)))
    @by_chance
    def test_seconds_and_milliseconds_since_the_epoch_are_told_apart(
        self, moment: datetime
    ) -> None:
        milliseconds = (cut(moment) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        assert parse(milliseconds) == parse(str(milliseconds)) == cut(moment)
        assert parse(milliseconds // 1000) == moment.replace(microsecond=0)
