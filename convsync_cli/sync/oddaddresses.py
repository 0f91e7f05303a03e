"""The long way to the normal form of an address: whatever people and spreadsheets make of it."""

import re

_INVISIBLE = re.compile("[\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")

_LONGEST_MAIL = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
_LONGEST_RAW = 500
_NAMED = re.compile(r"[^<>]*<([^<>]+)>")
_WRAPPED = re.compile(r"(?:mailto:)?['\"]?(.*?)['\"]?[,;.]?")  # what people and spreadsheets leave
_MAIL = re.compile(r"[^\s@,;:<>()\[\]\\\"/|]{1,64}@[^\s@,;:<>()\[\]\\\"/|'!?&=+*%]+")

_LONGEST_PHONE = 60
_BLANK = re.compile("[\t\xa0\u2002-\u200a\u202f\u3000]")
_LABEL = re.compile(r"[A-Za-z]{1,12} ?[:.] ?")
_FLOAT = re.compile(r"^(\+?[0-9]{7,15})\.0$")  # how a spreadsheet library writes a whole number
_NUMBER = re.compile(r"\+?[\d(][\d ()./\u2010-\u2015\u2212-]*")
_LONGEST_PREFIX = 7  # digits before a "/" that separates an area code: "+49 (0) 4401/123"


def mail_value(raw: str) -> str | None:
    """The normal form of a mail address, or None; see ``addresses.email``."""
    if len(raw) > _LONGEST_RAW:
        return None
    text = _INVISIBLE.sub("", raw).strip().lower()
    named = _NAMED.fullmatch(text)
    wrapped = _WRAPPED.fullmatch(named[1].strip() if named else text)
    bare = wrapped[1] if wrapped else ""
    return _checked(bare if bare.isascii() else _composed(bare))


def _checked(mail: str) -> str | None:
    if not _MAIL.fullmatch(mail) or not mail.isprintable() or len(mail) > _LONGEST_MAIL:
        return None
    local, _, domain = mail.partition("@")
    labels = [_letters(label) for label in domain.split(".")]
    return f"{local}@{'.'.join(labels)}" if all(labels) and all(local.split(".")) else None


def _composed(text: str) -> str:
    from unicodedata import normalize

    return normalize("NFC", text)


def _letters(label: str) -> str:
    """Write an ``xn--`` label in its own letters, where nothing else is written that way."""
    if not label.startswith("xn--"):
        return label
    try:
        letters = label[4:].encode("ascii").decode("punycode")
        same = letters.encode("punycode").decode("ascii") == label[4:]
    except (UnicodeError, ValueError, OverflowError):
        return label
    plain = letters == _composed(letters.lower()) and _MAIL.fullmatch("a@" + letters)
    return letters if same and plain and letters.isprintable() and "." not in letters else label


def phone_value(raw: str, region: str | None) -> str | None:
    """The normal form of a phone number, or None; see ``addresses.phone``."""
    if len(raw) > _LONGEST_PHONE:
        return None
    text = _number_text(raw)
    if text is None:
        return None
    value = _e164(text, region)
    if value is None and text.startswith("00"):  # the usual way to dial "+"
        return _e164("+" + text[2:], None)
    return value


def _number_text(raw: str) -> str | None:
    """Give the one number in ``raw``, without what surrounds it; None where there may be two."""
    text = _BLANK.sub(" ", _INVISIBLE.sub("", raw)).strip(" \r\n'\"=,;").replace("\uff0b", "+")
    text = _FLOAT.sub(r"\1", _LABEL.sub("", text, 1))
    first, slash, second = text.partition("/")
    if not _NUMBER.fullmatch(text) or "/" in second:
        return None
    return None if slash and sum(map(str.isdigit, first)) > _LONGEST_PREFIX else text


def _e164(text: str, region: str | None) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region.upper() if region else None)
    except phonenumbers.NumberParseException:
        return None
    verdict = phonenumbers.is_possible_number_with_reason(number)
    if number.extension or verdict != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
