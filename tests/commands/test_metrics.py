"""`metrics`: the numbers of `status`, as Prometheus reads them."""

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.commands.operator import HEAVY, Operator, Result, mode_of


def read(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by its name and labels; none may come twice."""
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    found = {(each.name, frozenset(each.labels.items())): each.value for each in samples}
    assert len(found) == len(samples)
    return found


def value(result: Result, name: str, **labels: str) -> float:
    """The one sample that has these labels, whatever others it has."""
    (number,) = [
        number
        for (called, having), number in read(result.out).items()
        if called == f"convsync_{name}" and labels.items() <= dict(having).items()
    ]
    return number


def test_every_family_has_help_and_a_type(synced: Operator) -> None:
    text = synced.runs("metrics").ended(0).out
    families = list(text_string_to_metric_families(text))
    assert families
    for family in families:
        assert family.documentation, family
        assert family.type == "gauge", family
        assert family.name.startswith("convsync_")


def test_the_queue_is_counted(synced: Operator) -> None:
    synced.runs("enqueue", "--force", synced.lead("sms only")).ended(0)
    result = synced.runs("metrics").ended(0)
    status = synced.runs("status", "--json").ended(0).json
    for state, jobs in status["jobs"].items():
        assert value(result, "jobs", state=state, kind="conversation_sync") == jobs
    assert value(result, "jobs_due") == 1
    assert value(result, "jobs_oldest_due_seconds") >= 0


def test_the_last_run_and_the_freshness_are_those_of_status(synced: Operator) -> None:
    result, status = synced.runs("metrics").ended(0), synced.runs("status", "--json").json
    last = status["last_run"]
    assert value(result, "last_run_duration_seconds") == last["elapsed_s"]
    assert value(result, "last_run_jobs", outcome="succeeded") == last["succeeded"]
    assert value(result, "last_run_messages", change="new") == last["messages"]["new"] > 0
    sms = status["workspaces"][0]["channels"][0]
    age = value(result, "channel_age_seconds", workspace="acme", channel="sms", quantile="0.95")
    assert abs(age - sms["age_p95_s"]) < 30
    assert (
        value(result, "channel_never_synced_leads", workspace="acme", channel="sms")
        == sms["never_synced"]
    )


def test_the_archive_is_measured(synced: Operator) -> None:
    result = synced.runs("metrics").ended(0)
    ((messages,),) = synced.asks("SELECT count(*) FROM messages")
    assert value(result, "messages") == messages > 0
    assert value(result, "database_bytes") == synced.database.stat().st_size
    ((leads,),) = synced.asks("SELECT count(*) FROM leads WHERE workspace = 'acme'")
    assert value(result, "leads", workspace="acme") == leads


def test_a_paused_account_is_one_with_its_reason(synced: Operator) -> None:
    assert value(synced.runs("metrics"), "account_paused", workspace="acme", channel="sms",
                 reason="operator") == 0  # fmt: skip
    synced.runs("accounts", "pause", "acme/sms").ended(0)
    result = synced.runs("metrics").ended(0)
    paused = {
        dict(having)["reason"]: number
        for (name, having), number in read(result.out).items()
        if name == "convsync_account_paused" and ("channel", "sms") in having
        if ("workspace", "acme") in having
    }
    assert paused == {
        "operator": 1, "unauthorized": 0, "rate_limited": 0, "credential_unavailable": 0
    }  # fmt: skip


def test_an_empty_database_has_numbers_too(beginner: Operator) -> None:
    result = beginner.runs("metrics").ended(0)
    assert value(result, "jobs_due") == 0
    assert not any("last_run" in name for name, _ in read(result.out))


def test_the_file_is_replaced_whole_and_may_be_read_by_the_collector(operator: Operator) -> None:
    file = operator.folder / "convsync.prom"
    file.write_text("old")
    done = operator.runs("metrics", "--output", "convsync.prom").ended(0)
    assert "convsync.prom" in done.out
    assert read(file.read_text())
    assert mode_of(file) == 0o644
    assert operator.runs("metrics", "-o", "convsync.prom", "-q").ended(0).out == ""


def test_a_file_that_cannot_be_written_is_said(operator: Operator) -> None:
    result = operator.runs("metrics", "--output", "missing/x.prom", "--json").ended(14)
    assert result.error["code"] == "output"


def test_as_json_it_is_one_document(operator: Operator) -> None:
    told: dict[str, Any] = operator.runs("metrics", "--json").ended(0).json
    (due,) = [each for each in told["metrics"] if each["name"] == "convsync_jobs_due"]
    assert due["samples"] == [{"value": 0, "labels": {}}]


def test_it_starts_as_fast_as_status(operator: Operator) -> None:
    assert operator.loads("metrics") & HEAVY == set()
