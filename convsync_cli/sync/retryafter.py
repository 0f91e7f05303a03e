"""How long a provider that answers 429 wants us to wait; arithmetic over headers and body."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from convsync_cli.sync.model.pause import AccountState, PauseReason

UNSAID = timedelta(seconds=60)
LONGEST_UNSAID = timedelta(hours=1)  # the longest span for which a limit is told, but for a day
SHORTEST = timedelta(seconds=1)


def pause_unsaid(last: AccountState, now: datetime) -> timedelta:
    """The pause where a provider does not say: a minute, or twice the last one if it was too short.

    It was if the account, back in use for less time than it had been left alone, is refused again.
    """
    if last.reason is not PauseReason.RATE_LIMITED or not (last.paused_until and last.checked_at):
        return UNSAID
    length = last.paused_until - last.checked_at
    too_short = timedelta() <= now - last.paused_until < length
    return min(LONGEST_UNSAID, max(UNSAID, 2 * length)) if too_short else UNSAID


def pause_asked(
    headers: Mapping[str, str], body: bytes, now: datetime, unsaid: timedelta = UNSAID
) -> timedelta:
    """The pause that an answer of 429 asks for; ``unsaid`` where it does not say.

    In this order: a daily limit that is used up (until midnight UTC), ``Retry-After`` in seconds or
    as a date (RFC 9110, 10.2.3; read against the server's own ``Date``, so that clocks may differ),
    ``retry_after`` in the body, the length of the rate limit's interval.
    """
    if headers.get("x-ratelimit-daily-remaining", "").strip() == "0":
        return _until_midnight(now)
    told = (
        _seconds(headers.get("retry-after")),
        _until_date(headers.get("retry-after", ""), http_date(headers.get("date", "")) or now),
        _seconds(_body_field(body)),
        _seconds(headers.get("x-ratelimit-interval-milliseconds"), scale=0.001),
    )
    return max(SHORTEST, next((pause for pause in told if pause is not None), unsaid))


def _seconds(value: object, scale: float = 1.0) -> timedelta | None:
    try:
        seconds = float(value) * scale  # type: ignore[arg-type]  # whatever it is, it may refuse
        return timedelta(seconds=seconds) if seconds >= 0 else None
    except (TypeError, ValueError, OverflowError):
        return None


def _until_date(text: str, now: datetime) -> timedelta | None:
    moment = http_date(text)
    return max(timedelta(), moment - now) if moment is not None else None


def http_date(text: str) -> datetime | None:
    """The moment that a date in an HTTP header names (RFC 9110, 5.6.7), UTC; None if none."""
    from email.utils import parsedate_to_datetime  # slow to import, and rarely needed

    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _body_field(body: bytes) -> object:
    """``retry_after`` at the top of a JSON object, or inside its ``error``."""
    try:
        told = json.loads(body[:65536])
    except (ValueError, RecursionError):
        return None
    for place in (told, told.get("error") if isinstance(told, dict) else None):
        if isinstance(place, dict) and "retry_after" in place:
            return place["retry_after"]
    return None


def _until_midnight(now: datetime) -> timedelta:
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return tomorrow - now
