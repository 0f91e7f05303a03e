"""What changed in an account: stored with whom it is about, page by page, the mark moved last."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from convsync_cli.sync import addresses
from convsync_cli.sync.errors import RateLimited, Rejected, SyncError, Unauthorized, Unavailable
from convsync_cli.sync.firstwalks import WAITED_FOR
from convsync_cli.sync.jobs.delta_sync import CURSOR_KEEPS, perform
from convsync_cli.sync.model.feed import Covers, Feed, FeedPage, News, Thread
from convsync_cli.sync.model.job import JobFilter
from convsync_cli.sync.model.lead import Contact, Handle, Lead
from convsync_cli.sync.model.message import Channel, Direction, Message, Page
from convsync_cli.sync.model.outcome import Discard, Done, Outcome, Retry, Snooze
from convsync_cli.sync.model.pause import PauseReason
from convsync_cli.sync.model.placing import Kind
from convsync_cli.sync.model.progress import WalkEnd
from tests.sync.workbench import IN_BULK, NOON, Bench

LATER = NOON + timedelta(minutes=10)
FIRST = "+12025550001"  # the bench's first lead


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "db")


def perform_one(bench: Bench) -> Outcome:
    """Claim the next job and perform it; the claim stays as it is."""
    claim = bench.claim()
    return bench.with_commits(lambda commits: perform(claim, bench.task(commits)))


def somebody(phone: str = FIRST, name: str | None = None) -> Contact:
    return Contact(name, addresses=(addresses.phone(phone, None),))


def said(text: str, contact: Contact | None = None, **told: object) -> News:
    """News of one message."""

    def read(lead: Lead) -> tuple[Message, ...]:
        id = f"sms-fake-{text}"
        return (Message(Channel.SMS, "sms-fake", id, Direction.INBOUND, NOON, text),)

    return News(contact or somebody(), read, **told)  # type: ignore[arg-type]


def page(*news: News, covers: Covers = Covers.NOBODY, left_out: int = 0) -> FeedPage:
    return FeedPage(news, covers=covers, left_out=left_out)


def everything(*news: News) -> FeedPage:
    return page(*news, covers=Covers.EVERYBODY)


def feed(bench: Bench) -> Feed:
    return bench.store.feeds.feed(bench.sms.account)


def waiting(bench: Bench) -> set[str | None]:
    """The leads that wait for a job of their own."""
    jobs = bench.store.queue.jobs(JobFilter(kind=Kind.CONVERSATION_SYNC, state="pending"), 99)
    return {job.lead for job in jobs}


def discovering(bench: Bench) -> None:
    bench.sms.account = replace(bench.sms.account, discover=True)


# Whose news it is


def test_what_the_feed_carries_is_stored_with_whom_it_is_about(bench: Bench) -> None:
    lead, other = bench.lead(), bench.lead()
    bench.sms.feed = [page(said("hi"), said("ho", somebody("+12025550002")))]
    bench.asks_for_changes()
    assert perform_one(bench) == Done()
    assert (bench.texts(lead), bench.texts(other)) == (["hi"], ["ho"])


def test_what_the_feed_tells_of_a_lead_completes_it(bench: Bench) -> None:
    lead = bench.lead()
    contact = replace(somebody(name="Ann"), handles=(Handle("sms-fake", "c1"),))
    bench.sms.feed = [page(said("hi", contact))]
    bench.asks_for_changes()
    perform_one(bench)
    known = bench.store.leads.lead(lead)
    assert known is not None
    assert (known.name, known.handles_at("sms-fake")) == ("Ann", ("c1",))


def test_an_address_that_only_finds_is_not_learnt(bench: Bench) -> None:
    lead = bench.lead()
    found_by = (addresses.phone("+12025559999", None), addresses.phone(FIRST, None))
    bench.sms.feed = [page(said("hi", Contact(), found_by=found_by))]
    bench.asks_for_changes()
    perform_one(bench)
    known = bench.store.leads.lead(lead)
    assert bench.texts(lead) == ["hi"]
    assert known is not None and len(known.addresses) == 2


ANN, BOB = addresses.email("ann@example.com"), addresses.email("bob@example.com")
DAEMON = addresses.email("mailer-daemon@example.net")


def of_id(id: str) -> Contact:
    return Contact(handles=(Handle("sms-fake", id),))


def named(bench: Bench) -> list[tuple[set[str | None], tuple[str, ...]]]:
    """The leads: their mail addresses and their ids."""
    return [
        ({address.value for address in lead.addresses if "@" in address.raw},
         lead.handles_at("sms-fake"))
        for lead in bench.store.leads.leads("acme", "", 99)
    ]  # fmt: skip


def test_an_address_that_only_finds_joins_nobody(bench: Bench) -> None:
    discovering(bench)
    bounced = [said(id, of_id(id), vouched=True, found_by=(DAEMON,)) for id in ("c1", "c2")]
    bench.sms.feed = [page(*bounced)]
    bench.asks_for_changes()
    perform_one(bench)
    assert named(bench) == [(set(), ("c1",)), (set(), ("c2",))]


def test_who_wrote_for_somebody_else_is_not_taken_for_them(bench: Bench) -> None:
    discovering(bench)
    colleague = bench.lead()
    mail = bench.known(colleague).addresses[-1]
    bench.sms.feed = [page(said("hi", of_id("c1"), vouched=True, found_by=(mail,)))]
    bench.asks_for_changes()
    perform_one(bench)
    assert bench.texts(colleague) == []
    assert bench.known(colleague).handles == ()


def asking(bench: Bench, answer: Contact | SyncError | None, **told: Any) -> list[str]:
    """Tell news of the id c1, and who that is when asked; what is asked is noted."""
    asked = []

    async def ask() -> Contact | None:
        asked.append("c1")
        if isinstance(answer, SyncError):
            raise answer
        return answer

    bench.sms.feed = [page(said("hi", of_id("c1"), vouched=True, ask=ask, **told))]
    bench.asks_for_changes()
    perform_one(bench)
    return asked


def test_an_id_that_is_nobodys_is_asked_for(bench: Bench) -> None:
    discovering(bench)
    assert asking(bench, replace(of_id("c1"), addresses=(ANN,))) == ["c1"]
    assert named(bench) == [({"ann@example.com"}, ("c1",))]


def test_an_id_that_is_nobodys_is_the_lead_that_has_the_address(bench: Bench) -> None:
    discovering(bench)
    lead = bench.lead()
    asking(bench, replace(of_id("c1"), addresses=bench.known(lead).addresses))
    assert bench.texts(lead) == ["hi"]
    assert bench.known(lead).handles_at("sms-fake") == ("c1",)


def test_an_id_that_is_somebodys_is_not_asked_for(bench: Bench) -> None:
    lead = bench.lead()
    contact = replace(of_id("c1"), addresses=bench.known(lead).addresses)
    bench.store.leads.learn("acme", contact, {"sms-fake": Channel.SMS}, NOON)
    assert asking(bench, None) == []
    assert bench.texts(lead) == ["hi"]


def test_an_id_of_nobody_wanted_is_not_asked_for(bench: Bench) -> None:
    assert asking(bench, None, found_by=(BOB,)) == []
    assert named(bench) == []


def test_an_id_that_the_provider_does_not_know_makes_no_lead(bench: Bench) -> None:
    discovering(bench)
    asking(bench, None)
    assert named(bench) == []


def test_an_id_that_cannot_be_asked_for_now_is_a_lead_all_the_same(bench: Bench) -> None:
    discovering(bench)
    asking(bench, Rejected("answered 422"))
    assert named(bench) == [(set(), ("c1",))]


@pytest.mark.parametrize(
    ("discover", "vouched", "leads"), [(True, True, 1), (True, False, 0), (False, True, 0)]
)
def test_somebody_unknown_becomes_a_lead_where_the_provider_vouches_and_that_is_wanted(
    bench: Bench, discover: bool, vouched: bool, leads: int
) -> None:
    bench.sms.account = replace(bench.sms.account, discover=discover)
    bench.sms.feed = [page(said("hi", vouched=vouched))]
    bench.asks_for_changes()
    assert perform_one(bench) == Done()
    assert bench.store.leads.count("acme") == leads


# The mark and the place


def test_the_mark_moves_with_the_last_page_only(bench: Bench) -> None:
    lead = bench.lead()
    bench.sms.feed = [page(said("one")), Unavailable("answered 503"), page(said("two"))]
    bench.asks_for_changes()
    assert isinstance(perform_one(bench), Retry)
    assert bench.texts(lead) == ["one"]
    assert (feed(bench).watermark, feed(bench).cursor) == (None, "1")
    assert (feed(bench).outcome, feed(bench).error_code) == ("failed", "unavailable")


def test_an_interrupted_walk_goes_on_where_it_was(bench: Bench) -> None:
    lead = bench.lead()
    bench.sms.feed = [page(said("one")), Unavailable("answered 503"), page(said("two"))]
    bench.asks_for_changes()
    perform_one(bench)
    began = feed(bench).walk_started_at
    bench.sms.feed[1] = page()
    bench.clock.passes(3600)
    bench.store.queue.rescue(bench.clock.now(), 90.0, orphaned=True)
    perform_one(bench)
    assert bench.sms.walks[-1] == (None, "1")
    assert bench.texts(lead) == ["one", "two"]
    assert (feed(bench).watermark, feed(bench).cursor, feed(bench).synced_at) == (
        "mark",
        None,
        began,
    )


def test_a_walk_that_was_interrupted_long_ago_begins_anew(bench: Bench) -> None:
    bench.store.feeds.save_walk(bench.sms.account, bench.clock.now(), "1", 0)
    bench.clock.passes(CURSOR_KEEPS.total_seconds() + 60)
    bench.sms.feed = [page(), page()]
    bench.asks_for_changes()
    assert perform_one(bench) == Done()
    assert bench.sms.walks == [(None, None)]


def test_where_the_cursor_is_refused_the_walk_begins_at_the_mark(bench: Bench) -> None:
    account = bench.sms.account
    bench.store.feeds.finish(account, bench.clock.now(), "old", Covers.NOBODY)
    bench.store.feeds.save_walk(account, bench.clock.now(), "1", 0)
    bench.sms.refuses("1")
    bench.sms.feed = [page()]
    bench.asks_for_changes()
    assert perform_one(bench) == Done()
    assert bench.sms.walks == [("old", "1"), ("old", None)]
    assert feed(bench).watermark == "mark"


def test_a_feed_that_is_refused_again_and_again_is_given_up(bench: Bench) -> None:
    bench.sms.feed = [page(said("one")), Rejected("answered 400")]
    bench.asks_for_changes()
    assert isinstance(perform_one(bench), Discard)
    assert len(bench.sms.walks) == 3
    assert feed(bench).watermark is None


def test_another_providers_mark_is_not_believed(bench: Bench) -> None:
    bench.store.feeds.finish(bench.sms.account, bench.clock.now(), "old", Covers.NOBODY)
    other = replace(bench.sms.account, provider="another")
    assert bench.store.feeds.feed(other) == Feed()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (lambda: RateLimited("answered 429", LATER), Snooze),
        (lambda: Unavailable("answered 503"), Retry),
        (lambda: Unauthorized("refused"), Snooze),
        (lambda: Rejected("answered 422"), Discard),
    ],
)
def test_an_error_is_the_jobs_outcome_and_written_down(
    bench: Bench, error: Callable[[], SyncError], outcome: type[Outcome]
) -> None:
    bench.sms.feed = [error()]
    bench.asks_for_changes()
    assert isinstance(perform_one(bench), outcome)
    assert feed(bench).error_code == error().code


# Who is current now


def test_the_first_walk_reads_everybody(bench: Bench) -> None:
    lead, silent = bench.lead(), bench.lead()
    bench.sms.feed = [everything(said("hi")), everything()]
    bench.asks_for_changes()
    assert perform_one(bench) == Done()
    assert bench.sync(lead, Channel.SMS).outcome == "synced"
    assert bench.sync(silent, Channel.SMS).outcome == "not_found"
    assert bench.sync(lead, Channel.SMS).synced_at == feed(bench).synced_at
    assert bench.sync(lead, Channel.EMAIL).synced_at is None
    assert waiting(bench) == set()


def test_the_leads_that_the_first_walk_made_are_read(bench: Bench) -> None:
    discovering(bench)
    bench.sms.feed = [everything(said("hi", vouched=True))]
    bench.asks_for_changes()
    perform_one(bench)
    (lead,) = bench.store.leads.leads("acme", "", 9)
    assert bench.sync(lead.id, Channel.SMS).outcome == "synced"
    assert waiting(bench) == set()


def test_a_lead_whose_mail_the_walk_may_have_passed_is_read_by_a_job(bench: Bench) -> None:
    discovering(bench)

    def read(lead: Lead) -> tuple[Message, ...]:
        bench.clock.passes(1)
        return ()

    late = said("hi", of_id("c1"), vouched=True, late=True)
    bench.lead()
    bench.sms.feed = [everything(News(somebody(), read)), everything(late)]
    bench.asks_for_changes()
    perform_one(bench)
    (_, made) = bench.store.leads.leads("acme", "", 9)
    assert bench.sync(made.id, Channel.SMS).synced_at is None
    assert waiting(bench) == {made.id}


def test_a_lead_whose_address_nobody_knows_is_read_by_a_job(bench: Bench) -> None:
    known = bench.store.leads.learn("acme", of_id("c1"), {"sms-fake": Channel.SMS}, NOON).lead
    bench.sms.feed = [everything(said("hi", of_id("c1"), late=True))]
    bench.asks_for_changes()
    perform_one(bench)
    assert bench.texts(known) == ["hi"]
    assert waiting(bench) == {known}


def test_a_lead_that_came_while_the_walk_went_on_is_read_by_a_job(bench: Bench) -> None:
    late: list[str] = []

    def read(lead: Lead) -> tuple[Message, ...]:
        late.append(bench.lead())
        return ()

    bench.lead()
    bench.sms.feed = [everything(News(somebody(), read))]
    bench.asks_for_changes()
    perform_one(bench)
    assert bench.sync(late[0], Channel.SMS).synced_at is None
    assert waiting(bench) == set(late)


def test_who_came_after_the_first_walk_is_read_by_a_job(bench: Bench) -> None:
    bench.store.feeds.finish(bench.sms.account, bench.clock.now(), "old", Covers.NOBODY)
    lead = bench.lead()
    bench.sms.feed = [page()]
    bench.asks_for_changes()
    assert perform_one(bench) == Done()
    assert waiting(bench) == {lead}
    assert bench.sync(lead, Channel.SMS).synced_at is None


def test_where_many_came_everything_is_read_again(bench: Bench) -> None:
    bench.costs = IN_BULK
    bench.store.feeds.finish(bench.sms.account, bench.clock.now(), "old", Covers.NOBODY)
    bench.lead()
    bench.lead()
    bench.sms.feed = [everything()]
    bench.asks_for_changes()
    perform_one(bench)
    assert bench.sms.walks == [(None, None)]
    assert waiting(bench) == set()


def test_a_walk_through_everything_that_is_refused_later_begins_with_everything_again(
    bench: Bench,
) -> None:
    bench.costs = IN_BULK
    account = bench.sms.account
    bench.store.feeds.finish(account, bench.clock.now(), "old", Covers.NOBODY)
    bench.lead()
    bench.lead()
    bench.store.feeds.save_walk(account, bench.clock.now(), "1", 0)
    bench.sms.refuses("1")
    bench.sms.feed = [everything()]
    bench.asks_for_changes()
    assert perform_one(bench) == Done()
    assert bench.sms.walks == [("old", "1"), (None, None)]
    assert waiting(bench) == set()


def test_where_many_came_while_the_walk_went_on_everything_is_read_again_at_once(
    bench: Bench,
) -> None:
    bench.costs = IN_BULK

    def read(lead: Lead) -> tuple[Message, ...]:
        if len(bench.sms.walks) == 1:
            bench.lead(), bench.lead()
        return ()

    bench.lead()
    bench.sms.feed = [everything(News(somebody(), read))]
    bench.asks_for_changes()
    assert perform_one(bench) == Done()
    assert bench.sms.walks == [(None, None)] * 2
    assert waiting(bench) == set()


# Channels whose first walks make leads for each other


@pytest.fixture
def both(bench: Bench) -> Bench:
    """Two channels that make leads; of SMS the first walk goes on."""
    for teller in bench.tellers:
        teller.account = replace(teller.account, discover=True)
        teller.feed = [everything()]
    bench.store.feeds.save_walk(bench.sms.account, bench.clock.now(), "0", 0)
    return bench


def asked_for(bench: Bench) -> list[str | None]:
    """The channels that wait to be read."""
    found = JobFilter(kind=Kind.DELTA_SYNC, state="pending")
    return [job.subject for job in bench.store.queue.jobs(found, 9)]


def test_one_first_walk_waits_for_the_other(both: Bench) -> None:
    both.asks_for_changes(Channel.EMAIL)
    assert perform_one(both) == Done()
    assert both.mail.walks == []


def test_its_end_wakes_the_one_that_waits(both: Bench) -> None:
    both.asks_for_changes(Channel.SMS)
    assert perform_one(both) == Done()
    assert asked_for(both) == [Channel.EMAIL]


def test_the_one_that_goes_first_waits_for_nobody(both: Bench) -> None:
    both.store.feeds.save_walk(both.mail.account, both.clock.now(), "0", 0)
    both.asks_for_changes(Channel.SMS)
    perform_one(both)
    assert both.sms.walks == [(None, "0")]


def test_who_was_read_before_waits_for_no_first_walk(both: Bench) -> None:
    both.store.feeds.finish(both.mail.account, both.clock.now(), "old", Covers.NOBODY)
    both.asks_for_changes(Channel.EMAIL)
    perform_one(both)
    assert both.mail.walks == [("old", None)]


@pytest.mark.parametrize("ended", [False, True])
def test_leads_that_it_makes_are_not_read_one_by_one_before_its_end(
    both: Bench, ended: bool
) -> None:
    both.store.feeds.finish(both.mail.account, both.clock.now(), "old", Covers.NOBODY)
    if ended:
        both.store.feeds.finish(both.sms.account, both.clock.now(), "old", Covers.NOBODY)
    both.mail.feed = [page()]
    lead = both.lead()
    both.asks_for_changes(Channel.EMAIL)
    perform_one(both)
    assert waiting(both) == ({lead} if ended else set())


NEVER_ENDING = ["nobody new", "a failure", "a refused credential", "what is old"]


@pytest.mark.parametrize("what", NEVER_ENDING)
def test_nobody_waits_for_what_may_never_end(both: Bench, what: str) -> None:
    account, now = both.sms.account, both.clock.now()
    if what == "nobody new":
        both.sms.account = replace(account, discover=False)
    elif what == "a failure":
        both.store.feeds.fail(account, "unauthorized")
    elif what == "a refused credential":
        both.store.accounts.pause(account, PauseReason.UNAUTHORIZED, "refused", None, now)
    else:
        both.clock.passes(WAITED_FOR.total_seconds() + 1)
    both.asks_for_changes(Channel.EMAIL)
    perform_one(both)
    assert both.mail.walks == [(None, None)]


def test_a_rate_limit_is_waited_for(both: Bench) -> None:
    now = both.clock.now()
    until = now + timedelta(minutes=1)
    both.store.accounts.pause(both.sms.account, PauseReason.RATE_LIMITED, "429", until, now)
    both.asks_for_changes(Channel.EMAIL)
    perform_one(both)
    assert both.mail.walks == []


def test_the_end_of_the_last_wakes_the_first_for_leads_that_are_unread_there(both: Bench) -> None:
    both.store.feeds.finish(both.sms.account, both.clock.now(), "old", Covers.NOBODY)
    both.lead()
    both.asks_for_changes(Channel.EMAIL)
    perform_one(both)
    assert asked_for(both) == [Channel.SMS]


def test_it_is_known_to_go_on_before_its_first_page_is_stored(bench: Bench) -> None:
    seen = []

    def read(lead: Lead) -> tuple[Message, ...]:
        seen.append(feed(bench).walk_started_at)
        return ()

    bench.lead()
    bench.sms.feed = [everything(News(somebody(), read))]
    bench.asks_for_changes()
    perform_one(bench)
    assert len(seen) == 1 and seen[0] is not None


@pytest.mark.parametrize("ends", [Channel.SMS, Channel.EMAIL])
def test_nobody_is_woken_for_nothing(both: Bench, ends: Channel) -> None:
    other = both.sms if ends is Channel.EMAIL else both.mail
    both.store.feeds.finish(other.account, both.clock.now(), "old", Covers.NOBODY)
    both.asks_for_changes(ends)
    perform_one(both)
    assert asked_for(both) == []


def test_only_the_first_end_wakes_so_that_no_two_channels_wake_each_other_for_ever(
    both: Bench,
) -> None:
    for teller in both.tellers:
        both.store.feeds.finish(teller.account, both.clock.now(), "old", Covers.NOBODY)
    both.lead()
    both.asks_for_changes(Channel.EMAIL)
    perform_one(both)
    assert asked_for(both) == []


# Conversations that changed


def threaded(since_s: float, contact: Contact | None = None) -> News:
    return News(contact or somebody(), thread=Thread("0", NOON + timedelta(seconds=since_s)))


def test_a_conversation_that_changed_is_read_back_to_what_is_known(bench: Bench) -> None:
    lead = bench.lead()
    account = bench.sms.account
    bench.store.feeds.finish(account, bench.clock.now(), "old", Covers.EVERYBODY)
    bench.store.archive.finish(
        bench.known(lead), Channel.SMS, outcome=WalkEnd.SYNCED, synced_at=bench.clock.now()
    )
    bench.sms.says("new").says("older").says("oldest")
    bench.sms.feed = [page(threaded(since_s=1))]
    bench.asks_for_changes()
    assert perform_one(bench) == Done()
    assert bench.texts(lead) == ["new"]


def test_an_old_date_among_new_messages_ends_no_reading(bench: Bench) -> None:
    lead = bench.lead()
    bench.store.archive.finish(
        bench.known(lead), Channel.SMS, outcome=WalkEnd.SYNCED, synced_at=bench.clock.now()
    )
    talk = bench.sms.about(lead).says("new", "oddly dated", "newer than known").says("last")
    odd = talk.steps[0]
    assert isinstance(odd, Page)
    dates = [NOON + timedelta(hours=1), NOON - timedelta(days=9), NOON + timedelta(hours=1)]
    told = zip(odd.messages, dates, strict=True)
    messages = tuple(replace(message, sent_at=at) for message, at in told)
    talk.steps[0] = replace(odd, messages=messages)
    bench.sms.feed = [page(threaded(since_s=1))]
    bench.asks_for_changes()
    assert perform_one(bench) == Done()
    assert "last" in bench.texts(lead)


def test_a_conversation_of_somebody_never_read_is_read_to_its_end(bench: Bench) -> None:
    lead = bench.lead()
    bench.sms.says("new").says("older")
    bench.sms.feed = [page(threaded(since_s=1))]
    bench.asks_for_changes()
    assert perform_one(bench) == Done()
    assert bench.texts(lead) == ["new", "older"]


def test_a_conversation_that_is_refused_is_left_to_a_job_of_its_own(bench: Bench) -> None:
    lead, other = bench.lead(), bench.lead()
    bench.sms.about(lead).fails_with(Rejected("answered 400"))
    bench.sms.feed = [page(threaded(1), said("hi", somebody("+12025550002")))]
    bench.asks_for_changes()
    assert perform_one(bench) == Done()
    assert bench.texts(other) == ["hi"]
    assert lead in waiting(bench)
    assert feed(bench).watermark == "mark"


def test_a_conversation_that_cannot_be_read_while_others_can_holds_up_nobody(bench: Bench) -> None:
    lead, other = bench.lead(), bench.lead()
    bench.sms.about(lead).fails_with(Unavailable("answered 500"))
    bench.sms.about(other).says("hi")
    bench.sms.feed = [page(threaded(1), threaded(1, somebody("+12025550002")))]
    bench.asks_for_changes()
    assert perform_one(bench) == Done()
    assert bench.texts(other) == ["hi"]
    assert lead in waiting(bench)
    assert feed(bench).watermark == "mark"


def test_where_most_conversations_cannot_be_read_now_the_mark_is_held(bench: Bench) -> None:
    leads = [bench.lead() for _ in range(3)]
    bench.sms.about(leads[0]).says("hi")
    bench.sms.about(leads[1]).fails_with(Unavailable("answered 503"))
    bench.sms.about(leads[2]).fails_with(Unavailable("answered 503"))
    bench.sms.feed = [page(*(threaded(1, somebody(f"+1202555000{n}")) for n in (1, 2, 3)))]
    bench.asks_for_changes()
    assert isinstance(perform_one(bench), Retry)
    assert not waiting(bench)
    assert feed(bench).watermark is None


def test_a_conversation_that_cannot_be_read_now_holds_the_mark(bench: Bench) -> None:
    lead = bench.lead()
    bench.sms.about(lead).fails_with(Unavailable("answered 503"))
    bench.sms.feed = [page(threaded(1))]
    bench.asks_for_changes()
    assert isinstance(perform_one(bench), Retry)
    assert feed(bench).watermark is None


def test_who_is_to_be_read_whole_gets_a_job(bench: Bench) -> None:
    lead = bench.lead()
    bench.sms.feed = [page(said("hi", unread=True))]
    bench.asks_for_changes()
    perform_one(bench)
    assert lead in waiting(bench)


# Whose account it is


def test_where_the_credential_opens_another_workspace_nothing_is_stored(bench: Bench) -> None:
    lead = bench.lead()
    bench.sms.opens = "5"
    bench.sms.feed = [page(said("ours"))]
    bench.asks_for_changes()
    bench.work()
    bench.sms.opens = "7"
    bench.sms.feed = [page(said("theirs"))]
    bench.asks_for_changes()
    bench.work()
    assert bench.texts(lead) == ["ours"]
    state = bench.state(bench.sms)
    assert state.reason is PauseReason.UNAUTHORIZED
    assert state.message is not None
    assert "opens workspace 7 now, not 5" in state.message


def test_a_channel_without_an_account_is_given_up(bench: Bench) -> None:
    bench.tellers.remove(bench.sms)
    bench.asks_for_changes()
    assert perform_one(bench) == Discard(
        "no_account", "the workspace has no account for this channel any more"
    )
