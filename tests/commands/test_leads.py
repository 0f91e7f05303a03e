"""`leads`: what comes in from files and by hand, and how it is shown."""

import csv
import io
import json
import re
from typing import Any

import pytest

from convsync_cli.sync import providers
from tests.commands.operator import Operator

IMPORT = ["added", "updated", "unchanged", "forgotten", "conflicts", "unusable", "rejected"]
LEAD = ["lead", "workspace", "name", "company", "emails", "phones", "handles"]
COUNTS = ["messages", "last_inbound_at", "last_outbound_at", "synced_at"]
HOSTILE = "Eve\x1b[31m\x1b]0;owned\x07\x00\x9b2J\x7f\u202eliaM\r\nRoot"
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

SIMPLE = b"email,phone,name\nann@example.com,(201) 555-0150,Ann\nbob@example.com,,Bob\n"


def imports(operator: Operator, content: bytes, code: int = 0, *options: str) -> dict[str, object]:
    """Import a file from stdin into acme; returns the document."""
    told = ("leads", "import", "-", "--workspace", "acme", "--json", *options)
    result = operator.runs(*told, stdin=content).ended(code)
    document: dict[str, object] = result.json
    assert list(document) == IMPORT
    return document


def listed(operator: Operator, *options: str) -> list[dict[str, object]]:
    """All leads, as documents."""
    told = operator.runs("leads", "list", *options, "--json").ended(0).json
    assert list(told) == ["leads"]
    leads: list[dict[str, object]] = told["leads"]
    return leads


def known(operator: Operator) -> dict[str, Any]:
    """All leads by the name they were given."""
    return {str(lead["name"]): lead for lead in listed(operator)}


# Import


def test_importing_again_changes_nothing(beginner: Operator) -> None:
    nothing: dict[str, object] = dict.fromkeys(IMPORT[:-1], 0) | {"rejected": []}
    assert imports(beginner, SIMPLE) == nothing | {"added": 2}
    before = listed(beginner)
    assert imports(beginner, SIMPLE) == nothing | {"unchanged": 2}
    assert listed(beginner) == before


def test_a_later_file_completes_what_is_known_and_overwrites_nothing(beginner: Operator) -> None:
    imports(beginner, SIMPLE)
    more = b"email,phone,name,company\nBOB@example.com,+12015550151,Robert,Acorn\n"
    assert imports(beginner, more)["updated"] == 1
    bob = known(beginner)["Bob"]
    assert (bob["name"], bob["company"]) == ("Bob", "Acorn")
    assert bob["phones"] == [{"value": "+12015550151", "raw": "+12015550151", "usable": True}]


def test_a_file_is_read_by_its_name(beginner: Operator) -> None:
    (beginner.folder / "leads.csv").write_bytes(SIMPLE)
    result = beginner.runs("leads", "import", "leads.csv", "-w", "acme").ended(0)
    assert result.out == "2 added, 0 updated, 0 unchanged, 0 rejected\n"
    quiet = beginner.runs("leads", "import", "leads.csv", "-w", "acme", "-q").ended(0)
    assert quiet.stdout + quiet.stderr == b""


def test_jsonl_comes_in_as_well(beginner: Operator) -> None:
    lines = [{"email": "ann@example.com"}, {"phone": "+12015550150", "name": "Bob"}]
    told = "\n".join(map(json.dumps, lines)).encode()
    assert imports(beginner, told)["added"] == 2


@pytest.mark.parametrize("provider", providers.names())
def test_a_column_may_hold_the_id_at_any_provider(beginner: Operator, provider: str) -> None:
    imports(beginner, f"email,{provider}_id\nann@example.com,4711\n".encode())
    assert listed(beginner)[0]["handles"] == [{"provider": provider, "external_id": "4711"}]


def test_the_exports_of_both_providers_find_the_same_people(beginner: Operator) -> None:
    export = beginner.world.gohighlevel_csv("acme")
    imports(beginner, export)
    imports(beginner, beginner.world.emailbison_csv("acme"))
    told = {row["Contact Id"]: row["Email"].lower() for row in csv.DictReader(
        io.StringIO(export.decode("utf-8-sig"))
    )}  # fmt: skip
    for person in beginner.world.workspace("acme").people.values():
        if person.contact and person.bison:
            found = beginner.asks(
                "SELECT count(DISTINCT lead_id) FROM handles WHERE external_id IN (?, ?)",
                person.contact,
                str(person.bison),
            )
            # Where the first file has no usable email, the second cannot know who it is.
            assert found == [(1 if told[person.contact] in person.emails else 2,)]


def test_byte_order_mark_crlf_blank_and_repeated_rows_are_taken_as_people_mean_them(
    beginner: Operator,
) -> None:
    told = (
        b"\xef\xbb\xbfEmail;First Name;Last Name;Phone\r\n"
        b'ann@example.com;"Ann ""A""";Lee;201-555-0150\r\n'
        b";;;\r\n\r\n"
        b" ANN@Example.com ;Ann;Lee;(201) 555 0150\r\n"
    )
    assert imports(beginner, told)["added"] == 1
    (ann,) = listed(beginner)
    assert ann["name"] == 'Ann "A" Lee'
    assert ann["phones"] == [{"value": "+12015550150", "raw": "201-555-0150", "usable": True}]


def test_a_row_that_cannot_be_read_is_reported_with_its_line_and_the_others_are_taken(
    beginner: Operator,
) -> None:
    told = (
        b"email,name\n"
        b"ann@example.com,Ann\n"
        b",Nobody\n"
        b"x@example.com,X,too,many\n"
        b"bad\0row@example.com,N\n"
        b'"never closed,Q\n'
        b"bob@example.com,Bob\n" + b"y" * 2_000_000 + b"\n"
        b"cid@example.com,Cid\n"
    )
    document = imports(beginner, told, 3)
    assert document["added"] == 3
    rejected = document["rejected"]
    assert isinstance(rejected, list)
    assert [row["line"] for row in rejected] == [3, 4, 5, 6, 8]
    assert all(list(row) == ["line", "reason"] for row in rejected)
    words = beginner.runs("leads", "import", "-", "-w", "acme", stdin=told).ended(3)
    for number in (3, 4, 5, 6, 8):
        assert f"convsync: line {number} is left out: " in words.err
    assert "Nobody" not in words.err
    assert "x@example.com" not in words.err


def test_an_unusable_address_is_kept_as_given_flagged_and_not_matched_by(
    beginner: Operator,
) -> None:
    told = b"name,email,phone\nAnn,ann@example.com,555-CALL-ME\nBob,not an address,+12015550150\n"
    assert imports(beginner, told)["unusable"] == 2
    ann, bob = known(beginner)["Ann"], known(beginner)["Bob"]
    assert ann["phones"] == [{"value": None, "raw": "555-CALL-ME", "usable": False}]
    assert bob["emails"] == [{"value": None, "raw": "not an address", "usable": False}]
    beginner.runs("enqueue", "555-CALL-ME").ended(3)
    shown = beginner.runs("leads", "show", str(ann["lead"])).ended(0).out
    assert "phone: 555-CALL-ME  (cannot be used to match)" in shown
    again = imports(beginner, told)
    assert (again["added"], again["unchanged"]) == (0, 2)


def test_an_address_stays_with_the_lead_that_had_it(beginner: Operator) -> None:
    imports(beginner, b"name,email,phone\nAnn,ann@example.com,+12015550150\n")
    told = b"email,phone\nbob@example.com,+12015550150\n"
    assert imports(beginner, told)["conflicts"] == 1
    result = beginner.runs("enqueue", "+12015550150", "--json").ended(0)
    assert result.json["queued"][0]["lead"] == known(beginner)["Ann"]["lead"]


def test_a_file_that_is_no_list_of_leads_is_wrong_usage(beginner: Operator) -> None:
    contents = {
        "empty": b"",
        "blank": b"\n\n",
        "no usable column": b"name,city\nAnn,Rome\n",
        "no header": b"ann@example.com\nbob@example.com\n",
        "workbook": b"PK\x03\x04" + bytes(range(256)) * 8,
        "binary": bytes(range(256)) * 32,
        "JSON array": b'[{"email": "ann@example.com"}]',
    }
    for name, content in contents.items():
        (beginner.folder / name).write_bytes(content)
    told = [["leads", "import", name, "-w", "acme", "--json"] for name in contents]
    for _, result in beginner.runs_each(told):
        assert result.ended(2).error["code"] == "usage"
        assert "ann@example.com" not in result.err
    assert listed(beginner) == []


def test_a_file_that_is_not_there_is_not_found(beginner: Operator) -> None:
    beginner.runs("leads", "import", "nowhere.csv", "-w", "acme").ended(4)
    beginner.runs("leads", "import", ".", "-w", "acme").ended(4)


def test_a_workspace_that_is_not_there_is_not_found(beginner: Operator) -> None:
    for told in (["import", "-"], ["add", "--email", "a@example.com"], ["list"], ["show", "x"]):
        result = beginner.runs("leads", *told, "-w", "acne", "--json").ended(4)
        assert 'did you mean "acme"?' in result.error["hint"]


def test_an_import_must_say_where_to(beginner: Operator) -> None:
    assert beginner.runs("leads", "import", "-", "--json").ended(2).error["code"] == "usage"


# Add, list, show


def test_a_lead_is_added_once(beginner: Operator) -> None:
    told = (
        "leads", "add", "-w", "acme", "--email", "Ann@Example.com", "--phone", "201-555-0150",
        "--id", "gohighlevel:ctcAAAA0000000000001", "--name", "Ann", "--company", "Acorn",
    )  # fmt: skip
    first = beginner.runs(*told, "--json").ended(0).json
    assert list(first) == ["lead", "answer", "conflicts"]
    assert first["answer"] == "added"
    again = beginner.runs(*told, "--json").ended(0).json
    assert again == {"lead": first["lead"], "answer": "unchanged", "conflicts": 0}
    assert listed(beginner) == [
        {
            "lead": first["lead"],
            "workspace": "acme",
            "name": "Ann",
            "company": "Acorn",
            "emails": [{"value": "ann@example.com", "raw": "Ann@Example.com", "usable": True}],
            "phones": [{"value": "+12015550150", "raw": "201-555-0150", "usable": True}],
            "handles": [{"provider": "gohighlevel", "external_id": "ctcAAAA0000000000001"}],
            "messages": 0,
        }
        | dict.fromkeys(COUNTS[1:])
    ]


def test_a_lead_without_a_usable_address_is_wrong_usage(beginner: Operator) -> None:
    wrong = [
        [],
        ["--name", "Ann"],
        ["--email", "nobody"],
        ["--phone", "12"],
        ["--id", "ctcAAAA0000000000001"],
        ["--id", ":x"],
        ["--id", "gohihglevel:ctcAAAA0000000000001"],
        ["--email", ""],
    ]
    told = [["leads", "add", "-w", "acme", *each, "--json"] for each in wrong]
    for _, result in beginner.runs_each(told):
        assert result.ended(2).error["code"] == "usage"
    assert listed(beginner) == []


def test_leads_are_listed_with_all_their_keys_and_as_few_as_asked(operator: Operator) -> None:
    leads = listed(operator)
    assert {tuple(lead) for lead in leads} == {(*LEAD, *COUNTS)}
    assert [lead["lead"] for lead in leads] == sorted(str(lead["lead"]) for lead in leads)
    acme = listed(operator, "--workspace", "acme")
    assert {lead["workspace"] for lead in acme} == {"acme"}
    assert listed(operator, "--limit", "3") == leads[:3]
    assert operator.runs("leads", "list", "--limit", "0").ended(2)
    assert operator.runs("leads", "list", "--limit", "99999999999999999999").code in (0, 2)
    assert operator.runs("leads", "list", "--quiet").ended(0).stdout == b""


def test_a_lead_is_shown_with_how_current_each_channel_is(synced: Operator) -> None:
    lead = synced.lead("long mail")
    told = synced.runs("leads", "show", lead, "--json").ended(0).json
    assert list(told) == [*LEAD, "channels"]
    assert list(told["channels"]) == ["sms", "email"]
    for channel in told["channels"].values():
        assert list(channel) == ["synced_at", "outcome", "error_code", "left_out"]
        assert channel["outcome"] == "synced"
    words = synced.runs("leads", "show", synced.person("long mail").emails[0]).ended(0).out
    assert words.startswith(f"{lead}  acme")
    assert "  sms: current as of " in words


def test_a_channel_that_was_never_read_says_so(operator: Operator) -> None:
    lead = operator.lead("long mail")
    told = operator.runs("leads", "show", lead, "--json").ended(0).json
    assert told["channels"]["sms"]["synced_at"] is None
    assert "  sms: never read to its end\n" in operator.runs("leads", "show", lead).out


def test_an_unknown_or_ambiguous_lead_is_not_found(operator: Operator) -> None:
    operator.runs("leads", "show", "nobody@example.com").ended(4)
    for name in ("acme", "globex"):
        operator.runs("leads", "add", "-w", name, "--email", "twin@example.com")
    result = operator.runs("leads", "show", "twin@example.com", "--json").ended(4)
    assert result.error["message"] == "the lead is ambiguous"
    assert "acme/L" in result.error["hint"]
    assert "globex/L" in result.error["hint"]


# Other people's text


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_control_characters_in_names_never_reach_stdout(
    beginner: Operator, form: list[str]
) -> None:
    told = json.dumps({"email": "eve@example.com", "name": HOSTILE, "company": HOSTILE})
    imports(beginner, told.encode())
    (lead,) = listed(beginner)
    for command in (["list"], ["show", str(lead["lead"])]):
        shown = beginner.runs("leads", *command, *form).ended(0)
        assert "Eve" in shown.out
        assert CONTROLS.findall(shown.out) == []
        assert "Root\n" not in shown.out.replace("Root\n", "", 1)  # no line of its own making


def test_a_hostile_row_does_not_reach_stderr(beginner: Operator) -> None:
    told = f"email,name\n,{HOSTILE}\n".encode().replace(b"\0", b"")
    result = beginner.runs("leads", "import", "-", "-w", "acme", stdin=told).ended(3)
    assert CONTROLS.findall(result.err) == []
    assert "owned" not in result.err


def test_every_part_has_an_example_and_alone_it_shows_its_help(beginner: Operator) -> None:
    alone = beginner.runs("leads").ended(2)
    assert "import" in alone.out + alone.err
    for part in ("import", "add", "list", "show", "forget"):
        told = beginner.runs("leads", part, "--help").ended(0).out
        assert f"Example: convsync leads {part}" in told
