"""The exports have the columns of the providers and the faults of real files."""

import csv
import io
import re

from convsync_cli.sandbox.exports import BAD_EMAIL, BAD_PHONE, EMAILBISON_COLUMNS
from convsync_cli.sandbox.exports import GOHIGHLEVEL_COLUMNS as COLUMNS
from convsync_cli.sandbox.world import World

WORLD = World.seeded(1, 200)


def contacts() -> list[dict[str, str]]:
    text = WORLD.gohighlevel_csv("acme").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def leads() -> list[dict[str, str]]:
    text = WORLD.emailbison_csv("acme").decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_gohighlevel_begins_with_a_bom_and_ends_lines_with_crlf() -> None:
    data = WORLD.gohighlevel_csv("acme")
    assert data.startswith(b"\xef\xbb\xbf" + ",".join(COLUMNS).encode() + b"\r\n")
    assert data.count(b"\n") == data.count(b"\r\n")


def test_gohighlevel_exports_every_contact() -> None:
    assert {row["Contact Id"] for row in contacts()} == set(WORLD.workspace("acme").contacts)


def test_gohighlevel_repeats_rows_and_repeats_contacts_with_another_phone_format() -> None:
    rows = [tuple(row.values()) for row in contacts()]
    assert len(rows) > len(set(rows)) > len({row[0] for row in rows})


def test_gohighlevel_writes_phones_in_every_way_and_one_that_is_none() -> None:
    phones = [row["Phone"] for row in contacts()]
    patterns = (r"\(\d{3}\) 555-01\d\d", r"\+1 \d{3}-555-01\d\d", r"\d{3}55501\d\d", r"\+44\d+")
    for pattern in (*patterns, r"\+1\d{3}55501\d\d"):
        assert any(re.fullmatch(pattern, phone) for phone in phones), pattern
    assert BAD_PHONE in phones


def test_gohighlevel_has_upper_case_bad_and_blank_cells() -> None:
    rows = contacts()
    emails = [row["Email"] for row in rows]
    assert any(email and email == email.upper() for email in emails)
    assert BAD_EMAIL in emails
    assert "" in emails
    assert any(row["Business Name"] == "" for row in rows)
    assert any('"' in row["Business Name"] for row in rows)


def test_emailbison_has_plain_lines_some_repeated_and_some_blank() -> None:
    data = WORLD.emailbison_csv("acme")
    assert data.startswith(",".join(EMAILBISON_COLUMNS).encode() + b"\n")
    assert b"\r" not in data
    rows = leads()
    assert {int(row["id"]) for row in rows} == set(WORLD.workspace("acme").bison_leads)
    assert len(rows) > len({row["id"] for row in rows})
    assert any(row["company"] == "" for row in rows)
