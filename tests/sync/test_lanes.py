"""Which workspaces can be worked for, and when the others open by themselves."""

from datetime import UTC, datetime, timedelta

import pytest

from convsync_cli.sync.lanes import PATIENT_SLOTS, Lanes, look
from convsync_cli.sync.limits import Bucket, Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.model.pause import LONGEST, AccountState, PauseReason

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STANDING = [PauseReason.UNAUTHORIZED, PauseReason.CREDENTIAL, PauseReason.OPERATOR]
RATE = Rate(10, 10)


def account(workspace: str = "acme", channel: Channel = Channel.SMS) -> Account:
    return Account(workspace, channel, "p", "https://x.co", RATE, None)


def limited(seconds: float, channel: str = "sms") -> AccountState:
    until = NOW + timedelta(seconds=seconds)
    return AccountState("acme", channel, "p", 0.0, until, PauseReason.RATE_LIMITED, "429")


def stopped(reason: PauseReason, channel: str = "sms") -> AccountState:
    return AccountState("acme", channel, "p", 0.0, NOW, reason, "stopped")


def drawn(requests: int, channel: str = "sms") -> AccountState:
    """An account from which so many requests were taken just now."""
    bucket = Bucket(RATE)
    for _ in range(requests):
        bucket, _ = bucket.take(NOW.timestamp())
    return AccountState("acme", channel, "p", bucket.next_at)


def see(*states: AccountState, channels: tuple[Channel, ...] = (Channel.SMS,)) -> Lanes:
    return look({"acme": [account(channel=channel) for channel in channels]}, states, NOW)


def test_a_workspace_never_used_is_open() -> None:
    assert see() == Lanes(("acme",), {})


def test_a_workspace_without_accounts_is_closed() -> None:
    assert look({"acme": []}, [], NOW) == Lanes((), {})


def test_a_workspace_that_waits_for_a_rate_limit_opens_when_it_ends() -> None:
    lanes = see(limited(30))
    assert lanes.open == ()
    assert lanes.opens_in == pytest.approx({"acme": 30})


def test_a_rate_limit_that_is_over_keeps_nothing_closed() -> None:
    assert see(limited(0)) == see(limited(-5)) == Lanes(("acme",), {})


def test_a_rate_limit_longer_than_any_was_written_by_a_wrong_clock() -> None:
    assert see(limited(LONGEST.total_seconds() + 1)).open == ("acme",)


@pytest.mark.parametrize("reason", STANDING)
def test_a_standing_pause_opens_by_no_waiting(reason: PauseReason) -> None:
    assert see(stopped(reason)) == Lanes((), {})


@pytest.mark.parametrize("reason", STANDING)
def test_one_healthy_account_keeps_a_workspace_open(reason: PauseReason) -> None:
    assert see(stopped(reason), channels=(Channel.SMS, Channel.EMAIL)).open == ("acme",)


def test_of_two_limited_accounts_the_first_to_end_opens() -> None:
    lanes = see(limited(30), limited(20, "email"), channels=(Channel.SMS, Channel.EMAIL))
    assert lanes.opens_in == pytest.approx({"acme": 20})


def test_a_limited_account_opens_though_the_other_is_stopped() -> None:
    lanes = see(
        stopped(PauseReason.OPERATOR), limited(20, "email"), channels=(Channel.SMS, Channel.EMAIL)
    )
    assert lanes.open == ()
    assert lanes.opens_in == pytest.approx({"acme": 20})


def test_a_few_waiting_requests_leave_a_workspace_open() -> None:
    soon = NOW + timedelta(milliseconds=1)
    assert look({"acme": [account()]}, [drawn(PATIENT_SLOTS)], soon).open == ("acme",)


def test_one_waiting_request_closes_nothing() -> None:
    assert see(drawn(2)).open == ("acme",)


def test_many_waiting_requests_close_it_until_few_are_left() -> None:
    lanes = see(drawn(PATIENT_SLOTS + 3))
    assert lanes.open == ()
    assert lanes.opens_in["acme"] == pytest.approx(3 * RATE.spacing)
    assert look(
        {"acme": [account()]},
        [drawn(PATIENT_SLOTS + 3)],
        NOW + timedelta(seconds=3 * RATE.spacing + 0.001),
    ).open == ("acme",)


def test_workspaces_are_sorted_each_on_its_own() -> None:
    accounts = {name: [account(name)] for name in ("acme", "beta", "gamma")}
    states = [limited(30), AccountState("gamma", "sms", "p", 0, None, PauseReason.OPERATOR)]
    lanes = look(accounts, states, NOW)
    assert lanes.open == ("beta",)
    assert lanes.opens_in == pytest.approx({"acme": 30})


def test_the_state_of_an_account_that_is_no_longer_configured_is_ignored() -> None:
    assert see(limited(30, "email")).open == ("acme",)


def test_a_pause_of_an_instant_never_counts_as_open() -> None:
    lanes = see(limited(0.0005))
    assert lanes.open == ()
    assert lanes.opens_in["acme"] > 0
