"""``Listing``: what operators ask about many leads, from counts that are always right."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from convsync_cli.sync.instant import to_text
from convsync_cli.sync.model.listing import LeadFilter, Listed, Place
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.model.progress import Stored, WalkEnd

from .conftest import DAY_S, Agency, at, email, mail, phone, sms

OUT: dict[str, Any] = {"direction": Direction.OUTBOUND}
NOT_KNOWN: dict[str, Any] = {"direction": Direction.UNKNOWN}
STEPS = 120


def every(agency: Agency, batch: int = 2, **wanted: Any) -> list[Listed]:
    """The whole list, fetched in batches."""
    found: list[Listed] = []
    after = Place()
    while some := agency.store.listing.leads(LeadFilter(**wanted), after, batch):
        assert len(some) <= batch
        found += some
        after = some[-1].place
    return found


def leads(agency: Agency, **wanted: Any) -> list[str]:
    return [each.lead.id for each in every(agency, **wanted)]


def read(agency: Agency, lead: str, channel: Channel = Channel.SMS, when: float = 0) -> None:
    """A channel of a lead is read to its end."""
    agency.store.archive.finish(
        agency.known(lead), channel, outcome=WalkEnd.SYNCED, synced_at=at(when)
    )


def failed(agency: Agency, lead: str, channel: Channel = Channel.SMS) -> None:
    agency.store.archive.finish(agency.known(lead), channel, outcome=WalkEnd.FAILED, code="timeout")


def texted(agency: Agency, *messages: Message, number: int = 0) -> str:
    """A lead that can be followed by SMS only, with a conversation."""
    lead = agency.lead(phone(f"+1555010{number or agency.store.leads.count('acme'):04d}"))
    if messages:
        agency.save(lead, *messages)
    return lead


class TestWhatIsTold:
    def test_a_lead_comes_with_all_that_finds_it(self, agency: Agency) -> None:
        lead = agency.lead(email("b@x.co"), email("a@x.co"), gohighlevel="c1", emailbison="7")
        (listed,) = every(agency)
        assert listed.lead == agency.known(lead)

    def test_messages_are_counted_and_the_last_ones_dated(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1", seconds=10), sms("2", seconds=30, **OUT), sms("3", seconds=20))
        agency.save(lead, mail("4", seconds=40), mail("5", seconds=90, **NOT_KNOWN))
        (both,) = every(agency)
        (texts,) = every(agency, channel=Channel.SMS)
        assert (both.messages, both.last_inbound_at, both.last_outbound_at) == _told(5, 40, 30)
        assert (texts.messages, texts.last_inbound_at, texts.last_outbound_at) == _told(3, 20, 30)

    def test_a_lead_without_messages_has_none(self, agency: Agency) -> None:
        agency.lead()
        (listed,) = every(agency)
        assert (listed.messages, listed.last_inbound_at, listed.last_outbound_at) == (0, None, None)

    def test_it_is_as_current_as_the_channel_that_was_read_longest_ago(
        self, agency: Agency
    ) -> None:
        lead = agency.lead()
        read(agency, lead, Channel.SMS, 10)
        assert every(agency)[0].synced_at is None
        read(agency, lead, Channel.EMAIL, 20)
        assert every(agency)[0].synced_at == to_text(at(10))
        assert every(agency, channel=Channel.EMAIL)[0].synced_at == to_text(at(20))

    def test_all_come_in_the_order_of_adding_however_many_at_a_time(self, agency: Agency) -> None:
        added = [agency.lead() for _ in range(5)]
        assert [leads(agency, batch=batch) for batch in (1, 2, 5, 9)] == [added] * 4


class TestQuestions:
    def test_who_awaits_a_reply_comes_longest_waiting_first(self, agency: Agency) -> None:
        later = texted(agency, sms("1", seconds=5, **OUT), sms("2", seconds=50))
        texted(agency, sms("3", seconds=10), sms("4", seconds=11, **OUT))
        earlier = texted(agency, sms("5", seconds=40))
        texted(agency)
        texted(agency, sms("6", **OUT))
        assert leads(agency, awaiting_reply=True) == [earlier, later]

    def test_an_answer_on_the_other_channel_is_an_answer(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1", seconds=10))
        agency.save(lead, mail("2", seconds=20, **OUT))
        assert leads(agency, awaiting_reply=True) == []
        assert leads(agency, awaiting_reply=True, channel=Channel.SMS) == [lead]

    def test_of_two_messages_at_one_moment_the_lead_may_be_waiting(self, agency: Agency) -> None:
        lead = texted(agency, sms("1"), sms("2", **OUT))
        assert leads(agency, awaiting_reply=True) == [lead]

    def test_many_of_one_moment_come_once_each(self, agency: Agency) -> None:
        waiting = [texted(agency, sms(str(i))) for i in range(7)]
        assert leads(agency, awaiting_reply=True) == waiting

    def test_who_is_quiet_comes_quietest_first(self, agency: Agency) -> None:
        quiet = texted(agency, sms("1", seconds=20))
        quieter = texted(agency, sms("2", seconds=10, **OUT))
        texted(agency, sms("3", seconds=10), sms("4", seconds=70, **NOT_KNOWN))
        texted(agency)
        for lead in leads(agency):
            read(agency, lead, when=90)
        assert leads(agency, quiet_since=at(60)) == [quieter, quiet]

    def test_who_was_not_read_since_is_not_called_quiet(self, agency: Agency) -> None:
        wanted = LeadFilter(quiet_since=at(60))
        lead = agency.lead()
        agency.save(lead, sms("1", seconds=10))
        assert agency.store.listing.any_unread(wanted)
        read(agency, lead, Channel.SMS, 90)
        read(agency, lead, Channel.EMAIL, 59)
        assert (leads(agency, quiet_since=at(60)), agency.store.listing.any_unread(wanted)) == (
            [], True
        )  # fmt: skip
        assert leads(agency, quiet_since=at(60), channel=Channel.SMS) == [lead]
        read(agency, lead, Channel.EMAIL, 60)
        assert leads(agency, quiet_since=at(60)) == [lead]
        assert not agency.store.listing.any_unread(wanted)

    def test_who_ever_wrote_has_replied(self, agency: Agency) -> None:
        wrote = texted(agency, sms("1"), sms("2", **OUT))
        silent = texted(agency, sms("3", **OUT))
        unread = texted(agency, sms("4", **OUT))
        read(agency, wrote)
        read(agency, silent)
        assert leads(agency, replied=True) == [wrote]
        assert leads(agency, replied=False) == [silent]
        assert agency.store.listing.any_unread(LeadFilter(replied=False))
        read(agency, unread)
        assert leads(agency, replied=False) == [silent, unread]

    def test_who_cannot_be_read_is_not_called_silent(self, agency: Agency) -> None:
        agency.lead(phone("call me", None))
        assert leads(agency, replied=False) == []

    def test_who_was_never_read_on_a_channel(self, agency: Agency) -> None:
        unread, half, both = (agency.lead() for _ in range(3))
        for lead in (half, both):
            read(agency, lead, Channel.SMS)
        read(agency, both, Channel.EMAIL)
        assert leads(agency, never_synced=True) == [unread, half]
        assert leads(agency, never_synced=True, channel=Channel.SMS) == [unread]

    def test_whose_last_read_failed(self, agency: Agency) -> None:
        once, now = agency.lead(), agency.lead()
        for lead in (once, now):
            failed(agency, lead)
            failed(agency, lead, Channel.EMAIL)
        for channel in Channel:
            read(agency, once, channel)
        assert leads(agency, failed=True) == [now]
        read(agency, now)
        assert leads(agency, failed=True) == [now]
        assert leads(agency, failed=True, channel=Channel.SMS) == []

    def test_a_channel_narrows_to_those_that_can_be_followed_on_it(self, agency: Agency) -> None:
        agency.lead(phone("+15550100"))
        mailed = agency.lead()
        assert leads(agency, channel=Channel.EMAIL) == [mailed]

    @pytest.mark.parametrize(
        "wanted",
        [
            {},
            {"awaiting_reply": True},
            {"quiet_since": at(DAY_S)},
            {"never_synced": True},
            {"failed": True},
            {"replied": True},
        ],
        ids=lambda wanted: next(iter(wanted), "all"),
    )
    def test_a_workspace_narrows_every_question(
        self, agency: Agency, wanted: dict[str, object]
    ) -> None:
        for workspace in ("acme", "beta", "beta"):
            lead = agency.lead(workspace=workspace)
            agency.save(lead, sms(lead))
            read(agency, lead, when=2 * DAY_S)
            if "quiet_since" in wanted:
                read(agency, lead, Channel.EMAIL, 2 * DAY_S)
            else:
                failed(agency, lead, Channel.EMAIL)
        assert len(leads(agency, **wanted)) == 3
        assert len(leads(agency, **wanted, workspace="beta")) == 2
        assert leads(agency, **wanted, workspace="gamma") == []

    def test_questions_narrow_each_other(self, agency: Agency) -> None:
        lead = texted(agency, sms("1", seconds=10))
        texted(agency, sms("2", seconds=70))
        answered = texted(agency, sms("3", seconds=10), sms("4", seconds=11, **OUT))
        for each in leads(agency):
            read(agency, each, when=90)
        asked: dict[str, object] = {"quiet_since": at(60), "replied": True}
        assert leads(agency, **asked) == [lead, answered]
        assert leads(agency, **asked, awaiting_reply=True) == [lead]
        assert leads(agency, **asked, awaiting_reply=True, never_synced=True) == []


class TestCountsAreAlwaysRight:
    """However messages came, changed, were healed, merged or forgotten: as counted one by one."""

    @pytest.mark.parametrize("seed", range(12))
    def test_after_any_history(self, agency: Agency, seed: int) -> None:
        chance = random.Random(seed)
        people = [agency.lead() for _ in range(4)]
        for step in range(STEPS):
            if step % 40 == 39:
                agency.store.erasure.forget([people.pop()])
            lead = chance.choice(people)
            agency.save(lead, *_page(chance), when=step)
            if step % 10 == 9:
                assert _listed(agency) == _counted(agency)
        assert _listed(agency) == _counted(agency)
        assert len(people) == 1

    def test_when_a_message_that_is_stored_with_another_lead_moves(self, agency: Agency) -> None:
        ann, bob = texted(agency, sms("1", seconds=10)), texted(agency, sms("2", seconds=20))
        agency.save(bob, sms("1", seconds=50, **OUT))
        assert _listed(agency) == _counted(agency)
        assert leads(agency, awaiting_reply=True) == [bob]
        assert leads(agency) == [ann, bob]

    def test_a_page_that_is_not_stored_counts_nothing(self, agency: Agency) -> None:
        lead = texted(agency, sms("1"))
        with pytest.raises(UnicodeEncodeError):
            agency.save(lead, sms("2", "\ud83d"))
        assert _listed(agency) == _counted(agency)


def _page(chance: random.Random) -> Iterator[Message]:
    """Some messages, many of which were told before, differently or without an id."""
    make = chance.choice((sms, mail))
    for _ in range(1 + chance.randrange(3)):
        number = chance.randrange(12)
        message = make(
            None if chance.random() < 0.2 else f"{make.__name__}{number}",
            f"text {number % 3}",
            number * 40 + chance.choice((0, 0, 0, 15, 500)),
            direction=chance.choice(list(Direction)),
            status=chance.choice(("sent", "read")),
        )
        if message.channel == Channel.EMAIL:
            copies = number // 2  # of one mail; a provider does not change its mind about them
            direction = (Direction.INBOUND, Direction.OUTBOUND)[copies % 2]
            message = replace(message, message_id=f"<m{copies}>", direction=direction)
        yield replace(message, sent_at=None) if chance.random() < 0.1 else message


Summary = tuple[int, str | None, str | None]


def _listed(agency: Agency) -> dict[tuple[str, str], Summary]:
    """What lists tell of each lead: over all channels, and for each."""
    return {
        (each.lead.id, channel or ""): (
            each.messages, each.last_inbound_at, each.last_outbound_at
        )
        for channel in (None, *Channel)
        for each in every(agency, batch=100, channel=channel)
    }  # fmt: skip


def _counted(agency: Agency) -> dict[tuple[str, str], Summary]:
    """The same, counted message by message."""
    return {
        (lead, channel or ""): _summary(
            [m for m in agency.stored(lead) if channel in (None, m.message.channel)]
        )
        for lead in leads(agency)
        for channel in (None, *Channel)
        if channel is None or channel in agency.store.archive.syncs(lead)
    }


def _summary(stored: list[Stored]) -> Summary:
    def last(direction: Direction) -> str | None:
        moments = [
            m.message.sent_at or m.seen_at for m in stored if m.message.direction == direction
        ]
        return to_text(max(moments)) if moments else None

    return len(stored), last(Direction.INBOUND), last(Direction.OUTBOUND)


def _told(messages: int, inbound: float, outbound: float) -> Summary:
    return messages, to_text(at(inbound)), to_text(at(outbound))
