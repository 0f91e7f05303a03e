"""An address by which a lead is reached and found."""

from enum import StrEnum
from typing import NamedTuple


class AddressKind(StrEnum):
    """What an address is."""

    EMAIL = "email"
    PHONE = "phone"


class Address(NamedTuple):
    """An email or phone of a lead.

    ``raw`` is the text as it was given. ``value`` is its normal form (lower-case mail address,
    E.164 number), by which leads are matched; None where ``raw`` cannot be one.
    """

    kind: AddressKind
    raw: str
    value: str | None
