"""`jobs`: the queue, looked at."""

import re

import pytest

from tests.commands.operator import Operator
from tests.commands.terminal import shown

JOB = [
    "id", "kind", "workspace", "lead", "state", "priority", "run_at", "attempts", "max_attempts",
    "lease_until", "rerun", "created_at", "requested_at", "started_at", "finished_at",
    "error_code", "error", "subject",
]  # fmt: skip
TRY = [
    "number", "run", "started_at", "ended_at", "outcome", "error_code", "requests", "http_ms",
    "slowest",
]  # fmt: skip


def test_jobs_are_listed_newest_first_with_all_their_keys(operator: Operator) -> None:
    leads = [operator.lead("silent"), operator.lead("away")]
    operator.runs("enqueue", *leads).ended(0)
    told = operator.runs("jobs", "list", "--json").ended(0).json
    assert list(told) == ["jobs"]
    assert [list(job) for job in told["jobs"]] == [JOB, JOB]
    assert [job["id"] for job in told["jobs"]] == [2, 1]
    assert {job["lead"] for job in told["jobs"]} == set(leads)
    assert {job["state"] for job in told["jobs"]} == {"pending"}


def test_filters_narrow_the_list(operator: Operator) -> None:
    operator.suffers("status", path="/conversations/*/messages", status=400)
    bad, good, other = (
        operator.lead("sms only"), operator.lead("mail only"), operator.lead("silent", "globex"),
    )  # fmt: skip
    operator.runs("enqueue", bad, good).ended(0)
    operator.runs("run").ended(0)
    operator.runs("enqueue", other).ended(0)

    def listed(*filters: str) -> list[str]:
        told = operator.runs("jobs", "list", *filters, "--json").ended(0).json
        return [job["lead"] for job in told["jobs"]]

    assert listed("--state", "failed") == [bad]
    assert listed("--state", "succeeded", "--workspace", "acme") == [good]
    assert listed("--workspace", "globex") == [other]
    assert listed("--lead", good) == [good]
    assert listed("--kind", "conversation_sync", "--limit", "2") == [other, good]


def test_an_empty_list_is_a_list(operator: Operator) -> None:
    assert operator.runs("jobs", "list", "--json").ended(0).json == {"jobs": []}
    assert operator.runs("jobs", "list").ended(0).out.startswith("JOB")
    assert operator.runs("jobs", "list", "--quiet").ended(0).stdout == b""


def test_people_see_what_a_job_is_for_and_how_long_it_has_waited(operator: Operator) -> None:
    lead = operator.lead("silent")
    operator.runs("enqueue", lead).ended(0)
    operator.tampers("UPDATE jobs SET run_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '9 minutes')")
    operator.runs("enqueue-all", "--changed", "--workspace", "acme").ended(0)
    head, *told = operator.runs("jobs", "list").ended(0).out.splitlines()
    assert head.split() == ["JOB", "WORKSPACE", "FOR", "STATE", "TRIES", "WHEN", "ERROR"]
    assert [re.split("  +", line)[2] for line in told] == [
        "delta_sync email", "delta_sync sms", lead,
    ]  # fmt: skip
    assert [re.sub(r"\d+", "N", re.split("  +", line)[5]) for line in told] == [
        "due N s", "due N s", "in N min",
    ]  # fmt: skip
    operator.runs("run").ended(0)
    done = operator.runs("jobs", "list", "--state", "succeeded").ended(0).out.splitlines()[1:]
    assert all(line.endswith(" s ago") for line in done)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (("jobs", "list"), "No matching jobs."),
        (("jobs", "timeouts"), "No timeouts in that time."),
    ],
)
def test_at_a_terminal_nothing_is_said_in_words(
    operator: Operator, question: tuple[str, ...], answer: str
) -> None:
    assert shown(operator, *question, columns=40).text.strip() == answer


def test_a_job_is_shown_with_everything_that_was_tried(operator: Operator) -> None:
    operator.suffers("status", path="/conversations/*/messages", status=503, times=1)
    lead = operator.lead("sms only")
    operator.runs("enqueue", lead).ended(0)
    operator.runs("run").ended(0)
    operator.tampers("UPDATE jobs SET run_at = requested_at")
    operator.runs("run").ended(0)
    told = operator.runs("jobs", "show", "1", "--json").ended(0).json
    assert list(told) == [*JOB, "tries"]
    assert (told["lead"], told["state"], told["attempts"]) == (lead, "succeeded", 2)
    assert [list(each) for each in told["tries"]] == [TRY, TRY]
    assert [each["outcome"] for each in told["tries"]] == ["retry", "done"]
    assert told["tries"][0]["error_code"] == "unavailable"
    assert told["tries"][0]["requests"] > 0
    assert told["tries"][0]["slowest"] in ("conversations/search", "conversations/{id}/messages")
    words = operator.runs("jobs", "show", "1").ended(0).out
    assert f"lead: {lead}" in words
    assert "retry" in words


def test_a_failed_job_says_why(operator: Operator) -> None:
    operator.suffers("status", path="/conversations/*/messages", status=400)
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    operator.runs("run").ended(0)
    (job,) = operator.runs("jobs", "list", "--state", "failed", "--json").json["jobs"]
    assert job["error_code"] == "rejected"
    assert job["error"] == "conversations/{id}/messages answered 400"
    assert job["error"] in operator.runs("jobs", "list").out


def test_a_job_that_is_not_there_is_not_found(operator: Operator) -> None:
    told = [["jobs", "show", job, "--json"] for job in ("7", "9007199254740992")]
    for _, result in operator.runs_each(told):
        assert result.ended(4).error["code"] == "not_found"
        assert result.stdout == b""


def test_wrong_usage_is_2(operator: Operator) -> None:
    wrong = [
        ["show"],
        ["show", "first"],
        ["show", "0"],
        ["show", "99999999999999999999"],
        ["list", "--kind", "no_such_kind"],
        ["list", "--limit", "99999999999999999999"],
        ["list", "--state", "asleep"],
        ["list", "--limit", "0"],
        ["list", "x"],
        ["burn"],
    ]
    for _, result in operator.runs_each(["jobs", *each, "--json"] for each in wrong):
        assert result.ended(2).error["code"] == "usage"


def test_an_unknown_workspace_is_not_found(operator: Operator) -> None:
    operator.runs("jobs", "list", "--workspace", "nowhere").ended(4)


def test_alone_it_shows_its_help_and_every_part_has_an_example(operator: Operator) -> None:
    alone = operator.runs("jobs").ended(2)
    assert "list" in alone.out + alone.err
    for part in ("list", "show"):
        told = operator.runs("jobs", part, "--help").ended(0).out
        assert f"Example: convsync jobs {part}" in told
