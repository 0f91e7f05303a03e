"""One lead, read to its end: each channel on its own, page by page, never synced too soon."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from convsync_cli.sync import addresses
from convsync_cli.sync.errors import (
    AccountPaused,
    BudgetSpent,
    CursorLoop,
    NetworkFault,
    RateLimited,
    Rejected,
    SyncError,
    Timeout,
    Unauthorized,
    Unavailable,
    Unknown,
)
from convsync_cli.sync.jobs.conversation_sync import perform
from convsync_cli.sync.model.job import Effort, JobState, Settlement
from convsync_cli.sync.model.lead import Contact, Handle
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.model.outcome import Discard, Done, Outcome, Retry, Snooze
from tests.sync.workbench import CHANNELS, NOON, Bench

LATER = NOON + timedelta(minutes=10)
ERRORS: dict[str, Callable[[], SyncError]] = {
    "unavailable": lambda: Unavailable("answered 503"),
    "network": lambda: NetworkFault("reset"),
    "timeout": lambda: Timeout("slow"),
    "rate limited": lambda: RateLimited("answered 429", LATER),
    "paused": lambda: AccountPaused("is paused", LATER, "rate_limited"),
    "unauthorized": lambda: Unauthorized("refused"),
    "rejected": lambda: Rejected("answered 422"),
    "unknown": lambda: Unknown("answered 404"),
    "loop": lambda: CursorLoop("in a circle"),
}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "db")


def perform_one(bench: Bench) -> Outcome:
    """Claim the next job and perform it; the claim stays as it is."""
    claim = bench.claim()
    return bench.with_commits(lambda commits: perform(claim, bench.task(commits)))


def try_again(bench: Bench) -> Outcome:
    """Another attempt at the same job, as after a failed one."""
    claim = bench.claim()
    outcome = bench.with_commits(lambda commits: perform(claim, bench.task(commits)))
    again = Settlement("retry", JobState.PENDING, NOON - timedelta(days=1))
    assert bench.store.queue.settle(1, claim, again, Effort(), bench.clock.now())
    return outcome


# Reading


def test_both_channels_are_read_to_their_end(bench: Bench) -> None:
    bench.sms.says("a", "b").says("c")
    bench.mail.says("d")
    lead = bench.asked_lead()
    assert perform_one(bench) == Done()
    assert bench.texts(lead) == ["a", "b", "c", "d"]


def test_a_channel_that_was_read_is_synced_as_of_the_beginning_of_its_walk(bench: Bench) -> None:
    bench.sms.says("a").then(lambda: bench.clock.passes(100)).says("b")
    lead = bench.asked_lead()
    perform_one(bench)
    synced_at = bench.sync(lead, Channel.SMS).synced_at
    assert synced_at is not None
    assert synced_at - NOON < timedelta(seconds=1)


def test_a_lead_that_the_provider_does_not_know_is_a_success_and_said_so(bench: Bench) -> None:
    bench.sms.knows_nobody()
    lead = bench.asked_lead()
    assert perform_one(bench) == Done()
    sync = bench.sync(lead, Channel.SMS)
    assert (sync.outcome, sync.synced_at is not None) == ("not_found", True)


def test_a_lead_without_a_message_is_synced(bench: Bench) -> None:
    bench.sms.says()
    lead = bench.asked_lead()
    perform_one(bench)
    assert bench.sync(lead, Channel.SMS).outcome == "synced"


def test_a_lead_that_is_gone_is_done_without_a_request(bench: Bench) -> None:
    lead = bench.asked_lead()
    claim = bench.claim()
    gone = type(claim)(
        **{name: getattr(claim, name) for name in claim.__slots__} | {"lead": "L" + "0" * 18}
    )
    outcome = bench.with_commits(lambda commits: perform(gone, bench.task(commits)))
    assert (outcome, bench.sms.reads) == (Done(), [])
    assert lead != gone.lead


def test_a_channel_on_which_the_lead_cannot_be_followed_is_not_read(bench: Bench) -> None:
    bench.ask(bench.lead(mail=False))
    perform_one(bench)
    assert bench.mail.reads == []


def test_a_channel_without_an_account_is_not_read(bench: Bench) -> None:
    bench.tellers.remove(bench.mail)
    lead = bench.asked_lead()
    assert perform_one(bench) == Done()
    assert bench.sync(lead, Channel.EMAIL).synced_at is None


def test_what_the_provider_tells_about_the_lead_is_learnt_with_the_page(bench: Bench) -> None:
    told = Contact(
        name="Ada",
        addresses=(addresses.email("ada@example.org"),),
        handles=(Handle("sms-fake", "7"),),
    )
    bench.sms.says("a", contact=told)
    lead = bench.asked_lead()
    perform_one(bench)
    known = bench.store.leads.lead(lead)
    assert known is not None
    assert (known.name, known.handles_at("sms-fake")) == ("Ada", ("7",))


# People who were forgotten


def test_a_lead_that_is_forgotten_while_it_is_read_stays_gone(bench: Bench) -> None:
    lead = bench.asked_lead()

    def forgotten_by_another_process() -> None:
        with bench.another_process() as store:
            assert store.erasure.forget([lead]) == [lead]

    bench.sms.says("a").then(forgotten_by_another_process).says("b").says("c")
    bench.mail.says("d")
    reason, tally = bench.work()
    assert (reason, tally.lost, tally.failed) == ("drained", 1, 0)
    assert bench.store.leads.lead(lead) is None
    assert (bench.texts(lead), bench.store.archive.syncs(lead)) == ([], {})


def test_a_lead_that_turns_out_to_be_who_was_forgotten_is_not_stored(bench: Bench) -> None:
    told = Contact(addresses=(addresses.email("ada@example.org"),))
    gone = bench.store.leads.learn("acme", told, CHANNELS, bench.clock.now()).lead
    bench.store.erasure.forget([gone])
    known = Contact(handles=(Handle("sms-fake", "7"),))
    lead = bench.store.leads.learn("acme", known, CHANNELS, bench.clock.now()).lead
    bench.ask(lead)
    bench.sms.says("a", contact=told).says("b")
    outcome = perform_one(bench)
    assert isinstance(outcome, Discard)
    assert outcome.code == "forgotten"
    assert f"convsync leads forget {lead}" in outcome.reason
    assert bench.texts(lead) == []
    assert bench.sync(lead, Channel.SMS).error_code == "forgotten"


def test_rows_that_are_left_out_are_counted_through_all_pages(bench: Bench) -> None:
    bench.sms.says("a", left_out=2)
    bench.sms.says("b", left_out=3)
    lead = bench.asked_lead()
    perform_one(bench)
    assert bench.sync(lead, Channel.SMS).left_out == 5


# One channel's failure


@pytest.mark.parametrize("name", list(ERRORS))
def test_one_bad_channel_harms_no_other(bench: Bench, name: str) -> None:
    bench.sms.fails_with(ERRORS[name]())
    bench.mail.says("a")
    lead = bench.asked_lead()
    perform_one(bench)
    assert (bench.texts(lead), bench.sync(lead, Channel.EMAIL).outcome) == (["a"], "synced")


@pytest.mark.parametrize("name", list(ERRORS))
def test_complete_or_it_says_so_a_channel_that_failed_is_not_synced(
    bench: Bench, name: str
) -> None:
    error = ERRORS[name]()
    bench.sms.says("a").fails_with(error)
    lead = bench.asked_lead()
    perform_one(bench)
    sync = bench.sync(lead, Channel.SMS)
    assert (sync.synced_at, sync.outcome, sync.error_code) == (None, "failed", error.code)


@pytest.mark.parametrize("name", list(ERRORS))
def test_complete_or_it_says_so_a_look_up_that_fails_is_not_an_unknown_lead(
    bench: Bench, name: str
) -> None:
    bench.sms.fails_with(ERRORS[name]())
    lead = bench.asked_lead()
    perform_one(bench)
    assert (bench.sync(lead, Channel.SMS).synced_at, bench.sync(lead, Channel.SMS).outcome) == (
        None,
        "failed",
    )


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("unavailable", Retry),
        ("network", Retry),
        ("timeout", Retry),
        ("rate limited", Snooze),
        ("paused", Snooze),
        ("unauthorized", Snooze),
        ("rejected", Discard),
        ("unknown", Discard),
        ("loop", Discard),
    ],
)
def test_an_error_becomes_the_outcome_that_fits(
    bench: Bench, name: str, outcome: type[Outcome]
) -> None:
    bench.sms.fails_with(ERRORS[name]())
    bench.asked_lead()
    assert type(perform_one(bench)) is outcome


@pytest.mark.parametrize("name", ["rate limited", "paused"])
def test_a_job_waits_as_long_as_the_account_does(bench: Bench, name: str) -> None:
    bench.sms.fails_with(ERRORS[name]())
    bench.asked_lead()
    outcome = perform_one(bench)
    assert isinstance(outcome, Snooze)
    assert outcome.until == LATER


WORST = [
    (None, None, Done),
    (None, "rejected", Discard),
    (None, "paused", Snooze),
    (None, "unavailable", Retry),
    ("rejected", "rejected", Discard),
    ("rejected", "paused", Snooze),
    ("rejected", "unavailable", Retry),
    ("paused", "paused", Snooze),
    ("paused", "unavailable", Retry),
    ("unavailable", "unavailable", Retry),
]


@pytest.mark.parametrize(
    ("one", "other", "outcome"), [*WORST, *((other, one, worst) for one, other, worst in WORST)]
)
def test_what_can_heal_is_tried_again_before_it_is_given_up(
    bench: Bench, one: str | None, other: str | None, outcome: type[Outcome]
) -> None:
    for teller, name in ((bench.sms, one), (bench.mail, other)):
        if name is not None:
            teller.fails_with(ERRORS[name]())
    bench.asked_lead()
    assert type(perform_one(bench)) is outcome


@pytest.mark.parametrize("first", ["sms", "mail"])
def test_of_two_waits_the_shorter_decides(bench: Bench, first: str) -> None:
    tellers = {"sms": bench.sms, "mail": bench.mail}
    tellers.pop(first).fails_with(RateLimited("answered 429", LATER))
    [other] = tellers.values()
    other.fails_with(RateLimited("answered 429", LATER - timedelta(minutes=9)))
    bench.asked_lead()
    outcome = perform_one(bench)
    assert isinstance(outcome, Snooze)
    assert outcome.until == LATER - timedelta(minutes=9)


def test_a_bug_in_one_channel_does_not_stop_the_other(bench: Bench) -> None:
    bench.sms.fails_with(KeyError("oops"))
    bench.mail.says("a").then(lambda: None).says("b")
    lead = bench.asked_lead()
    with pytest.raises(KeyError):
        perform_one(bench)
    assert bench.texts(lead) == ["a", "b"]


def test_a_spent_budget_is_told_after_the_other_channel_has_ended(bench: Bench) -> None:
    bench.sms.fails_with(BudgetSpent("no time"))
    bench.mail.says("a")
    lead = bench.asked_lead()
    with pytest.raises(BudgetSpent):
        perform_one(bench)
    assert bench.texts(lead) == ["a"]


def test_a_spent_budget_is_no_failure_of_the_channel(bench: Bench) -> None:
    bench.sms.fails_with(BudgetSpent("no time"))
    lead = bench.asked_lead()
    with pytest.raises(BudgetSpent):
        perform_one(bench)
    assert bench.sync(lead, Channel.SMS).outcome is None


# Going on


def test_the_next_try_does_only_what_is_left(bench: Bench) -> None:
    bench.sms.says("a")
    bench.mail.fails_with(Unavailable("answered 503"), times=1)
    bench.mail.says("b")
    lead = bench.asked_lead()
    try_again(bench)
    assert perform_one(bench) == Done()
    assert (len(bench.sms.reads), bench.texts(lead)) == (1, ["a", "b"])


def test_the_next_try_also_looks_up_again_what_was_not_found_out(bench: Bench) -> None:
    bench.sms.fails_with(Unavailable("answered 503"), times=1)
    bench.asked_lead()
    try_again(bench)
    perform_one(bench)
    assert len(bench.sms.reads) == 2


def test_a_lead_that_was_not_found_is_not_looked_up_again_by_the_same_job(bench: Bench) -> None:
    bench.sms.knows_nobody()
    bench.mail.fails_with(Unavailable("answered 503"), times=1)
    bench.asked_lead()
    try_again(bench)
    perform_one(bench)
    assert len(bench.sms.reads) == 1


def test_a_walk_goes_on_from_the_page_it_had_reached(bench: Bench) -> None:
    bench.sms.says("a").fails_with(Unavailable("answered 503"), times=1)
    bench.sms.says("b")
    lead = bench.asked_lead()
    try_again(bench)
    perform_one(bench)
    assert bench.sms.reads == [(lead, None), (lead, "1")]
    assert bench.texts(lead) == ["a", "b"]


def test_a_walk_that_went_on_is_synced_as_of_its_first_beginning(bench: Bench) -> None:
    bench.sms.says("a").fails_with(Unavailable("answered 503"), times=1)
    bench.sms.says("b")
    lead = bench.asked_lead()
    try_again(bench)
    bench.clock.passes(600)
    perform_one(bench)
    synced_at = bench.sync(lead, Channel.SMS).synced_at
    assert synced_at is not None
    assert synced_at - NOON < timedelta(seconds=1)


def test_rows_left_out_before_an_interruption_are_counted_too(bench: Bench) -> None:
    bench.sms.says("a", left_out=2).fails_with(Unavailable("answered 503"), times=1)
    bench.sms.says("b", left_out=3)
    lead = bench.asked_lead()
    try_again(bench)
    perform_one(bench)
    assert bench.sync(lead, Channel.SMS).left_out == 5


def test_the_pages_before_an_error_are_stored(bench: Bench) -> None:
    bench.sms.says("a").fails_with(Rejected("answered 422"))
    lead = bench.asked_lead()
    perform_one(bench)
    assert bench.texts(lead) == ["a"]


def test_a_cursor_that_is_refused_by_now_makes_the_walk_begin_anew(bench: Bench) -> None:
    bench.sms.says("a").fails_with(Unavailable("answered 503"), times=1)
    bench.sms.says("b")
    bench.asked_lead()
    try_again(bench)
    bench.sms.refuses("1")
    assert perform_one(bench) == Done()
    assert [cursor for _, cursor in bench.sms.reads] == [None, "1", None]


def test_a_walk_that_began_anew_is_synced_as_of_then(bench: Bench) -> None:
    bench.sms.says("a").fails_with(Unavailable("answered 503"), times=1)
    bench.sms.says("b")
    lead = bench.asked_lead()
    try_again(bench)
    bench.sms.refuses("1")
    bench.clock.passes(600)
    perform_one(bench)
    synced_at = bench.sync(lead, Channel.SMS).synced_at
    assert synced_at is not None
    assert synced_at - NOON > timedelta(seconds=600)


def test_a_walk_begins_anew_only_once(bench: Bench) -> None:
    bench.sms.says("a").fails_with(Unavailable("answered 503"), times=1)
    bench.asked_lead()
    try_again(bench)
    bench.sms.refuses("1")
    bench.sms.forgets()
    bench.sms.fails_with(Rejected("answered 422"))
    assert type(perform_one(bench)) is Discard
    assert len(bench.sms.reads) == 3


def test_a_refusal_behind_a_page_that_was_read_is_not_the_cursors_fault(bench: Bench) -> None:
    bench.sms.says("a").fails_with(Unavailable("answered 503"), times=1)
    bench.sms.says("b").fails_with(Rejected("answered 422"))
    bench.asked_lead()
    try_again(bench)
    assert type(perform_one(bench)) is Discard
    assert len(bench.sms.reads) == 2


@pytest.mark.parametrize("seconds", [3700.0, -60.0])
def test_a_walk_that_began_long_ago_or_in_the_future_begins_anew(
    bench: Bench, seconds: float
) -> None:
    bench.sms.says("a").fails_with(Unavailable("answered 503"), times=1)
    bench.sms.says("b")
    bench.clock.passes(100)
    bench.asked_lead()
    try_again(bench)
    bench.clock.passes(seconds)
    perform_one(bench)
    assert [cursor for _, cursor in bench.sms.reads] == [None, None]


def test_complete_or_it_says_so_a_walk_that_began_before_it_was_asked_for_is_not_enough(
    bench: Bench,
) -> None:
    bench.sms.says("old").fails_with(Rejected("answered 422"), times=1)
    bench.sms.says("older")
    lead = bench.asked_lead()
    claim = bench.claim()
    bench.with_commits(lambda commits: perform(claim, bench.task(commits)))
    bench.clock.passes(60)
    failed = Settlement("failed", JobState.FAILED)
    assert bench.store.queue.settle(1, claim, failed, Effort(), bench.clock.now())
    bench.ask(lead)
    requested = bench.clock.now()
    assert perform_one(bench) == Done()
    synced_at = bench.sync(lead, Channel.SMS).synced_at
    assert synced_at is not None
    assert synced_at >= requested - timedelta(seconds=1)


def test_a_channel_that_was_read_since_it_was_asked_for_is_not_read_again(bench: Bench) -> None:
    bench.sms.says("a")
    bench.asked_lead()
    try_again(bench)
    perform_one(bench)
    assert len(bench.sms.reads) == 1


def test_a_channel_that_was_read_before_it_was_asked_for_is_read_again(bench: Bench) -> None:
    bench.sms.says("a")
    lead = bench.asked_lead()
    try_again(bench)
    bench.clock.passes(60)
    with bench.another_process() as other:
        other.queue.cancel([bench.job(lead).id], bench.clock.now())
    bench.ask(lead)
    perform_one(bench)
    assert len(bench.sms.reads) == 2


def test_reading_twice_stores_every_message_once(bench: Bench) -> None:
    bench.sms.says("a", "b")
    lead = bench.asked_lead()
    for _ in range(2):
        bench.clock.passes(60)
        bench.ask(lead)
        try_again(bench)
    assert bench.texts(lead) == ["a", "b"]
