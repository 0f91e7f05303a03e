"""Addresses have one normal form, and what is doubtful has none."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsync_cli.sync import addresses, oddaddresses
from convsync_cli.sync.addresses import email, phone
from convsync_cli.sync.model.address import Address, AddressKind


def test_an_address_keeps_the_text_it_was_given_as() -> None:
    assert email(" Lead@Example.COM ") == Address(
        AddressKind.EMAIL, " Lead@Example.COM ", "lead@example.com"
    )
    assert phone("(555) 555-0100", "US") == Address(
        AddressKind.PHONE, "(555) 555-0100", "+15555550100"
    )


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("lead@example.com", "lead@example.com"),
        ("Lead One <LEAD@example.com>", "lead@example.com"),
        ('"One, Lead" <lead@example.com>', "lead@example.com"),
        ("Name <a@b>", "a@b"),
        ("<lead@example.com>", "lead@example.com"),
        ("mailto:lead@example.com", "lead@example.com"),
        ("'lead@example.com'", "lead@example.com"),
        ("lead@example.com;", "lead@example.com"),
        ("lead@example.com.", "lead@example.com"),
        ("\ufeff\u200blead@example.com\xa0", "lead@example.com"),
        ("o'brien+x@sub.example.co.uk", "o'brien+x@sub.example.co.uk"),
        ("lead@MÜLLER.example", "lead@müller.example"),
        ("lead@mu\u0308ller.example", "lead@müller.example"),
        ("lead@xn--mller-kva.example", "lead@müller.example"),
        ("lead@straße.example", "lead@straße.example"),
        ("lead@xn--a.example", "lead@xn--a.example"),
        ("lead@xn--.example", "lead@xn--.example"),
        ("用户@例子.example", "用户@例子.example"),
    ],
)
def test_mail_addresses_are_bared_and_lowered(raw: str, value: str) -> None:
    assert value == email(raw).value


@pytest.mark.parametrize(
    "raw",
    ["", " ", "lead", "n/a", "@", "a@", "@b.co", "a b@c.co", "a@b c.co", "a@b@c.co", "a@b..co",
     ".a@b.co", "a.@b.co", "a..b@c.co", "a@b.co, c@d.co", "a@b.co;c@d.co", "a@b.co c@d.co",
     "A <a@b.co>, C <c@d.co>", "a@b.co <c@d.co> x", "a\n@b.co", "a\0@b.co", "a\ud800@b.co",
     "a@b.co/x", "http://a@b.co/", "a" * 65 + "@b.co", "a@" + "b" * 300, "a@b.co" * 200_000],
)  # fmt: skip
def test_what_is_not_one_mail_address_has_no_value(raw: str) -> None:
    assert email(raw) == Address(AddressKind.EMAIL, raw, None)


@pytest.mark.parametrize(
    ("raw", "region", "value"),
    [
        ("+15555550100", None, "+15555550100"),
        ("+1 202 555 0123", None, "+12025550123"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("202.555.0123", "us", "+12025550123"),
        ("1-202-555-0123", "US", "+12025550123"),
        ("12025550123.0", "US", "+12025550123"),
        ("'+12025550123", None, "+12025550123"),
        ("tel:+12025550123", None, "+12025550123"),
        ("Mobile: +1 202 555 0123", None, "+12025550123"),
        ("\u202a+1\xa0202\u2011555\u20110123\u202c", None, "+12025550123"),
        ("\uff0b\uff11 202 555 0123", None, "+12025550123"),
        ("0044 20 7946 0958", None, "+442079460958"),
        ("0044 20 7946 0958", "US", "+442079460958"),
        ("0044 20 7946 0958", "DE", "+442079460958"),
        ("0011 44 20 7946 0958", "AU", "+442079460958"),
        ("+44 (0)20 7946 0958", None, "+442079460958"),
        ("+4402079460958", None, "+442079460958"),
        ("0170/1234567", "DE", "+491701234567"),
        ("+39 06 1234 5678", None, "+390612345678"),
    ],
)
def test_phone_numbers_become_e164(raw: str, region: str | None, value: str) -> None:
    assert value == phone(raw, region).value


@pytest.mark.parametrize(
    ("raw", "region"),
    [
        ("2025550123", None),
        ("12025550123", None),
        ("2025550123", "XX"),
        ("555-0123", "US"),
        ("+1234567", None),
        ("+999123456789", None),
        ("+", "US"),
        ("", "US"),
        ("n/a", "US"),
        ("911", "US"),
        ("1-800-FLOWERS", "US"),
        ("2025550123 (work)", "US"),
        ("1.20256E+10", "US"),
        ("202-555-0123 ext. 5", "US"),
        ("202-555-0123 x5", "US"),
        ("+12025550123;ext=5", None),
        ("+12025550123,5", None),
        ("202-555-0123 / 202-555-0124", "US"),
        ("030 12345 / 030 12346", "DE"),
        ("030 12345678/79", "DE"),
        ("+12025550123, +12025550124", None),
        ("+12025550123 +12025550124", None),
        ("+1202555\n0123", None),
        ("+1202555\x000123", None),
        ("+1" + "2" * 1_000_000, None),
        ("1" * 1_000_000, "US"),
    ],
)
def test_what_is_not_one_phone_number_has_no_value(raw: str, region: str | None) -> None:
    assert phone(raw, region) == Address(AddressKind.PHONE, raw, None)


_regions = st.sampled_from([None, "US", "GB", "DE", "FR", "IT", "AU", "BR", "MX", "AR", "IN", "XX"])
_like_phones = st.text(
    st.sampled_from("0123456789+0123456789 ()-./x,\xa0\u0663\uff13"), max_size=22
)


@given(st.one_of(st.text(), st.text("ab@.<>'\",;: \u0130ßx\u0308é", max_size=12)))
def test_any_text_may_be_tried_as_a_mail_address(raw: str) -> None:
    value = email(raw).value
    assert value is None or email(value).value == value == value.lower()


@given(st.text(st.characters(min_codepoint=0xA1), min_size=1, max_size=8), st.booleans())
def test_both_ways_to_write_a_domain_have_one_normal_form(label: str, upper: bool) -> None:
    value = email(f"a@{label}.example").value
    if value is not None:
        label = value.removeprefix("a@").removesuffix(".example")
        coded = "xn--" + label.encode("punycode").decode()
        assert email(f"a@{coded.upper() if upper else coded}.example").value in (value, None)


@given(st.one_of(st.text(), _like_phones), _regions)
def test_any_text_may_be_tried_as_a_phone_number(raw: str, region: str | None) -> None:
    value = phone(raw, region).value
    assert value is None or (value[0] == "+" and value[1:].isdecimal() and value.isascii())


@given(_like_phones, _regions, _regions)
def test_a_normal_form_is_its_own_normal_form(
    raw: str, region: str | None, other: str | None
) -> None:
    value = phone(raw, region).value
    assert value is None or value == phone(value, other).value


@given(st.from_regex(addresses._PLAIN_PHONE, fullmatch=True), _regions)
def test_the_short_way_for_phones_agrees_with_the_library(raw: str, region: str | None) -> None:
    assert raw == oddaddresses._e164(raw, region)


@pytest.mark.parametrize("code", [1, 27, 31, 32, 33, 34, 39, 41, 43, 44, 45, 46, 47, 48, 49, 61, 64,
                                  65, 91, 351, 353, 966, 971, 972])  # fmt: skip
def test_every_country_of_the_short_way_agrees_with_the_library(code: int) -> None:
    region = phonenumbers.region_code_for_country_code(code)
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
        example = phonenumbers.example_number_for_type(region, kind)
        assert example is not None
        raw = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        assert phone(raw, None).value == oddaddresses._e164(raw, None) == raw


@given(st.from_regex(addresses._PLAIN_MAIL, fullmatch=True))
def test_the_short_way_for_mail_agrees_with_the_long_one(raw: str) -> None:
    assert raw == oddaddresses._checked(raw)


def test_a_plain_phone_number_does_not_load_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oddaddresses, "_e164", None)
    assert phone("+15555550100", None).value == "+15555550100"
