"""``Accounts``: one bucket and one pause for all processes."""

from datetime import timedelta

import pytest

from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.model.pause import LONGEST, RECHECK, AccountState, PauseReason

from .conftest import DAY_S, Agency, account, at

LIMITED, REFUSED = PauseReason.RATE_LIMITED, PauseReason.UNAUTHORIZED
STANDING = [PauseReason.UNAUTHORIZED, PauseReason.CREDENTIAL, PauseReason.OPERATOR]
ACME = account()


def take(agency: Agency, when: float = 0, of: Account = ACME) -> float:
    """Reserve a request; returns the seconds to wait."""
    answer = agency.store.accounts.take(of, at(when), 3600.0)
    assert isinstance(answer, float)
    return answer


def pause(
    agency: Agency,
    reason: PauseReason = LIMITED,
    until: float | None = 60,
    when: float = 0,
    of: Account = ACME,
) -> None:
    agency.store.accounts.pause(
        of, reason, f"because of {reason}", None if until is None else at(until), at(when)
    )


def state(agency: Agency, of: Account = ACME) -> AccountState:
    return agency.store.accounts.state(of)


def paused(agency: Agency, when: float) -> bool:
    return isinstance(agency.store.accounts.take(ACME, at(when), 3600.0), AccountState)


class TestTheBucket:
    def test_the_first_request_goes_at_once(self, agency: Agency) -> None:
        assert take(agency) == 0

    def test_two_processes_draw_from_one_bucket(self, agency: Agency, neighbour: Agency) -> None:
        slow = account(rate=Rate(10, 10))
        waits = [take(each, of=slow) for each in (agency, neighbour, agency, neighbour)]
        spacing = slow.rate.spacing
        assert waits == pytest.approx([0, spacing, 2 * spacing, 3 * spacing], abs=0.001)

    def test_two_processes_keep_the_limit_together(self, agency: Agency, neighbour: Agency) -> None:
        rate, tight = Rate(7, 3), account(rate=Rate(7, 3))
        sent = sorted(
            when + take(each, when, tight)
            for when in (i / 4 for i in range(40))
            for each in (agency, neighbour)
        )
        assert most_in_a_window(sent, rate.seconds) == rate.requests

    def test_accounts_have_buckets_of_their_own(self, agency: Agency) -> None:
        slow = Rate(1, 60)
        each = [
            account(workspace, channel, slow)
            for workspace in ("acme", "beta")
            for channel in (Channel.SMS, Channel.EMAIL)
        ]
        assert [take(agency, of=one) for one in each] == [0] * 4

    def test_a_clock_set_back_locks_nobody_out(self, agency: Agency) -> None:
        take(agency, DAY_S)
        assert take(agency, 0) == 0

    def test_a_queue_of_many_processes_is_no_clock_set_back(self, agency: Agency) -> None:
        """Thirty-two in flight at a limit of one a minute: each waits its turn."""
        slow = account(rate=Rate(1, 60))
        waits = [take(agency, of=slow) for _ in range(32)]
        assert waits == sorted(waits)
        assert waits[-1] > 31 * 60

    def test_a_request_that_is_refused_takes_no_slot(self, agency: Agency) -> None:
        pause(agency, until=60)
        for _ in range(50):
            assert paused(agency, 1)
        assert take(agency, 61) == 0


class TestPauses:
    def test_a_paused_account_says_why_and_until_when(self, agency: Agency) -> None:
        pause(agency, LIMITED, 60, when=5)
        told = agency.store.accounts.take(ACME, at(10), 3600.0)
        assert isinstance(told, AccountState)
        assert (told.reason, told.paused_until, told.checked_at) == (LIMITED, at(60), at(5))
        assert told.message == "because of rate_limited"

    def test_other_processes_see_it(self, agency: Agency, neighbour: Agency) -> None:
        pause(agency)
        assert paused(neighbour, 1)

    def test_other_accounts_go_on(self, agency: Agency) -> None:
        pause(agency)
        for other in (account("beta"), account(channel=Channel.EMAIL)):
            assert take(agency, 1, other) == 0

    def test_a_rate_limits_pause_ends_by_itself(self, agency: Agency) -> None:
        pause(agency, LIMITED, 60)
        assert paused(agency, 59.999)
        assert not paused(agency, 60)

    @pytest.mark.parametrize("reason", STANDING)
    def test_any_other_pause_stays_until_it_is_ended(
        self, agency: Agency, reason: PauseReason
    ) -> None:
        pause(agency, reason, 900)
        assert paused(agency, 30 * DAY_S)

    @pytest.mark.parametrize("reason", PauseReason)
    def test_a_resumed_account_is_used_again(self, agency: Agency, reason: PauseReason) -> None:
        pause(agency, reason, 900)
        agency.store.accounts.resume("acme", "sms", at(5))
        assert not paused(agency, 6)
        after = state(agency)
        assert (after.reason, after.paused_until, after.message) == (None, None, None)
        assert after.checked_at == at(5)

    def test_resuming_one_account_resumes_no_other(self, agency: Agency) -> None:
        pause(agency)
        for workspace, channel in (("acme", "email"), ("beta", "sms")):
            agency.store.accounts.resume(workspace, channel, at(1))
        assert paused(agency, 2)

    def test_resuming_what_was_never_used_makes_no_account(self, agency: Agency) -> None:
        agency.store.accounts.resume("acme", "sms", at(1))
        assert agency.store.accounts.states() == []

    def test_a_pause_keeps_the_bucket(self, agency: Agency) -> None:
        slow = account(rate=Rate(1, 60))
        take(agency, 0, slow)
        pause(agency, LIMITED, 1, of=slow)
        assert take(agency, 2, slow) > 50

    def test_a_longer_rate_limit_replaces_a_shorter_one(self, agency: Agency) -> None:
        pause(agency, LIMITED, 60)
        pause(agency, LIMITED, 600, when=1)
        assert paused(agency, 599)

    def test_a_shorter_rate_limit_does_not_end_a_longer_one(self, agency: Agency) -> None:
        pause(agency, LIMITED, 3600)
        pause(agency, LIMITED, 5, when=1)
        assert paused(agency, 3599)

    @pytest.mark.parametrize("reason", STANDING)
    def test_a_rate_limit_does_not_end_a_standing_pause(
        self, agency: Agency, reason: PauseReason
    ) -> None:
        pause(agency, reason, None)
        pause(agency, LIMITED, 5, when=1)
        assert paused(agency, 10)
        assert state(agency).reason is reason

    @pytest.mark.parametrize("reason", STANDING)
    def test_a_standing_pause_outlasts_a_rate_limit(
        self, agency: Agency, reason: PauseReason
    ) -> None:
        pause(agency, LIMITED, 3600)
        pause(agency, reason, None, when=1)
        assert paused(agency, 7200)

    def test_a_rate_limit_that_is_over_holds_up_no_new_one(self, agency: Agency) -> None:
        pause(agency, LIMITED, 60)
        pause(agency, LIMITED, 100, when=70)
        assert paused(agency, 99)

    def test_a_pause_written_by_a_clock_that_ran_ahead_does_not_hold(self, agency: Agency) -> None:
        pause(agency, LIMITED, 365 * DAY_S, when=365 * DAY_S - 60)
        assert not paused(agency, 0)

    def test_such_a_pause_gives_way_to_a_new_one(self, agency: Agency) -> None:
        pause(agency, LIMITED, 365 * DAY_S, when=365 * DAY_S - 60)
        pause(agency, LIMITED, 60, when=0)
        assert paused(agency, 59)

    def test_the_longest_pause_that_can_be_asked_for_holds(self, agency: Agency) -> None:
        pause(agency, LIMITED, LONGEST.total_seconds())
        assert paused(agency, 0)


class TestLookingAgain:
    def test_a_refused_credential_is_looked_at_again_when_it_is_time(self, agency: Agency) -> None:
        pause(agency, REFUSED, RECHECK / timedelta(seconds=1))
        assert not state(agency).wants_check(at(899))
        assert state(agency).wants_check(at(900))

    def test_a_further_refusal_puts_it_off(self, agency: Agency) -> None:
        pause(agency, REFUSED, 900)
        pause(agency, REFUSED, 1800, when=900)
        assert not state(agency).wants_check(at(1799))

    def test_a_clock_set_back_does_not_put_it_off_for_long(self, agency: Agency) -> None:
        pause(agency, REFUSED, 365 * DAY_S)
        assert state(agency).wants_check(at(0))

    @pytest.mark.parametrize("reason", [each for each in PauseReason if each != REFUSED])
    def test_nothing_else_is_looked_at_again(self, agency: Agency, reason: PauseReason) -> None:
        pause(agency, reason, 900)
        assert not state(agency).wants_check(at(9000))


class TestStates:
    def test_an_account_never_used_is_free(self, agency: Agency) -> None:
        assert state(agency) == AccountState("acme", "sms", "gohighlevel")

    def test_looking_makes_no_account(self, agency: Agency) -> None:
        state(agency)
        assert agency.store.accounts.states() == []

    def test_every_account_that_was_used_is_told(self, agency: Agency) -> None:
        take(agency, 0, account("beta"))
        pause(agency, of=account(channel=Channel.EMAIL))
        assert [(each.workspace, each.channel) for each in agency.store.accounts.states()] == [
            ("acme", "email"), ("beta", "sms")
        ]  # fmt: skip

    def test_a_state_is_the_same_however_it_is_asked_for(self, agency: Agency) -> None:
        take(agency)
        pause(agency)
        assert agency.store.accounts.states() == [state(agency)]

    def test_held_up_are_those_that_are_paused_or_have_requests_waiting(
        self, agency: Agency
    ) -> None:
        take(agency, 0)
        pause(agency, PauseReason.OPERATOR, of=account("beta"))
        take(agency, 60, account("gamma"))
        assert {each.workspace for each in agency.store.accounts.held_up(at(0))} == {
            "acme", "beta", "gamma"
        }  # fmt: skip
        assert agency.store.accounts.held_up(at(600)) == [
            agency.store.accounts.state(account("beta"))
        ]


def most_in_a_window(sent: list[float], seconds: float) -> int:
    return max(sum(start <= each < start + seconds for each in sent) for start in sent)


def test_a_slot_that_nobody_can_wait_for_is_not_reserved(agency: Agency) -> None:
    """Else a run that ends would take slots with it, and the next one would wait for them."""
    for _ in range(ACME.rate.burst):
        agency.store.accounts.take(ACME, at(0), 3600.0)
    refused = [agency.store.accounts.take(ACME, at(0), 0.001) for _ in range(100)]
    assert len(set(refused)) == 1
    assert agency.store.accounts.take(ACME, at(0), 3600.0) == refused[0]
