"""Reading other people's JSON: leniently where a field is odd, strictly where an answer is."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from convsync_cli.sync.errors import Rejected

Json = Mapping[str, Any]


def mapping(value: object, label: str) -> Json:
    """An answer, or a part of one, that must be an object.

    Raises:
        Rejected: it is something else.
    """
    if isinstance(value, Mapping):
        return value
    raise other_shape(label)


def rows(value: object, label: str) -> list[object]:
    """A part of an answer that must be a list; what is in it is looked at row by row.

    Raises:
        Rejected: it is something else, or has rows of which none is an object with anything in it.
            To take that for "no rows" would be a lie.
    """
    if isinstance(value, list) and (not value or any(map(_tells, value))):
        return value
    raise other_shape(label)


def _tells(row: object) -> bool:
    return isinstance(row, Mapping) and bool(row)


def part(value: object, name: str) -> Json:
    """An optional object inside another; empty where it is missing or something else."""
    inner = value.get(name) if isinstance(value, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def objects(value: object) -> list[Json]:
    """The objects in an optional list; others are left out."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def text(value: object) -> str | None:
    """An optional text; numbers count as text, other types and empty text as missing.

    Half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes a question mark; NUL, at
    which SQLite's functions end a text, goes.
    """
    if isinstance(value, str) and value.isascii() and "\0" not in value:
        return value or None  # nearly all of them
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).encode("utf-8", "replace").decode("utf-8").replace("\0", "") or None


def texts(value: object) -> tuple[str, ...]:
    """An optional list of texts, others left out; one bare text counts as a list of one."""
    found = [text(each) for each in (value if isinstance(value, list) else [value])]
    return tuple(each for each in found if each is not None)


def row_key(told: Sequence[str | None]) -> str:
    """A key for a row that has none, of what it tells: the same row gives the same key."""
    return "row:" + hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


# What is wrong with an answer that came with status 200.


def other_shape(label: str) -> Rejected:
    """Its JSON is not what is documented."""
    return Rejected(f"{label} sent an answer of another shape than documented")


def an_error(label: str, said: str | None) -> Rejected:
    """It is an error, and ``said`` which."""
    return Rejected(f"{label} answered with an error", said or "")


def ignored(label: str, what: str) -> Rejected:
    """It has rows, and none of them is of what was asked for."""
    return Rejected(f"{label} ignored the {what} that was asked for")


def other_lead(label: str) -> Rejected:
    """It is about somebody else."""
    return Rejected(f"{label} answered with another lead than asked for")


def without_id(label: str) -> Rejected:
    """It is about a lead of which it does not say which."""
    return Rejected(f"{label} answered with a lead that has no id")
