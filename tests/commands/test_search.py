"""`search`: messages by their words, whatever people type."""

import re

import pytest

from tests.commands.operator import EXPORT_KEYS, Operator
from tests.commands.terminal import shown
from tests.commands.test_show import CONTROLS

KEYS = ["query", "matches", "all_ranked", "hits"]


def says(operator: Operator, *bodies: str) -> None:
    """Have messages of the lead "away" say something else."""
    lead = operator.lead("away")
    ids = operator.asks("SELECT id FROM messages WHERE lead_id = ? ORDER BY id", lead)
    for (id,), body in zip(ids, bodies, strict=False):
        operator.tampers("UPDATE messages SET body = ? WHERE id = ?", body, id)


def test_the_document_holds_each_hit_as_an_export_does_and_where_it_matches(
    synced: Operator,
) -> None:
    says(synced, "a zebra, and a zebra crossing", "no horse", "one zebra")
    told = synced.runs("search", "zebra", "--json").ended(0).json
    assert list(told) == KEYS
    assert (told["query"], told["matches"], told["all_ranked"]) == ("zebra", 2, True)
    assert {tuple(hit) for hit in told["hits"]} == {
        (*EXPORT_KEYS, "score", "excerpt", "highlights")
    }
    for hit in told["hits"]:
        assert {hit["excerpt"][begin:end] for begin, end in hit["highlights"]} == {"zebra"}
    exported = {m["id"]: m for m in synced.runs("export").lines}
    for hit in told["hits"]:
        assert {key: hit[key] for key in EXPORT_KEYS} == exported[hit["id"]]


def test_people_read_when_who_and_the_words_in_brackets(synced: Operator) -> None:
    says(synced, "the Zebra\nruns")
    told = synced.runs("search", "zebra").ended(0).out
    person = synced.person("away")
    heading, excerpt, _, count = told.splitlines()
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d  [<>?] ", heading)
    assert person.name in heading
    assert heading.endswith(f"acme/{synced.lead('away')}")
    assert excerpt == "  the [Zebra] runs"
    assert count == "1 message."


def test_filters_narrow_it(synced: Operator) -> None:
    says(synced, "zebra one", "zebra two")
    lead = synced.lead("away")
    (first,), *_ = synced.asks("SELECT id FROM messages WHERE lead_id = ? ORDER BY id", lead)
    synced.tampers("UPDATE messages SET sent_at = '2001-01-01T00:00:00.000Z' WHERE id = ?", first)
    synced.tampers("UPDATE messages SET channel = iif(id = ?, 'email', 'sms')", first)
    synced.tampers("UPDATE messages SET direction = 'unknown' WHERE id = ?", first)
    one, both = ["zebra one"], ["zebra one", "zebra two"]
    cases: list[tuple[list[str], list[str]]] = [
        (["--until", "2001-01-02"], one),
        (["--since", "2001-01-01", "--until", "2001-01-01T00:00:01"], one),
        (["--since", "1d", "--until", "1m"], []),
        (["--direction", "unknown"], one),
        (["--channel", "email"], one),
        (["--lead", lead], both),
        (["--lead", synced.lead("bounced")], []),
        (["--lead", synced.lead("bounced"), "--lead", synced.person("away").emails[0]], both),
        (["--workspace", "acme"], both),
        (["--workspace", "globex"], []),
    ]
    commands = [["search", "zebra", "--json", *options] for options, _ in cases]
    for (_, found), (_, result) in zip(cases, synced.runs_each(commands), strict=True):
        assert sorted(hit["body"] for hit in result.ended(0).json["hits"]) == found, result.command


def test_the_limit_says_how_many_there_are(synced: Operator) -> None:
    says(synced, "zebra", "zebra", "zebra")
    told = synced.runs("search", "zebra", "--limit", "2", "--json").ended(0).json
    assert (len(told["hits"]), told["matches"]) == (2, 3)
    words = synced.runs("search", "zebra", "--limit", "2").ended(0).out
    assert words.endswith("\nThe best 2 of 3 messages; --limit shows more.\n")


def test_nothing_found_is_an_answer(synced: Operator) -> None:
    assert synced.runs("search", "zebra", "--json").ended(0).json["hits"] == []
    assert "No stored message" in synced.runs("search", "zebra").ended(0).out


@pytest.mark.parametrize("query", ["", "  ", "!!!", '""', "*"])
def test_a_query_without_a_word_is_wrong_usage(synced: Operator, query: str) -> None:
    told = synced.runs("search", query, "--json").ended(2)
    assert told.error["message"] == "the query contains no word to look for"


def test_what_is_typed_is_never_a_syntax_error(synced: Operator) -> None:
    typed = [
        'a" OR b',
        "NEAR(a b)",
        "x AND",
        "body:a",
        "^a",
        "{a} : b",
        "a -b",
        "(((a",
        "a'b",
        "a\\",
    ]
    for _, result in synced.runs_each(["search", each, "--json"] for each in typed):
        assert list(result.ended(0).json) == KEYS
    synced.runs("search", "--json", "--", "-5 %").ended(0)
    synced.runs("search", *(f"w{i}" for i in range(99)), "--json").ended(2)


def test_wrong_usage_is_2_and_who_is_unknown_4(synced: Operator) -> None:
    wrong = [
        ["search"],
        ["search", "a", "--limit", "0"],
        ["search", "a", "--since", "yesterday-ish"],
        ["search", "a", "--since", "2026-01-02", "--until", "2026-01-01"],
        ["search", "a", "--channel", "fax"],
    ]
    for _, result in synced.runs_each([*each, "--json"] for each in wrong):
        assert result.ended(2).error["code"] == "usage"
    synced.runs("search", "a", "--workspace", "nowhere").ended(4)
    synced.runs("search", "a", "--lead", "nobody@example.com").ended(4)


def test_control_characters_never_reach_stdout(synced: Operator) -> None:
    says(synced, "zebra \x1b[2J\x07 \x9b31m \u202ereversed\x02\x03 zebra")
    for form in ([], ["--json"]):
        result = synced.runs("search", "zebra", *form).ended(0)
        assert CONTROLS.findall(result.out) == []
    assert "\x1b[2J" not in shown(synced, "search", "zebra").written


@pytest.mark.parametrize("columns", [40, 200])
def test_a_terminal_lights_up_what_matches(synced: Operator, columns: int) -> None:
    says(synced, f"zebra {'x' * 300} zebra")
    told = shown(synced, "search", "zebra", columns=columns)
    assert told.code == 0
    assert "\x1b[1;7mzebra\x1b[0m" in told.written
    assert max(map(len, told.lines)) <= columns


def test_quiet_says_nothing(synced: Operator) -> None:
    assert synced.runs("search", "call", "--quiet").ended(0).stdout == b""


def test_a_reader_who_has_had_enough_is_no_error(synced: Operator) -> None:
    result = synced.pipes("convsync search call --limit 1000 | head -1").ended(0)
    assert result.stderr == b""


def test_help_shows_an_example(operator: Operator) -> None:
    assert "Example: convsync search" in operator.runs("search", "--help").ended(0).out
