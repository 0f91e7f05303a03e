"""`explain`: one lead, in plain words, and the command that helps."""

from tests.commands.operator import Operator

KEYS = [
    "lead", "workspace", "name", "company", "emails", "phones", "handles", "current", "why",
    "channels", "job", "attempts", "window_until", "next", "command",
]  # fmt: skip
CHANNEL = [
    "channel", "provider", "applies", "obstacle", "current_as_of", "age_s", "outcome",
    "error_code", "left_out", "pause_reason", "paused_until", "words",
]  # fmt: skip


def test_the_document_has_the_promised_keys(synced: Operator) -> None:
    told = synced.runs("explain", synced.lead("long mail"), "--json").ended(0).json
    assert list(told) == KEYS
    assert [list(each) for each in told["channels"]] == [CHANNEL, CHANNEL]
    assert told["current"] is True
    assert [each["current_as_of"] is not None for each in told["channels"]] == [True, True]
    assert told["job"]["state"] == "succeeded"
    assert [each["words"] for each in told["attempts"]] == ["read to the end"]


def test_the_command_it_names_brings_a_new_lead_up_to_date(operator: Operator) -> None:
    """Follow the advice until there is none: that is what it is for."""
    lead = operator.lead("long mail")
    followed = []
    for _ in range(5):
        told = operator.runs("explain", lead, "--json").ended(0).json
        if told["command"] is None:
            break
        followed.append(told["command"].split()[1])
        operator.runs(*told["command"].split()[1:]).ended(0)
        if followed[-1] == "enqueue":  # cron is not there
            assert operator.runs("explain", lead, "--json").json["job"]["state"] == "pending"
    assert followed == ["enqueue", "run"]
    assert told["current"] is True
    assert told["window_until"] is not None


def test_a_refused_account_is_named_with_what_ends_that(operator: Operator) -> None:
    lead = operator.lead("long mail")
    operator.runs("enqueue", lead).ended(0)
    operator.runs("run", env={"ACME_GHL_TOKEN": "pit-wrong"}).ended(0)
    told = operator.runs("explain", lead, "--json").ended(0).json
    sms, email = told["channels"]
    assert (sms["pause_reason"], email["pause_reason"]) == ("unauthorized", None)
    assert (sms["current_as_of"], email["outcome"]) == (None, "synced")
    assert told["current"] is False
    assert told["command"] == "convsync accounts resume acme/sms"
    assert told["next"]["when"] == sms["paused_until"]
    words = operator.runs("explain", lead).ended(0).out
    assert "the account was paused: had to wait, which costs no attempt" in words
    assert words.splitlines()[-1] == "Try: convsync accounts resume acme/sms"
    operator.runs(*told["command"].split()[1:]).ended(0)
    operator.runs("run").ended(0)
    assert operator.runs("explain", lead, "--json").json["current"] is True


def test_a_job_that_failed_is_told_with_its_attempts_and_can_be_retried(
    operator: Operator,
) -> None:
    operator.suffers("status", path="/conversations/*/messages", status=400, times=1)
    lead = operator.lead("sms only")
    operator.runs("enqueue", lead).ended(0)
    operator.runs("run").ended(0)
    told = operator.runs("explain", lead, "--json").ended(0).json
    assert told["command"] == f"convsync jobs retry {told['job']['id']}"
    (attempt,) = told["attempts"]
    assert attempt["words"].startswith("the provider refused the request")
    assert told["channels"][0]["outcome"] == "failed"
    assert "given up" in operator.runs("explain", lead).out


def test_a_channel_that_does_not_apply_says_why(operator: Operator) -> None:
    operator.runs("leads", "add", "-w", "acme", "--phone", "+12025550199").ended(0)
    sms, email = operator.runs("explain", "+12025550199", "--json").ended(0).json["channels"]
    assert (sms["applies"], sms["obstacle"]) == (True, None)
    assert (email["applies"], email["obstacle"]) == (False, "no_address")
    operator.configures("[workspaces.acme.sms]", "[workspaces.acme2.sms]")
    told = operator.runs("explain", "+12025550199", "--json").ended(0).json
    assert {each["channel"]: each["obstacle"] for each in told["channels"]} == {
        "email": "no_address",
        "sms": "not_configured",
    }
    assert told["current"] is None
    assert "does not apply" in operator.runs("explain", "+12025550199").ended(0).out


def test_a_lead_that_the_provider_does_not_know_is_a_success_that_says_so(
    synced: Operator,
) -> None:
    (lead,) = synced.asks("SELECT lead_id FROM lead_syncs WHERE outcome = 'not_found' LIMIT 1")[0]
    told = synced.runs("explain", lead).ended(0).out
    assert "the provider does not know this lead" in told


def test_who_this_is_at_each_provider_is_told(synced: Operator) -> None:
    person = synced.person("long mail")
    told = synced.runs("explain", synced.lead("long mail")).ended(0).out
    assert f"at gohighlevel: {person.contact}" in told
    assert f"at emailbison: {person.bison}" in told
    for address in (*person.emails, *person.phones):
        assert not address or address in told


def test_a_lead_that_is_not_there_is_not_found(operator: Operator) -> None:
    operator.runs("explain", "nobody@example.com").ended(4)
    assert operator.runs("explain", operator.lead("silent"), "--quiet").ended(0).stdout == b""
