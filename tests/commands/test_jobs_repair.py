"""`jobs retry|cancel|prune|timeouts`: the queue, repaired."""

from tests.commands.operator import Operator


def fails(operator: Operator) -> str:
    """A lead whose job has failed because the provider refuses its conversation."""
    operator.suffers("status", path="/conversations/*/messages", status=400, times=1)
    lead = operator.lead("sms only")
    operator.runs("enqueue", lead).ended(0)
    operator.runs("run").ended(0)
    assert operator.states() == {"failed": 1}
    return lead


def test_a_failed_job_is_tried_again(operator: Operator) -> None:
    fails(operator)
    told = operator.runs("jobs", "retry", "1", "--json").ended(0).json
    assert told == {"retried": [1], "left": []}
    operator.runs("run").ended(0)
    assert operator.states() == {"succeeded": 1}


def test_all_failed_jobs_are_tried_again(operator: Operator) -> None:
    fails(operator)
    assert operator.runs("jobs", "retry", "--all", "-w", "globex", "--json").json["retried"] == []
    assert operator.runs("jobs", "retry", "--all", "-w", "acme", "--json").json["retried"] == [1]


def test_a_job_whose_lead_is_queued_again_is_left_as_it_is(operator: Operator) -> None:
    lead = fails(operator)
    operator.runs("enqueue", lead).ended(0)
    told = operator.runs("jobs", "retry", "1", "--json").ended(3).json
    assert told == {"retried": [], "left": [1]}
    assert operator.states() == {"failed": 1, "pending": 1}


def test_pending_jobs_are_cancelled_and_only_they(operator: Operator) -> None:
    operator.runs("enqueue", operator.lead("silent")).ended(0)
    told = operator.runs("jobs", "cancel", "1", "2", "--json").ended(3).json
    assert told == {"cancelled": [1], "left": [2]}
    assert operator.states() == {"cancelled": 1}


def test_cancelling_all_asks_and_without_a_terminal_refuses(operator: Operator) -> None:
    operator.runs("enqueue", operator.lead("silent")).ended(0)
    refused = operator.runs("jobs", "cancel", "--all", "--json").ended(5)
    assert refused.error["code"] == "needs_confirmation"
    assert operator.states() == {"pending": 1}
    operator.runs("jobs", "cancel", "--all", "--yes").ended(0)
    assert operator.states() == {"cancelled": 1}


def test_numbers_and_all_exclude_each_other(operator: Operator) -> None:
    operator.runs("jobs", "retry").ended(2)
    operator.runs("jobs", "cancel", "1", "--all").ended(2)
    operator.runs("jobs", "cancel", "1", "--all", "--yes").ended(2)


def test_filters_narrow_all_and_are_never_ignored_beside_numbers(operator: Operator) -> None:
    lead = operator.lead("silent")
    operator.runs("enqueue", lead).ended(0)
    for filters in (("-w", "globex"), ("--lead", lead), ("--kind", "delta_sync")):
        operator.runs("jobs", "cancel", "1", *filters).ended(2)
        operator.runs("jobs", "retry", "1", *filters).ended(2)
    assert operator.states() == {"pending": 1}


def test_old_jobs_are_pruned_and_young_ones_kept(operator: Operator) -> None:
    fails(operator)
    assert operator.runs("jobs", "prune", "--older-than", "1d", "--json").json == {"deleted": 0}
    operator.tampers("UPDATE jobs SET finished_at = '2020-01-01T00:00:00.000Z'")
    assert operator.runs("jobs", "prune", "--older-than", "1d", "--json").json == {"deleted": 1}
    assert operator.states() == {}


def test_time_outs_are_linked_to_kinds_endpoints_and_leads(operator: Operator) -> None:
    operator.suffers("reset", path="/conversations/*/messages")
    lead = operator.lead("sms only")
    operator.runs("enqueue", lead).ended(0)
    operator.runs("run").ended(0)
    (told,) = operator.runs("jobs", "timeouts", "--json").ended(0).json["timeouts"]
    assert told["workspace"] == "acme"
    assert told["kind"] == "conversation_sync"
    assert told["error_code"] == "network"
    assert told["leads"] == [lead]
    assert told["count"] == 1
    assert operator.runs("jobs", "timeouts", "--since", "0s", "--json").json == {"timeouts": []}


def test_a_lead_is_named_as_anywhere_else(operator: Operator) -> None:
    person = operator.person("sms only")
    operator.runs("enqueue", operator.lead("sms only"), operator.lead("silent")).ended(0)
    listed = operator.runs("jobs", "list", "--lead", person.phones[0], "--json").ended(0).json
    assert [each["lead"] for each in listed["jobs"]] == [operator.lead("sms only")]
    assert operator.runs("jobs", "list", "--lead", "nobody@example.com").ended(4).out == ""


def test_jobs_of_a_workspace_that_is_gone_are_told_and_can_be_cancelled(operator: Operator) -> None:
    """No run will ever claim them, and nobody would hear of it."""
    operator.runs("enqueue", operator.lead("silent", "globex")).ended(0)
    text = operator.config.read_text()
    operator.config.write_text(text[: text.index("[workspaces.globex]")])
    operator.runs("run").ended(0)
    line = operator.runs("status").ended(0).out
    assert "1 job waits for globex, which is not configured" in " ".join(line.split())
    found = operator.runs("doctor", "--json").json["findings"]
    assert [each["level"] for each in found if each["subject"] == "queue"] == ["warning"]
    ended = operator.runs("jobs", "cancel", "--all", "-w", "globex", "--yes", "--json").ended(0)
    assert ended.json["cancelled"] == [1]
    assert "globex" not in operator.runs("status").ended(0).out
    operator.runs("jobs", "list", "-w", "globex").ended(4)
