"""The contact files that people export from the providers, with the faults that such files have."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from convsync_cli.sandbox.rows import Person
from convsync_cli.sandbox.workspace import Workspace

GOHIGHLEVEL_COLUMNS = (
    "Contact Id",
    "First Name",
    "Last Name",
    "Phone",
    "Email",
    "Business Name",
    "Created",
    "Last Activity",
    "Tags",
)
EMAILBISON_COLUMNS = (
    "id",
    "email",
    "first_name",
    "last_name",
    "company",
    "title",
    "status",
    "created_at",
)
BAD_PHONE = "555-CALL-ME"
BAD_EMAIL = "not an address"


def gohighlevel_csv(workspace: Workspace) -> bytes:
    """Every contact of the location: BOM, CRLF, repeated rows, and phones as people write them."""
    known = [person for person in workspace.people.values() if person.contact is not None]
    return b"\xef\xbb\xbf" + _csv(GOHIGHLEVEL_COLUMNS, _contact_rows(known), "\r\n")


def emailbison_csv(workspace: Workspace) -> bytes:
    """Every lead of the team: LF, no BOM, some rows repeated and some cells blank."""
    known = [person for person in workspace.people.values() if person.bison is not None]
    return _csv(EMAILBISON_COLUMNS, _lead_rows(known), "\n")


def _contact_rows(known: Sequence[Person]) -> Iterator[Sequence[str]]:
    for number, person in enumerate(known):
        row = _contact_row(person, number, number)
        yield row
        if number % 12 == 5:
            yield row
        if number % 12 == 8:
            yield _contact_row(person, number, number + 1)


def _contact_row(person: Person, number: int, style: int) -> Sequence[str]:
    return (
        person.contact or "",
        person.first,
        person.last,
        BAD_PHONE if number % 40 == 14 else written(person.phones, style),
        _email(person, number),
        "" if number % 7 == 6 else person.company,
        f"{person.created:%b %d %Y %I:%M %p}",
        "" if number % 3 == 0 else f"{person.created:%b %d %Y %I:%M %p}",
        ",".join(person.tags),
    )


def _email(person: Person, number: int) -> str:
    if number % 40 == 16:
        return BAD_EMAIL
    if number % 13 == 4:
        return ""
    return person.emails[0].upper() if number % 5 == 3 else person.emails[0]


def written(phones: Sequence[str], style: int) -> str:
    """The first phone as people write it; a foreign one always with its country."""
    if not phones:
        return ""
    phone = phones[0]
    if not phone.startswith("+1"):
        return phone
    area, exchange, line = phone[2:5], phone[5:8], phone[8:]
    forms = (
        f"({area}) {exchange}-{line}",
        f"+1 {area}-{exchange}-{line}",
        f"{area}{exchange}{line}",
        phone,
    )
    return forms[style % len(forms)]


def _lead_rows(known: Sequence[Person]) -> Iterator[Sequence[str]]:
    for number, person in enumerate(known):
        row = (
            str(person.bison),
            person.emails[0],
            person.first,
            person.last,
            "" if number % 6 == 5 else person.company,
            person.title,
            ("verified", "unverified", "unknown")[number % 3],
            f"{person.created:%Y-%m-%dT%H:%M:%S.%fZ}",
        )
        yield row
        if number % 15 == 7:
            yield row


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]], line_end: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=line_end)
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()
