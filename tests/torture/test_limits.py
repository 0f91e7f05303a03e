"""No provider limit is ever exceeded, by all processes together; a 429 pauses one account only."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from convsync_cli.sandbox.limits import Allowance
from tests.torture import invariants
from tests.torture.harness import Harness, eventually, installed

REQUESTS, SECONDS = 40, 2.0
RATE = f"36/{SECONDS:g}s"  # a tenth below the limit, as the defaults are
SLACK_S = 6.0


def test_two_runs_and_a_command_together_keep_the_limit_in_every_window(tmp_path: Path) -> None:
    with installed(tmp_path, ["acme"], leads=35, rate=RATE, enforce=True) as harness:
        harness.takes_in_leads()
        for provider in ("gohighlevel", "emailbison"):
            harness.sandbox.limits.allow(provider, Allowance(REQUESTS, SECONDS))
        harness.runs("enqueue-all").well()
        began = time.monotonic()
        runs = [
            harness.starts("run", "--max-seconds", "30", "--parallel", "--json") for _ in range(2)
        ]
        for _ in range(3):
            harness.runs("accounts", "resume", "acme/sms").well()
        reports = [run.ends().well().json for run in runs]
        seconds = time.monotonic() - began
        requests = sum(one.provider == "gohighlevel" for one in harness.sandbox.requests)
        harness.drains()

        usage = {account[0]: used for account, used in harness.sandbox.limits.usage().items()}
        possible = 36 * seconds / SECONDS
        print(f"{usage}; {requests / possible:.0%} of the rate, start-up included")
        assert all(report["requests"] for report in reports), "one run had nothing to do"
        assert {name: used.exceeded for name, used in usage.items()} == {
            "gohighlevel": False,
            "emailbison": False,
        }
        assert sum(used.refused for used in usage.values()) == 0
        assert requests > 2 * REQUESTS, "the limit was never reached"
        assert invariants.twice_at_once(harness) == invariants.unfinished(harness) == []


def _in(**span: float) -> Callable[[datetime], datetime]:
    return lambda now: now + timedelta(**span)


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


ENDS = {
    "seconds": _in(seconds=90),
    "date": _in(seconds=90),
    "body": _in(seconds=90),
    "nothing": None,
    "daily": _midnight,
}


@pytest.mark.parametrize("tell", ENDS)
def test_a_429_pauses_its_account_for_the_time_asked_and_no_other(
    harness: Harness, tell: str
) -> None:
    provider, channel = ("emailbison", "email") if tell == "body" else ("gohighlevel", "sms")
    harness.suffers("rate_limited", provider=provider, workspace="acme", tell=tell, seconds=90)
    harness.runs("enqueue-all").well()
    harness.runs("run", "--max-seconds", "4", "--json").well()
    now = datetime.now(UTC)

    ((workspace, paused, until),) = harness.asks(
        "SELECT workspace, channel, paused_until FROM accounts WHERE reason IS NOT NULL"
    )
    assert (workspace, paused) == ("acme", channel)
    end = ENDS[tell]
    lasts = datetime.fromisoformat(until) - now
    if end is None:
        assert timedelta(seconds=1) < lasts + timedelta(seconds=SLACK_S)
        assert lasts < timedelta(minutes=15)
    else:
        assert abs(datetime.fromisoformat(until) - end(now)) < timedelta(seconds=SLACK_S)
    refused = [one for one in harness.sandbox.requests if one.status == 429]
    assert 1 <= len(refused) <= 8, "what was in flight, and no more"
    assert harness.asks("SELECT DISTINCT state FROM jobs WHERE workspace = 'globex'") == [
        ("succeeded",)
    ]
    _nothing_of_it_counts_as_read(harness, channel)


def _nothing_of_it_counts_as_read(harness: Harness, channel: str) -> None:
    """What a 429 kept from being read is not reported as synced, and burned no attempt."""
    told = harness.asks(
        "SELECT outcome, synced_at FROM lead_syncs WHERE workspace = 'acme' AND channel = ?"
        " AND (outcome != 'not_found' OR synced_at IS NULL)",
        channel,
    )
    assert {synced_at for _, synced_at in told} == {None}
    assert {outcome for outcome, _ in told} <= {None, "failed"}
    assert harness.asks("SELECT max(attempts) FROM jobs WHERE state = 'pending'") == [(0,)]


def test_after_the_pause_the_account_is_used_again(harness: Harness) -> None:
    harness.suffers("rate_limited", provider="gohighlevel", workspace="acme", times=1, seconds=3)
    harness.runs("enqueue", harness.leads("acme")["acme-00003", "sms"]).well()
    first = harness.runs("run", "--max-seconds", "1", "--json").well().json
    meanwhile = harness.runs("run", "--max-seconds", "1", "--json").well().json
    assert (first["snoozed"], first["retried"], meanwhile["claimed"]) == (1, 0, 0)

    eventually(lambda: harness.runs("run", "--json").well().json["succeeded"] == 1)

    refused, *answered = [
        one.at for one in harness.sandbox.requests if one.provider == "gohighlevel"
    ]
    assert answered[0] - refused >= 3.0
    assert harness.asks("SELECT attempts FROM jobs") == [(1,)]
