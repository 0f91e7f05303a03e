"""``History``: what is imported is stored once, before and after a sync, and never comes in."""

from dataclasses import replace
from typing import Any

from convsync_cli.sync.model.imported import PROVIDER, TakenIn
from convsync_cli.sync.model.listing import LeadFilter, Place
from convsync_cli.sync.model.message import Message
from convsync_cli.sync.model.progress import Saved

from .conftest import Agency, at, mail, sms


def history(message: Message, **changes: Any) -> Message:
    return replace(message, external_id=None, provider=PROVIDER, **changes)


def take_in(agency: Agency, lead: str, *messages: Message, when: float = 0) -> TakenIn:
    return agency.store.history.take_in("acme", lead, messages, at(when))


def test_it_is_stored_without_a_providers_id(agency: Agency) -> None:
    lead = agency.lead()
    imported = history(mail("", "Hello", 5, subject="Offer", message_id="<m@x>"))
    assert take_in(agency, lead, imported, when=9) == TakenIn(added=1)
    (stored,) = agency.stored(lead)
    assert (stored.message, stored.seen_at) == (imported, at(9))


def test_importing_again_changes_nothing_and_is_counted(agency: Agency) -> None:
    lead = agency.lead()
    messages = [history(sms("", "a")), history(sms("", "b", sent_at=None)), history(mail("", ""))]
    assert take_in(agency, lead, *messages) == TakenIn(added=3)
    before = agency.stored(lead)
    assert take_in(agency, lead, *messages, when=60) == TakenIn(unchanged=3)
    assert agency.stored(lead) == before


def test_the_same_twice_in_a_file_is_one(agency: Agency) -> None:
    lead = agency.lead()
    twice = [history(sms("", "a"))] * 2
    assert take_in(agency, lead, *twice) == TakenIn(added=1, unchanged=1)


def test_a_later_sync_heals_it_and_an_import_after_that_changes_nothing(agency: Agency) -> None:
    lead = agency.lead()
    take_in(agency, lead, history(sms("", "a", 3)))
    assert agency.save(lead, sms("1", "a")) == Saved(changed=1, healed=1)
    assert take_in(agency, lead, history(sms("", "a", 3))) == TakenIn(unchanged=1)
    assert [each.message for each in agency.stored(lead)] == [sms("1", "a")]


def test_after_a_sync_it_is_the_synced_message(agency: Agency) -> None:
    lead = agency.lead()
    agency.save(lead, mail("1", subject=None))
    imported = history(mail("", seconds=60, subject="Offer"))
    assert take_in(agency, lead, imported, when=9) == TakenIn(matched=1)
    assert take_in(agency, lead, imported, when=10) == TakenIn(unchanged=1)
    (stored,) = agency.stored(lead)
    assert (stored.message, stored.seen_at) == (mail("1", subject="Offer"), at(0))
    assert agency.save(lead, mail("1", subject=None)) == Saved(unchanged=1)


def test_the_same_words_of_two_leads_are_two_messages(agency: Agency) -> None:
    one, other = agency.lead(), agency.lead()
    for lead in (one, other):
        assert take_in(agency, lead, history(mail("", message_id="<m@x>"))) == TakenIn(added=1)


def test_it_counts_in_lists_of_leads(agency: Agency) -> None:
    lead = agency.lead()
    take_in(agency, lead, history(sms("", "a", 5)), history(mail("", "b", 9)))
    (listed,) = agency.store.listing.leads(LeadFilter(awaiting_reply=True), Place(), 9)
    assert (listed.lead.id, listed.messages) == (lead, 2)
