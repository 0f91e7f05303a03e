"""Lead ids: opaque, so that a log may hold them, and in the order of creation, so that indexes stay
compact."""

import os
import re
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_TIME_DIGITS = 9
_RANDOM_DIGITS = 9
_SHAPE = re.compile(f"L[{_ALPHABET}]{{{_TIME_DIGITS + _RANDOM_DIGITS}}}", re.ASCII)


def new_lead_id(now: datetime) -> str:
    """An id that no other lead has: ``L``, 45 bits of time in milliseconds, 45 of chance."""
    milliseconds = int(now.timestamp() * 1000)
    return (
        "L"
        + _digits(milliseconds, _TIME_DIGITS)
        + _digits(int.from_bytes(os.urandom(6)), _RANDOM_DIGITS)
    )


def is_lead_id(text: str) -> bool:
    """Whether a text has the shape of a lead id."""
    return _SHAPE.fullmatch(text) is not None


def _digits(number: int, count: int) -> str:
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(count)))
