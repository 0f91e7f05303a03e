"""The normal form of mail addresses and phone numbers, by which leads are matched.

House rule: a wrong match shows one person's messages to another, a missed one only costs a look-up.
So what may be two addresses, or somebody else's, has no normal form. Nothing is looked up.
"""

import re

from convsync_cli.sync.model.address import Address, AddressKind

# Fast paths: ten thousand look-ups a second come from shell scripts. Both only match text of which
# the long way says nothing but "yes, as it is"; that it does is a test.
_PLAIN_MAIL = re.compile(
    r"[a-z0-9][a-z0-9_+-]{0,30}(?:\.[a-z0-9_+-]{1,30})?@(?:(?!xn--)[a-z0-9-]{1,60}\.){1,3}[a-z]{2,9}"
)
_PLAIN_PHONE = re.compile(  # the countries that most leads come from, without their exceptions
    r"\+(?:1[2-9][0-9]{9}|44(?!180020)[1-9][0-9]{8,9}|49[1-9][0-9]{8,10}|43[1-9][0-9]{9,10}"
    r"|(?:27|31|33|34|41|46|48|351|353|966|971|972)[1-9][0-9]{8}|61[2-478][0-9]{8}"
    r"|(?:32|64)[1-9][0-9]{7,8}|(?:45|47|65)[1-9][0-9]{7}|(?:39|91)[3-9][0-9]{9})"
)


def email(raw: str) -> Address:
    """Give a mail address in lower case, without a name and whatever else surrounds it.

    An international domain is written in its own letters, whichever way it came. The value is None
    for text without exactly one "@", with white space inside, or too long for SMTP (RFC 5321).
    """
    return Address(AddressKind.EMAIL, raw, mail_value(raw))


def phone(raw: str, region: str | None) -> Address:
    """Give a phone number as E.164.

    It must be *possible* (of a length that its country has), not *valid*: numbering plans change
    faster than the library is updated, and fictional numbers (555-0100) are never valid. The value
    is None for a number without a country where ``region`` is None, a local number without its area
    code, two numbers, letters, and a number with an extension: a switchboard is no one person's and
    receives no SMS.

    Args:
        region: ISO 3166 code of the country whose numbers are written without a country code.
    """
    return Address(AddressKind.PHONE, raw, phone_value(raw, region))


def mail_value(raw: str) -> str | None:
    """The normal form alone; see ``email``."""
    if _PLAIN_MAIL.fullmatch(raw):
        return raw
    from convsync_cli.sync import oddaddresses  # its patterns take longer than most look-ups

    return oddaddresses.mail_value(raw)


def phone_value(raw: str, region: str | None) -> str | None:
    """The normal form alone; see ``phone``."""
    if _PLAIN_PHONE.fullmatch(raw):
        return raw
    from convsync_cli.sync import oddaddresses

    return oddaddresses.phone_value(raw, region)
