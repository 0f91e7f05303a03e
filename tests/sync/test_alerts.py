"""Alerts: given when it begins, and not again every minute."""

from datetime import UTC, datetime

from convsync_cli.sync.alerts import Trouble, alerts, trouble
from convsync_cli.sync.model.pastrun import PastRun
from convsync_cli.sync.model.pause import AccountState, PauseReason

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def paused(reason: PauseReason = PauseReason.UNAUTHORIZED) -> AccountState:
    return AccountState("acme", "sms", "gohighlevel", reason=reason, message="refused")


def run(failed: int) -> PastRun:
    return PastRun(1, "h", 42, "u", False, NOON, NOON, 50.0, "drained", {"failed": failed})


def test_all_is_well_and_nothing_is_said() -> None:
    assert alerts(Trouble(), [], 0) == []


def test_a_refused_account_is_told_when_it_begins() -> None:
    assert alerts(Trouble(), [paused()], 0) == [
        "acme/sms is not read: refused; fix it, then `convsync accounts resume acme/sms`"
    ]
    assert alerts(trouble([paused()], []), [paused()], 0) == []


def test_another_reason_is_another_trouble() -> None:
    known = trouble([paused(PauseReason.CREDENTIAL)], [])
    assert len(alerts(known, [paused()], 0)) == 1


def test_a_pause_that_ends_by_itself_or_was_ordered_needs_nobody() -> None:
    told = [paused(PauseReason.RATE_LIMITED), paused(PauseReason.OPERATOR)]
    assert alerts(Trouble(), told, 0) == []


def test_failed_jobs_are_told_once_until_an_hour_passes_without() -> None:
    (line,) = alerts(trouble([], [run(0)]), [], 3)
    assert line.startswith("3 jobs failed")
    assert alerts(trouble([], [run(0), run(2)]), [], 3) == []
    assert alerts(Trouble(), [], 1)[0].startswith("1 job failed")


def test_a_run_that_was_killed_counts_for_nothing() -> None:
    killed = PastRun(1, "h", 42, "u", False, NOON, None, 50.0, None, {})
    assert trouble([], [killed]) == Trouble()
