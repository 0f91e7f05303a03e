"""``Erasure``: who was forgotten is gone, stays away, and harms nobody who shared something."""

from collections.abc import Iterator

import pytest

from convsync_cli.sync.errors import ConvsyncError
from convsync_cli.sync.model.address import Address
from convsync_cli.sync.model.job import JobFilter
from convsync_cli.sync.model.lead import Contact, Handle, Lead, Learning, Learnt
from convsync_cli.sync.model.message import Channel
from convsync_cli.sync.model.progress import Saved, Walk, WalkEnd

from .conftest import CHANNELS, ENDINGS, NOON, Agency, email, mail, person, phone, sms

ANN = person(email("Ann@X.co"), phone("+15550100"), name="Ann", company="Acme", gohighlevel="c1")
STRANGER = "L000000000000000000"


def forget(agency: Agency, *leads: str) -> list[str]:
    return agency.store.erasure.forget(leads)


def forgotten(agency: Agency, contact: Contact = ANN, workspace: str = "acme") -> str:
    """Somebody who was there and is no more; returns the id that they had."""
    lead = agency.learn(contact, workspace).lead
    assert forget(agency, lead) == [lead]
    return lead


def told(agency: Agency, lead: str, contact: Contact) -> Learnt:
    """What a provider tells about a lead."""
    return agency.store.leads.learn_about(agency.known(lead), contact, CHANNELS, NOON)


class TestForgetting:
    def test_what_will_go_is_told_before(self, agency: Agency) -> None:
        lead = agency.learn(ANN).lead
        agency.save(lead, sms("1"), sms("2"))
        agency.save(lead, mail("3"))
        agency.finished(lead)
        agency.queued(lead, window_s=0)
        going = agency.store.erasure.belongings(lead)
        assert going is not None
        assert (going.lead, going.messages, going.jobs) == (
            agency.known(lead), {"sms": 2, "email": 1}, 2
        )  # fmt: skip

    def test_nothing_is_told_of_a_lead_that_does_not_exist(self, agency: Agency) -> None:
        assert agency.store.erasure.belongings(STRANGER) is None

    def test_all_that_was_theirs_is_gone(self, agency: Agency) -> None:
        lead = agency.learn(ANN).lead
        agency.save(lead, sms("1"), cursor="page 2")
        job = agency.finished(lead, "failed")
        agency.queued(lead)
        assert forget(agency, lead) == [lead]
        assert agency.store.leads.lead(lead) is None
        assert agency.stored(lead) == []
        assert agency.store.archive.syncs(lead) == {}
        assert agency.store.queue.jobs(JobFilter(lead=lead), 9) == []
        assert agency.tries(job) == []
        assert agency.ask(lead) == []

    def test_the_queue_is_counted_without_them(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.finished(lead, "failed")
        agency.queued(lead)
        forget(agency, lead)
        depth = agency.store.overview.queue(NOON)
        assert (set(depth.by_state.values()), depth.due) == ({0}, 0)

    def test_others_keep_all_that_is_theirs(self, agency: Agency) -> None:
        ann, bob = agency.lead(), agency.lead()
        agency.save(bob, sms("1"), cursor="page 2")
        agency.queued(bob)
        before = agency.known(bob), agency.stored(bob), agency.jobs(), _syncs(agency, bob)
        forget(agency, ann)
        assert (agency.known(bob), agency.stored(bob), agency.jobs(), _syncs(agency, bob)) == before

    def test_forgetting_again_finds_nobody(self, agency: Agency) -> None:
        lead = forgotten(agency)
        assert forget(agency, lead) == []

    def test_of_some_leads_those_go_that_there_are(self, agency: Agency) -> None:
        ann, bob = agency.lead(), agency.lead()
        assert forget(agency, ann, STRANGER, bob, ann) == [ann, bob]
        assert agency.store.leads.count("acme") == 0

    def test_a_message_that_another_lead_shares_comes_back_to_that_lead(
        self, agency: Agency
    ) -> None:
        ann, bob = agency.lead(), agency.lead()
        agency.save(ann, sms("1"))
        forget(agency, ann)
        assert agency.save(bob, sms("1")) == Saved(new=1)

    def test_it_is_unfinished_until_it_is_scrubbed(self, agency: Agency) -> None:
        assert not agency.store.erasure.unfinished
        forgotten(agency)
        assert agency.store.erasure.unfinished
        assert agency.store.erasure.scrub()
        assert not agency.store.erasure.unfinished

    def test_forgetting_nobody_leaves_nothing_to_finish(self, agency: Agency) -> None:
        forgotten(agency)
        agency.store.erasure.scrub()
        forget(agency, STRANGER)
        assert not agency.store.erasure.unfinished

    def test_scrubbing_changes_nothing_that_is_there(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1"), sms("2"))
        job = agency.queued(lead)
        before = agency.known(lead), agency.stored(lead), agency.job(job)
        agency.store.erasure.scrub()
        assert (agency.known(lead), agency.stored(lead), agency.job(job)) == before


class TestStayingAway:
    @pytest.mark.parametrize(
        "contact",
        [
            ANN,
            person(email("ann@x.co")),
            person(phone("+15550100")),
            person(gohighlevel="c1"),
            person(email("ann@x.co"), email("ann@new.co"), emailbison="7"),
            person(phone("+15550100"), email("ann@new.co")),
        ],
    )
    def test_whoever_has_anything_of_theirs_is_not_added(
        self, agency: Agency, contact: Contact
    ) -> None:
        forgotten(agency)
        learnt = agency.learn(contact)
        assert (learnt.answer, learnt.forgotten > 0) == ("forgotten", True)
        assert agency.store.leads.count("acme") == 0

    def test_who_was_only_known_as_typed_stays_away(self, agency: Agency) -> None:
        typed = person(phone("call me", None))
        forgotten(agency, typed)
        assert agency.learn(typed).answer == "forgotten"
        assert agency.learn(person(phone("call me", None), email("b@x.co"))).answer == "added"

    def test_somebody_else_is_added(self, agency: Agency) -> None:
        forgotten(agency)
        other = person(email("bob@x.co"), phone("+15550101"), gohighlevel="c2")
        assert agency.learn(other).answer == "added"

    def test_an_id_at_another_provider_is_another_id(self, agency: Agency) -> None:
        forgotten(agency, person(gohighlevel="7"))
        assert agency.learn(person(emailbison="7")).answer == "added"

    def test_an_email_is_no_phone(self, agency: Agency) -> None:
        forgotten(agency, person(email("+15550100", "+15550100")))
        assert agency.learn(person(phone("+15550100"))).answer == "added"

    def test_another_workspace_forgets_nobody(self, agency: Agency) -> None:
        beta = agency.learn(ANN, "beta").lead
        forgotten(agency)
        assert agency.known(beta).addresses == ANN.addresses
        assert agency.learn(ANN, "gamma").answer == "added"

    def test_another_process_knows_at_once(self, agency: Agency, neighbour: Agency) -> None:
        neighbour.learn(person(email("bob@x.co")))
        forgotten(agency)
        assert neighbour.learn(ANN).answer == "forgotten"

    def test_many_who_were_forgotten_all_stay_away(self, agency: Agency) -> None:
        people = [person(email(f"p{i}@x.co"), gohighlevel=f"c{i}") for i in range(50)]
        leads = [agency.learn(each).lead for each in people]
        assert forget(agency, *leads) == leads
        assert {agency.learn(each).answer for each in people} == {"forgotten"}


class TestOtherLeads:
    """An address of somebody who was forgotten is no other lead's either, whoever tells it."""

    @pytest.mark.parametrize("name", [email("ann@x.co"), phone("+15550100"), Handle("p", "1")])
    def test_it_is_not_added_to_another_lead(self, agency: Agency, name: Handle | Address) -> None:
        forgotten(agency, person(email("ann@x.co"), phone("+15550100"), p="1"))
        bob = agency.lead(email("bob@x.co"))
        before = agency.known(bob)
        with_it = Contact(
            addresses=(email("bob@x.co"), *(() if isinstance(name, Handle) else (name,))),
            handles=(name,) if isinstance(name, Handle) else (),
        )
        assert agency.learn(with_it) == Learnt(bob, Learning.UNCHANGED, forgotten=1)
        assert told(agency, bob, with_it) == Learnt(bob, Learning.UNCHANGED, forgotten=1)
        assert agency.known(bob) == before

    def test_the_rest_of_what_was_told_is(self, agency: Agency) -> None:
        forgotten(agency)
        bob = agency.lead(email("bob@x.co"))
        told(agency, bob, person(phone("+15550100"), phone("+15550101"), name="Bob"))
        known = agency.known(bob)
        assert (known.name, [a.raw for a in known.addresses]) == ("Bob", ["bob@x.co", "+15550101"])

    @pytest.mark.parametrize("raw", ["+15550100", "+1 555-0100", "(1) 555 0100", "5550100"])
    def test_a_shared_phone_that_was_kept_as_text_goes_too(self, agency: Agency, raw: str) -> None:
        ann = agency.learn(ANN).lead
        bob = agency.learn(person(email("bob@x.co"), phone(raw, "+15550100"))).lead
        assert [a.raw for a in agency.known(bob).addresses] == ["bob@x.co", raw]
        forget(agency, ann)
        assert [a.raw for a in agency.known(bob).addresses] == ["bob@x.co"]

    def test_a_shared_mail_address_that_was_kept_as_text_goes_too(self, agency: Agency) -> None:
        ann = agency.learn(ANN).lead
        bob = agency.learn(person(gohighlevel="c2")).lead
        told(agency, bob, person(email("ANN@x.co")))
        assert agency.known(bob).addresses != ()
        forget(agency, ann)
        assert agency.known(bob).addresses == ()

    def test_what_others_typed_themselves_stays(self, agency: Agency) -> None:
        typed = person(phone("call me", None), email("bob@x.co"))
        bob = agency.learn(typed).lead
        forgotten(agency, person(phone("call me", None), phone("+15550100")))
        assert agency.known(bob).addresses == typed.addresses


class TestFoundAgain:
    """A lead of which only an id is known may turn out to be who was forgotten."""

    def test_what_is_told_of_them_is_not_stored(self, agency: Agency) -> None:
        forgotten(agency)
        lead = agency.lead(gohighlevel="c9")
        learnt = told(agency, lead, person(email("ann@x.co"), name="Ann", gohighlevel="c9"))
        assert (learnt.lead, learnt.answer) == (lead, "forgotten")
        assert (agency.known(lead).name, agency.known(lead).addresses) == (None, ())

    def test_somebody_with_a_mail_address_of_their_own_is_another(self, agency: Agency) -> None:
        forgotten(agency)
        lead = agency.lead(gohighlevel="c9")
        shared = person(email("bob@x.co"), phone("+15550100"), gohighlevel="c9")
        assert told(agency, lead, shared).answer == "updated"


class TestTakingBack:
    def test_who_is_taken_back_can_be_added_with_all_that_was_theirs(self, agency: Agency) -> None:
        forgotten(agency)
        assert agency.store.erasure.recall("acme", person(email("ann@x.co")))
        assert agency.learn(ANN).answer == "added"

    def test_others_stay_forgotten(self, agency: Agency) -> None:
        forgotten(agency)
        forgotten(agency, person(email("bob@x.co")))
        agency.store.erasure.recall("acme", ANN)
        assert agency.learn(person(email("bob@x.co"))).answer == "forgotten"

    def test_there_may_be_nobody_to_take_back(self, agency: Agency) -> None:
        assert not agency.store.erasure.recall("acme", ANN)
        forgotten(agency, person(email("bob@x.co")))
        assert not agency.store.erasure.recall("acme", ANN)

    def test_who_is_forgotten_again_stays_away_again(self, agency: Agency) -> None:
        forgotten(agency)
        agency.store.erasure.recall("acme", ANN)
        forgotten(agency)
        assert agency.learn(ANN).answer == "forgotten"


class TestARunningJob:
    @pytest.fixture
    def lead(self, agency: Agency) -> Iterator[Lead]:
        """Somebody who is being read, and forgotten meanwhile."""
        id = agency.lead(email("ann@x.co"))
        lead = agency.known(id)
        agency.queued(id)
        claim = agency.take()
        assert claim.lead == id
        agency.store.erasure.forget([id])
        yield lead
        assert agency.settle(claim, ENDINGS["done"]) is False
        assert agency.store.leads.lead(id) is None
        assert (agency.stored(id), agency.store.archive.syncs(id)) == ([], {})
        assert agency.jobs() == []

    def test_it_can_save_no_page(self, agency: Agency, lead: Lead) -> None:
        walk = Walk(NOON, "page 2")
        assert agency.store.archive.save_page(lead, Channel.SMS, [sms("1")], walk, NOON) == Saved()

    def test_it_can_write_down_no_end(self, agency: Agency, lead: Lead) -> None:
        agency.store.archive.finish(lead, Channel.SMS, outcome=WalkEnd.SYNCED, synced_at=NOON)

    def test_it_can_tell_nothing_about_them(self, agency: Agency, lead: Lead) -> None:
        learnt = agency.store.leads.learn_about(lead, ANN, CHANNELS, NOON)
        assert (learnt.lead, learnt.answer) == (lead.id, "forgotten")

    def test_it_is_not_rescued(self, agency: Agency, lead: Lead) -> None:
        assert agency.rescue(1e6, orphaned=True) == 0


def test_forgetting_that_fails_half_way_forgets_nothing(agency: Agency) -> None:
    lead = agency.learn(ANN).lead
    agency.save(lead, sms("1"))
    with pytest.raises(ConvsyncError), agency.store.transaction():
        forget(agency, lead)
        raise ConvsyncError("the power went")
    assert agency.learn(ANN) == Learnt(lead, Learning.UNCHANGED)
    assert len(agency.stored(lead)) == 1


def _syncs(agency: Agency, lead: str) -> object:
    return agency.store.archive.syncs(lead)
