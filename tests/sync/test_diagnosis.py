"""Why a lead is or is not current, what happens next, and what helps: rules over values."""

import ast
import inspect
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from convsync_cli.sync import errors
from convsync_cli.sync.diagnosis import Facts, Reach, next_step, summary, window_until
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.model.job import Job
from convsync_cli.sync.model.pause import AccountState, PauseReason
from convsync_cli.sync.model.progress import LeadSync, WalkEnd
from convsync_cli.sync.plainwords import CODES, OUTCOMES, in_words

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
READ = LeadSync(None, None, NOW - timedelta(minutes=10), WalkEnd.SYNCED, None, 0)
NEVER = LeadSync(None, None, None, None, None, 0)


def ago(seconds: float) -> str:
    return to_text(NOW - timedelta(seconds=seconds))


def job(state: str = "pending", **changes: Any) -> Job:
    made = Job(
        7, "conversation_sync", "acme", "L1", state, 0, ago(1), 0, 3, None, False, ago(60),
        ago(60), None, None, None, None,
    )  # fmt: skip
    return replace(made, **changes)


def facts(*reaches: Reach, **changes: Any) -> Facts:
    seen = Facts("L1", "acme", reaches or (Reach("sms", "some", READ),), None, False, 300.0, NOW)
    return replace(seen, **changes)


def paused(reason: PauseReason, until: datetime | None = None) -> AccountState:
    return AccountState("acme", "sms", "some", 0.0, until, reason, "because")


def test_a_lead_whose_channels_were_read_is_current() -> None:
    assert summary(facts())[0] is True


def test_one_channel_that_was_never_read_is_enough_not_to_be() -> None:
    told = facts(Reach("sms", "some", READ), Reach("email", "other", NEVER))
    assert summary(told) == (False, "not current: email was never read to its end")


def test_a_channel_that_does_not_apply_is_not_waited_for() -> None:
    apart = (Reach("email", "other", None), Reach("fax", None, NEVER))
    assert [each.obstacle for each in apart] == ["no_address", "not_configured"]
    assert summary(facts(Reach("sms", "some", READ), *apart))[0] is True
    assert summary(facts(*apart))[0] is None


def test_a_read_that_failed_makes_it_not_current_whatever_was_read_before() -> None:
    failed = replace(READ, outcome=WalkEnd.FAILED, error_code="timeout")
    current, why = summary(facts(Reach("sms", "some", failed)))
    assert current is False
    assert CODES["timeout"] in why


def test_a_feed_adds_to_a_conversation_that_was_read_and_proves_nothing_alone() -> None:
    assert Reach("sms", "some", READ, feed_at=NOW).current_as_of == NOW
    earlier = NOW - timedelta(days=1)
    assert Reach("sms", "some", READ, feed_at=earlier).current_as_of == READ.synced_at
    assert Reach("sms", "some", NEVER, feed_at=NOW).current_as_of is None


@pytest.mark.parametrize(
    ("seen", "command"),
    [
        (facts(Reach("sms", None, READ)), "convsync doctor"),
        (facts(Reach("sms", "some", None)), "convsync leads add --workspace acme --help"),
        (
            facts(Reach("sms", "some", READ, paused(PauseReason.UNAUTHORIZED)), job=job()),
            "convsync accounts resume acme/sms",
        ),
        (
            facts(Reach("sms", "some", READ, paused(PauseReason.OPERATOR))),
            "convsync accounts resume acme/sms",
        ),
        (facts(job=job("running", lease_until=ago(-30))), None),
        (facts(job=job("running", lease_until=ago(30)), run_is_late=True), "convsync run"),
        (facts(job=job()), None),
        (facts(job=job(), run_is_late=True), "convsync run"),
        (facts(job=job(run_at=ago(-90), error_code="timeout")), "convsync enqueue L1"),
        (facts(job=job(run_at=ago(-90), error_code="rate_limited")), None),
        (facts(job=job("failed")), "convsync jobs retry 7"),
        (facts(job=job("succeeded")), None),
        (facts(job=job("succeeded", requested_at=ago(301))), "convsync enqueue L1"),
        (facts(job=job("cancelled")), "convsync enqueue L1"),
        (facts(), "convsync enqueue L1"),
        (facts(Reach("sms", "some", NEVER)), "convsync enqueue L1"),
    ],
)
def test_the_one_command_that_helps(seen: Facts, command: str | None) -> None:
    told = next_step(seen).command
    assert told == command or (command and told and told.startswith(command + " "))


def test_a_rate_limit_ends_by_itself_and_needs_nobody() -> None:
    until = NOW + timedelta(seconds=90)
    waits = Reach("sms", "some", READ, paused(PauseReason.RATE_LIMITED, until))
    step = next_step(facts(waits, job=job(run_at=to_text(until), error_code="rate_limited")))
    assert (step.when, step.command) == (until, None)


def test_a_job_that_waits_says_until_when() -> None:
    step = next_step(facts(job=job(run_at=ago(-90), error_code="timeout")))
    assert step.when == NOW + timedelta(seconds=90)
    assert CODES["timeout"] in step.what


@pytest.mark.parametrize(
    ("asked_s", "state", "ends_in_s"),
    [
        (60, "succeeded", 240),
        (300, "succeeded", None),
        (-60, "succeeded", 360),
        (60, "failed", None),
    ],
)
def test_the_window_is_that_of_enqueue(asked_s: float, state: str, ends_in_s: float | None) -> None:
    until = window_until(facts(job=job(state, requested_at=ago(asked_s))))
    assert until == (None if ends_in_s is None else NOW + timedelta(seconds=ends_in_s))


def test_every_error_that_a_job_can_meet_has_plain_words() -> None:
    met = {
        each.code
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, errors.SyncError)
    }
    written = {"bug", "job_timeout", "lost"}  # by the runner itself
    assert met | written <= set(CODES)


def test_every_settlement_has_plain_words() -> None:
    from convsync_cli.sync import attempt

    told = {
        node.args[0].value
        for node in ast.walk(ast.parse(inspect.getsource(attempt)))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "Settlement"
        and isinstance(node.args[0], ast.Constant)
    }
    assert {"done", "retry", "failed"} <= told <= set(OUTCOMES)


def test_the_words_say_why_and_then_what() -> None:
    assert in_words("done", None) == OUTCOMES["done"]
    assert in_words("retry", "timeout") == f"{CODES['timeout']}: {OUTCOMES['retry']}"
    assert in_words("lost", "lost") == OUTCOMES["lost"]
    assert in_words("retry", "new_code") == f"new_code: {OUTCOMES['retry']}"
