"""`enqueue-all`: every lead that can be followed, once."""

import pytest

from tests.commands.operator import ENQUEUE_ALL_KEYS, Operator


def swept(eligible: int = 0, **filled: int) -> dict[str, int]:
    """The document of a sweep."""
    return dict.fromkeys(ENQUEUE_ALL_KEYS, 0) | {"eligible": eligible} | filled


def count(operator: Operator, workspace: str = "%") -> int:
    """How many leads a workspace has."""
    ((leads,),) = operator.asks("SELECT count(*) FROM leads WHERE workspace LIKE ?", workspace)
    return int(leads)


def test_every_lead_is_queued_once(operator: Operator) -> None:
    leads = count(operator)
    first = operator.runs("enqueue-all", "--json").ended(0)
    assert list(first.json) == ENQUEUE_ALL_KEYS
    assert first.json == swept(leads, queued=leads)
    second = operator.runs("enqueue-all", "--json").ended(0)
    assert second.json == swept(leads, already_queued=leads)
    assert operator.states() == {"pending": leads}
    assert first.stderr + second.stderr == b""


def test_what_was_synced_just_now_is_recent(synced: Operator) -> None:
    synced.tampers("UPDATE jobs SET requested_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')")
    leads = count(synced)
    assert synced.runs("enqueue-all", "--json").ended(0).json == swept(leads, recent=leads)


def test_only_the_workspace_asked_for(operator: Operator) -> None:
    leads = count(operator, "globex")
    result = operator.runs("enqueue-all", "--workspace", "globex", "--json").ended(0)
    assert result.json == swept(leads, queued=leads)
    assert operator.asks("SELECT DISTINCT workspace FROM jobs") == [("globex",)]


def test_at_most_as_many_as_asked_for_and_the_rest_the_next_time(operator: Operator) -> None:
    leads = count(operator)
    assert operator.runs("enqueue-all", "--limit", "7", "--json").ended(0).json["queued"] == 7
    assert operator.states() == {"pending": 7}
    rest = operator.runs("enqueue-all", "--limit", "1000000", "--json").ended(0).json
    assert (rest["queued"], rest["already_queued"]) == (leads - 7, 7)


def test_a_lead_that_nothing_can_find_is_not_syncable(operator: Operator) -> None:
    operator.runs("leads", "add", "-w", "acme", "--id", "smartlead:1").ended(0)
    result = operator.runs("enqueue-all", "--json").ended(0)
    assert result.json["not_syncable"] == 1
    assert result.json["eligible"] == result.json["queued"] == count(operator) - 1


def test_only_what_was_not_synced_for_so_long(synced: Operator) -> None:
    asked = ("enqueue-all", "--not-synced-for", "1h", "--json")
    assert synced.runs(*asked).ended(0).json == swept()
    old = "UPDATE lead_syncs SET synced_at = '2026-01-01T00:00:00.000Z' WHERE lead_id = ?"
    synced.tampers(old, synced.lead("bounced", "globex"))
    synced.tampers("UPDATE jobs SET requested_at = '2026-01-01T00:00:00.000Z'")
    assert synced.runs(*asked).ended(0).json == swept(1, queued=1)


def test_what_was_never_synced_was_not_synced_for_however_long(operator: Operator) -> None:
    never = ("enqueue-all", "--not-synced-for", "2000d", "--json")
    assert operator.runs(*never).ended(0).json["queued"] == count(operator)


def test_a_lead_of_which_one_channel_was_never_read_was_not_synced(synced: Operator) -> None:
    synced.tampers("UPDATE jobs SET requested_at = '2026-01-01T00:00:00.000Z'")
    synced.tampers(
        "UPDATE lead_syncs SET synced_at = NULL WHERE lead_id = ? AND channel = 'email'",
        synced.lead("long sms"),
    )
    asked = ("enqueue-all", "--not-synced-for", "1h", "-w", "acme", "--json")
    assert synced.runs(*asked).ended(0).json == swept(1, queued=1)


def test_what_somebody_asked_for_by_hand_keeps_its_place(operator: Operator) -> None:
    lead = operator.lead("silent")
    operator.runs("enqueue", lead).ended(0)
    operator.runs("enqueue-all").ended(0)
    assert operator.asks("SELECT priority FROM jobs WHERE lead_id = ?", lead) == [(0,)]


def test_a_workspace_that_the_configuration_no_longer_has_is_left_out(operator: Operator) -> None:
    text = operator.config.read_text()
    operator.config.write_text(text[: text.index("[workspaces.globex]")])
    result = operator.runs("enqueue-all", "--json").ended(0)
    assert result.json["queued"] == count(operator, "acme")


def test_an_empty_database_is_nothing_to_do(beginner: Operator) -> None:
    assert beginner.runs("enqueue-all", "--json").ended(0).json == swept()


def test_people_are_told_in_words_and_quiet_says_nothing(operator: Operator) -> None:
    leads = count(operator)
    told = f"{leads} eligible, {leads} queued, 0 already queued, 0 recent, 0 not syncable\n"
    assert operator.runs("enqueue-all").ended(0).out == told
    quiet = operator.runs("enqueue-all", "-q").ended(0)
    assert quiet.stdout + quiet.stderr == b""


def test_wrong_usage_is_2(operator: Operator) -> None:
    wrong = [
        ["--limit", "0"],
        ["--limit", "-3"],
        ["--limit", "99999999999999999999"],
        ["--not-synced-for", "1"],
        ["--not-synced-for", "h"],
        ["--not-synced-for", "-1h"],
        ["--not-synced-for", "99999999999999999999d"],
        ["lead@example.com"],
    ]
    for _, result in operator.runs_each(["enqueue-all", *each, "--json"] for each in wrong):
        assert result.ended(2).error["code"] == "usage"
    assert operator.states() == {}


def test_an_unknown_workspace_is_not_found(operator: Operator) -> None:
    operator.runs("enqueue-all", "--workspace", "nowhere").ended(4)


def test_help_shows_an_example(operator: Operator) -> None:
    assert "Example: convsync enqueue-all" in operator.runs("enqueue-all", "--help").ended(0).out


@pytest.mark.parametrize(
    "option", [("--limit", "1"), ("--not-synced-for", "1h"), ("--with-history",)]
)
def test_what_is_about_leads_does_not_go_with_changed(
    operator: Operator, option: tuple[str, ...]
) -> None:
    assert option[0] in operator.runs("enqueue-all", "--changed", *option).ended(2).err
    assert operator.states() == {}
