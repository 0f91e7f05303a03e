"""Leads are read from providers' exports, plain CSV and JSONL, whatever state these are in."""

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsync_cli.sync import addresses
from convsync_cli.sync.errors import UsageError
from convsync_cli.sync.filelines import BadLine, lines
from convsync_cli.sync.leadfile import Row, rows
from convsync_cli.sync.model.lead import Contact, Handle

PROVIDERS = ("gohighlevel", "emailbison")
GHL = "ctcAAAA0000000000001"


def read(data: str | bytes, region: str | None = "US") -> list[Row | BadLine]:
    return list(
        rows(io.BytesIO(data.encode() if isinstance(data, str) else data), region, PROVIDERS)
    )


def contacts(data: str | bytes) -> list[Contact]:
    return [row.contact for row in read(data) if isinstance(row, Row)]


def person(
    *addresses_: str, name: str | None = None, company: str | None = None, ids: str = ""
) -> Contact:
    handles = (each.split(":") for each in ids.split())
    return Contact(
        name=name,
        company=company,
        addresses=tuple(
            addresses.email(a) if "@" in a else addresses.phone(a, "US") for a in addresses_
        ),
        handles=tuple(Handle(provider, external_id) for provider, external_id in handles),
    )


def test_a_gohighlevel_export_is_recognised() -> None:
    text = (
        "Contact Id,First Name,Last Name,Phone,Email,Business Name,Created,Last Activity,Tags\n"
        f"{GHL},Lead,One,+15555550100,lead@example.com,Acme,2026-01-01,,\n"
    )
    assert read(text) == [
        Row(2, person("lead@example.com", "+15555550100", name="Lead One", company="Acme",
                      ids=f"gohighlevel:{GHL}"))
    ]  # fmt: skip


def test_the_additional_addresses_of_a_gohighlevel_export_are_lists() -> None:
    text = (
        "Contact Id,Phone,Email,Company Name,Additional Emails,Additional Phones\n"
        f'{GHL},,A@b.co,Acme,"c@d.co, a@b.co","(202) 555-0123;+12025550124"\n'
    )
    assert contacts(text) == [
        person("A@b.co", "c@d.co", "(202) 555-0123", "+12025550124", company="Acme",
               ids=f"gohighlevel:{GHL}")
    ]  # fmt: skip


def test_an_emailbison_export_is_recognised() -> None:
    text = (
        "id,email,first_name,last_name,company,title,status\n"
        "990,lead@example.com,Lead,One,Acme,CEO,verified\n"
    )
    assert contacts(text) == [
        person("lead@example.com", name="Lead One", company="Acme", ids="emailbison:990")
    ]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("id,email", "990,a@b.co"),
        ("id,email,first_name,last_name,company", "990,a@b.co,,,"),
        ("ID,Email,First Name,Last Name,Company,Title,Status", "990,a@b.co,,,,,"),
        ("Contact Id,Email", f"{GHL},a@b.co"),
        ("Contact ID,First Name,Last Name,Email,Phone", "0035e00000AbCdEAAV,,,a@b.co,"),
        ("Record Id,Company Id,User Id,Email", "1,2,3,a@b.co"),
    ],
)
def test_an_id_that_may_be_anybodys_is_not_taken(header: str, row: str) -> None:
    assert contacts(f"{header}\n{row}\n") == [person("a@b.co")]


@pytest.mark.parametrize(
    ("column", "provider"),
    [
        ("gohighlevel_id", "gohighlevel"),
        ("GoHighLevel Contact ID", "gohighlevel"),
        ("ghl id", "gohighlevel"),
        ("emailbison-id", "emailbison"),
        ("EmailBison Lead Id", "emailbison"),
        ("gohighlevel:id", "gohighlevel"),
        ("smartlead:id", "smartlead"),
        ("Acme: Lead ID", "acme"),
    ],
)
def test_an_id_column_may_name_its_provider(column: str, provider: str) -> None:
    assert contacts(f"{column},name\nx-1,\n") == [person(ids=f"{provider}:x-1")]


def test_a_provider_of_ones_own_may_be_made_known() -> None:
    found = rows(io.BytesIO(b"acme_id\n7\n"), None, providers=["acme"])
    assert list(found) == [Row(2, person(ids="acme:7"))]


@pytest.mark.parametrize("column", ["email", "E-Mail", "e_mail address", "Work Email", " EMAIL 2 "])
def test_a_mail_column_is_known_by_many_names(column: str) -> None:
    assert contacts(f"{column}\na@b.co\n") == [person("a@b.co")]


@pytest.mark.parametrize(
    "column", ["phone", "Phone Number", "mobile", "Mobile Phone", "cell", "telephone", "Phone No"]
)
def test_a_phone_column_is_known_by_many_names(column: str) -> None:
    assert contacts(f"{column}\n202-555-0123\n") == [person("202-555-0123")]


@pytest.mark.parametrize("column", ["email status", "company phone", "phone type", "emails sent"])
def test_a_column_that_only_sounds_like_an_address_is_none(column: str) -> None:
    assert contacts(f"email,{column}\na@b.co,+12025550123\n") == [person("a@b.co")]


@pytest.mark.parametrize(
    ("header", "row", "name"),
    [
        ("name,email", "Lead  One ,a@b.co", "Lead One"),
        ("Full Name,First Name,email", "Lead One,Leo,a@b.co", "Lead One"),
        ("first-name,LAST_NAME,email", "Lead,One,a@b.co", "Lead One"),
        ("Surname,email", "One,a@b.co", "One"),
        ("name,email", " ,a@b.co", None),
    ],
)
def test_a_name_may_be_whole_or_in_two(header: str, row: str, name: str | None) -> None:
    assert contacts(f"{header}\n{row}\n") == [person("a@b.co", name=name)]


def test_an_address_that_cannot_be_one_is_kept_as_it_was_written() -> None:
    assert contacts("email,phone\na@b.co,call me\n") == [person("a@b.co", "call me")]


def test_a_row_that_finds_nobody_is_bad() -> None:
    assert read("name,email\nLead One,none\n") == [
        BadLine(2, "no usable email, phone or provider id")
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encoding_line_end_and_delimiter_make_no_difference(
    encoding: str, end: str, delimiter: str
) -> None:
    table = ["name,email", "Zoë,a@b.co", "", '"Ma;x,\t""M""",c@d.co']
    table[0], table[1] = (line.replace(",", delimiter) for line in table[:2])
    text = end.join(table).replace('",c', f'"{delimiter}c')
    assert read(text.encode(encoding)) == [
        Row(2, person("a@b.co", name="Zoë")),
        Row(4, person("c@d.co", name='Ma;x, "M"')),
    ]


def test_a_lone_line_in_another_encoding_is_read_too() -> None:
    data = "name,email\nZoë,a@b.co\n".encode() + "Zoë,c@d.co\n".encode("cp1252")
    assert [contact.name for contact in contacts(data)] == ["Zoë", "Zoë"]


def test_excels_line_about_the_delimiter_is_not_the_header() -> None:
    assert read("sep=;\nname;email\nA,B;a@b.co\n") == [Row(3, person("a@b.co", name="A,B"))]


def test_quoted_cells_may_hold_line_ends() -> None:
    text = 'name,email\n"Lead\nOne",a@b.co\nTwo,c@d.co\n'
    assert read(text) == [
        Row(2, person("a@b.co", name="Lead One")),
        Row(4, person("c@d.co", name="Two")),
    ]


def test_a_quote_that_is_never_closed_costs_its_own_line_only() -> None:
    text = 'name,email\n"Lead,a@b.co\nTwo,c@d.co\n' + "Three,e@f.co\n" * 3
    assert read(text)[:2] == [
        BadLine(2, "a quote is not closed"),
        Row(3, person("c@d.co", name="Two")),
    ]
    assert len(read(text)) == 5


def test_two_unclosed_quotes_do_not_swallow_what_is_between_them() -> None:
    text = 'name,email\n"A,a@b.co\nB,c@d.co\n"C,e@f.co\nD,g@h.co\n'
    assert [row.line for row in read(text) if isinstance(row, BadLine)] == [2, 4]


def test_quotes_inside_a_cell_are_part_of_it() -> None:
    assert contacts('name,email\nLead "Lee" One,a@b.co\n"Lead" x,c@d.co\n') == [
        person("a@b.co", name='Lead "Lee" One'),
        person("c@d.co", name="Lead x"),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a@b.co,A,Acme,x", "4 cells in 3 columns"),
        ("a@b.co,A\0,Acme", "it holds a NUL byte"),
        (f'a@b.co,"{"A" * 200_000}",', "a cell is longer than 128 KiB"),
        (f"a@b.co,A,{'B' * 2_000_000}", "the line is longer than 1 MiB"),
        ('a@b.co,"A', "a quote is not closed"),
    ],
)
def test_a_bad_row_is_reported_and_the_others_go_on(row: str, reason: str) -> None:
    good = Row(4, person("c@d.co"))
    assert read(f"email,name,company\n\n{row}\nc@d.co,,\n") == [BadLine(3, reason), good]


@pytest.mark.parametrize("row", ["a@b.co", "a@b.co,A", "a@b.co,,,,,"])
def test_cells_that_are_missing_or_empty_do_no_harm(row: str) -> None:
    assert len(contacts(f"email,name,company\n{row}\n")) == 1


@pytest.mark.parametrize("text", ["email\n", "email\n\n \n", "email,name\n,\n , \n", "email"])
def test_empty_rows_are_passed_over(text: str) -> None:
    assert read(text) == []


def test_jsonl_has_the_same_names() -> None:
    text = "\n".join(
        [
            json.dumps({"Full Name": "Lead One", "emails": ["a@b.co", "c@d.co"],
                        "phone": 12025550123}),
            "",
            json.dumps({"firstName": "Lead", "last_name": None, "email": "e@f.co", "id": 5}),
            json.dumps({"contactId": GHL, "email": "g@h.co", "tags": [], "additionalEmails":
                        [{"email": "i@j.co"}], "phones": [{"phone": "202-555-0123"}, 1.5, True]}),
            json.dumps({"id": 990, "email": "k@l.co", "first_name": "", "last_name": "",
                        "overall_stats": {}}),
            json.dumps({"id": GHL, "locationId": "locAAAA0000000000001", "email": "m@n.co"}),
        ]
    )  # fmt: skip
    assert read(text) == [
        Row(1, person("a@b.co", "c@d.co", "12025550123", name="Lead One")),
        Row(3, person("e@f.co", name="Lead")),
        Row(4, person("g@h.co", "i@j.co", "202-555-0123", ids=f"gohighlevel:{GHL}")),
        Row(5, person("k@l.co", ids="emailbison:990")),
        Row(6, person("m@n.co", ids=f"gohighlevel:{GHL}")),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"email": ' + "[" * 100_000, "not JSON"),
        ('{"phone": ' + "1" * 10_000 + "}", "not JSON"),
        ("7", "not a JSON object"),
        ('{"name": "Lead One"}', "no usable email, phone or provider id"),
        ('{"email": {"email": ["a@b.co"]}}', "no usable email, phone or provider id"),
        ('{"gohighlevel_id": "a b"}', "its gohighlevel id is not valid"),
        (json.dumps({"emails": ["a@b.co"] * 101}), "more than 100 addresses"),
        ('{"email": "' + "a" * 2_000_000 + '"}', "the line is longer than 1 MiB"),
    ],
)
def test_a_bad_line_of_jsonl_is_reported_and_the_others_go_on(line: str, reason: str) -> None:
    good = '{"email": "a@b.co"}'
    assert read(f"{good}\n{line}\n{good}\n")[1:] == [BadLine(2, reason), Row(3, person("a@b.co"))]


def test_half_a_character_in_json_is_replaced() -> None:
    assert contacts('{"email": "a@b.co", "name": "\\ud83d"}') == [person("a@b.co", name="\ufffd")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf\r\n\n", "the file is empty"),
        (b"\x1f\x8b\x08\0\0", "the file is a gzip archive, not CSV or JSONL"),
        (b"PK\x03\x04...", "the file is an Excel workbook or a ZIP archive, not CSV or JSONL"),
        (b"\x89PNG\r\n\x1a\n", "the file is an image, not CSV or JSONL"),
        (bytes(range(256)) * 20, "the file is binary data, not CSV or JSONL"),
        ("email\na@b.co\n".encode("utf-16-le") * 3, "the file is binary data, not CSV or JSONL"),
        (b'[{"email": "a@b.co"}]', "the file is a JSON array, not JSONL"),
        (b"name,Company Phone\n", "the file has no column that finds a lead; its columns are: "
                                   "name, Company Phone"),
        (b"a@b.co,Lead One\n", "the first line of the file names no known column"),
        (b"Lead One,Company One\n", "the first line of the file names no known column"),
        (b"Lead One;202 555-0123\n", "the first line of the file names no known column"),
        (b'"email,name\n', "the first line of the file cannot be read: a quote is not closed"),
        (b"e" * 2_000_000, "the first line of the file cannot be read: the line is longer than "
                           "1 MiB"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_at_all_is_refused_at_once(data: bytes, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        rows(io.BytesIO(data), None, PROVIDERS)
    assert message == refused.value.message


class Pipe(io.RawIOBase):
    """A pipe that gives what the generator gives, and counts it."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        part = next(self._parts, b"")
        self.given += len(part)
        return part


@pytest.mark.parametrize(
    "row", ["a@b.co,x\n", "\n", "bad\n", 'b","c\n', '"open\n', '"two\nlines",\n', '"x" y,\r']
)
def test_a_file_is_read_no_further_ahead_than_a_row_may_reach(row: str) -> None:
    count = 60_000 // len(row)
    pipe = Pipe(part.encode() for part in ["email,name\n", *[row * count] * 4, "a@b.co,\n"])
    found = rows(pipe, None, PROVIDERS)  # type: ignore[arg-type]
    assert pipe.given < 70_000
    for last in found:
        assert pipe.given < (last.line + 201) * len(row) + 130_000
    assert isinstance(last, Row)


def test_a_line_without_an_end_is_not_kept() -> None:
    parts = [b"email\n", *[b"x" * 60_000] * 200, b"\na@b.co\n"]
    tracemalloc.start()
    found = list(rows(Pipe(iter(parts)), None, PROVIDERS))  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [BadLine(2, "the line is longer than 1 MiB"), Row(3, person("a@b.co"))]
    assert peak < 6_000_000


@given(st.binary(), st.sampled_from([b"", b"email,name\n", b'{"email": "a@b.co"}\n', b"\xff\xfe"]))
def test_any_file_is_read_or_refused(data: bytes, head: bytes) -> None:
    try:
        found = read(head + data)
    except UsageError:
        return
    assert [row.line for row in found] == sorted({row.line for row in found})


_pieces = st.lists(
    st.sampled_from(['"', ",", "\n", "\r", "a@b.co", "x", '""', " ", "é", "\0", "'"])
)


@given(_pieces.map("".join))
def test_any_table_is_read(text: str) -> None:
    count = len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    assert all(2 <= row.line <= count + 1 for row in read("email,name\n" + text))


@given(_pieces.map("".join), st.lists(st.integers(1, 5)))
def test_lines_do_not_depend_on_how_the_file_arrives(text: str, sizes: list[int]) -> None:
    data = text.encode()
    cuts = [0, *accumulate(sizes), len(data)]
    drips = (data[start:end] for start, end in pairwise(cuts))
    whole = [line.text for line in lines(io.BytesIO(data))]
    dripped = lines(Pipe(filter(None, drips)))  # type: ignore[arg-type]
    assert whole == [line.text for line in dripped]
    assert "".join(filter(None, whole)) == text


_cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@given(
    st.lists(st.tuples(_cells, _cells), min_size=1),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_was_written_as_csv_is_read_back(
    people: list[tuple[str, str]], delimiter: str, encoding: str
) -> None:
    out = io.StringIO()
    table = csv.writer(out, delimiter=delimiter)
    table.writerow(["email", "name", "company"])
    table.writerows((f"{i}@example.com", *person) for i, person in enumerate(people))
    expected = [(" ".join(n.split()) or None, " ".join(c.split()) or None) for n, c in people]
    found = contacts(out.getvalue().encode(encoding))
    assert expected == [(contact.name, contact.company) for contact in found]
