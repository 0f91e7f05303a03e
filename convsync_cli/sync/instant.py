"""Points in time as text and back; always UTC, to the millisecond."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_S = 253_402_300_800  # the year 10000
_MILLISECONDS_FROM = 100_000_000_000  # seconds up to the year 5138; larger numbers are milliseconds


def to_text(moment: datetime) -> str:
    """Write a moment as ``2026-01-01T10:00:00.123Z``, a form that sorts as it is read."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def from_text(text: str) -> datetime:
    """Read what ``to_text`` wrote.

    Raises:
        ValueError: the text is not such a moment.
    """
    return datetime.fromisoformat(text)


def from_milliseconds(milliseconds: int) -> datetime:
    """The moment so many milliseconds after the epoch, or before it.

    Raises:
        OverflowError: no calendar has it.
    """
    return _EPOCH + timedelta(milliseconds=milliseconds)


def to_milliseconds(moment: datetime) -> int:
    """The milliseconds from the epoch to a moment."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def parse(value: object) -> datetime | None:
    """Read a provider's time leniently: ISO 8601 (UTC where no zone is said) or epoch s or ms.

    Returns None for what is no time, so that a message with a broken date is kept without one.
    """
    if isinstance(value, str):
        text = value.strip()
        if text.isascii() and text.removeprefix("-").isdigit() and len(text) > 8:
            return _from_epoch(int(text[:20]))
        return _from_iso(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _from_epoch(value)


def _from_iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        if moment.year == 1:  # how Go and .NET write "none"
            return None
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return _to_the_millisecond(aware)
    except (ValueError, OverflowError):
        return None


def _from_epoch(number: float) -> datetime | None:
    if not abs(number) < 1000 * _LATEST_S:  # also refuses NaN, and what no float can hold
        return None
    milliseconds = number if abs(number) >= _MILLISECONDS_FROM else number * 1000
    if not 0 < milliseconds < 1000 * _LATEST_S:  # zero is how some write "none"
        return None
    return _to_the_millisecond(_EPOCH + timedelta(milliseconds=milliseconds))


def _to_the_millisecond(moment: datetime) -> datetime:
    """Cut what is not stored, so that a stored moment equals the one it came from."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
