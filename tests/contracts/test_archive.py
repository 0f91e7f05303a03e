"""``Archive``: every message once, and the page together with the cursor behind it."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.model.progress import LeadSync, Saved, WalkEnd
from convsync_cli.sync.model.reading import MessageFilter, Phrase
from convsync_cli.sync.ports import Store
from convsync_cli.sync.searchtext import parse

from .conftest import Agency, at, mail, phone, sms

FULL = Message(
    Channel.EMAIL,
    "emailbison",
    "42",
    Direction.OUTBOUND,
    at(1.234),
    "Hello",
    sender="us@x.co",
    recipient="ann@x.co",
    subject="Offer",
    status="sent",
    thread="t1",
    message_id="<m1@x.co>",
    source="<p>Hello</p>",
    source_type="text/html",
    attachments=("https://x.co/ü.pdf", "b"),
)

# Mails that change while they are told: an id, a Message-ID and a way each go with any other.
IDS = st.sampled_from(["1", "2"])
MAILS = st.sampled_from(["<a>", "<b>"])
WAYS = st.sampled_from([Direction.INBOUND, Direction.OUTBOUND])
WORKSPACES = count()


class TestArrivals:
    def test_what_came_in_since_is_told_with_its_lead(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1"))
        before = agency.store.archive.newest()
        agency.save(lead, sms("2", seconds=5), sms("3", direction=Direction.OUTBOUND))
        agency.save(lead, mail("4", sent_at=None), sms("5", direction=Direction.UNKNOWN))
        arrivals = agency.store.archive.arrivals(before)
        assert [(each.workspace, each.lead, each.sent_at) for each in arrivals] == [
            ("acme", lead, at(5)),
            ("acme", lead, None),
        ]
        assert arrivals[0].lead_since == agency.since(lead)

    def test_a_message_that_was_known_or_healed_has_not_come_in(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1"), sms(None, "imported", 60))
        before = agency.store.archive.newest()
        assert agency.save(lead, sms("1", status="read"), sms("2", "imported", 60)).healed == 1
        assert agency.store.archive.arrivals(before) == []

    def test_an_empty_archive_has_no_newest(self, agency: Agency) -> None:
        assert (agency.store.archive.newest(), agency.store.archive.arrivals(0)) == (0, [])

    def test_a_message_is_found_by_its_number(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1"), FULL)
        for stored in agency.stored(lead):
            assert agency.store.archive.message(stored.id) == stored
        assert agency.store.archive.message(99) is None


class TestSaving:
    @pytest.mark.parametrize("message", [FULL, sms("1"), sms("1", sent_at=None), mail("1", "")])
    def test_a_message_comes_back_as_it_was(self, agency: Agency, message: Message) -> None:
        lead = agency.lead()
        agency.save(lead, message, when=9)
        (stored,) = agency.stored(lead)
        assert stored.message == message
        assert (stored.workspace, stored.lead, stored.seen_at) == ("acme", lead, at(9))

    @pytest.mark.parametrize(
        "body",
        [
            "a\x00b",
            "\x00",
            "👩‍👩‍👧 e\u0301 \u202ertl",
            "'; DROP TABLE messages; --",
            "\r\n\t\x1b[31m\x85\u2028",
            "x" * 10_000_000 + "ü",
        ],
        ids=["NUL", "only NUL", "emoji", "SQL", "controls", "10 MB"],
    )
    def test_any_body_is_kept_whole(self, agency: Agency, body: str) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1", body))
        assert agency.bodies(lead) == [body]
        assert agency.save(lead, sms("1", body)) == Saved(unchanged=1)

    def test_half_of_a_surrogate_pair_stores_nothing(self, agency: Agency) -> None:
        """``shape.text`` lets none through; if one comes, the page is refused as a whole."""
        lead = agency.lead()
        with pytest.raises(UnicodeEncodeError):
            agency.save(lead, sms("1"), sms("2", "\ud83d"), cursor="page 2")
        assert agency.stored(lead) == []
        assert agency.store.archive.syncs(lead)[Channel.SMS].cursor is None

    def test_a_page_whose_cursor_cannot_be_saved_is_not_saved(self, agency: Agency) -> None:
        lead = agency.lead()
        with pytest.raises(UnicodeEncodeError):
            agency.save(lead, sms("1"), cursor="\ud83d")
        assert agency.stored(lead) == []

    def test_a_page_and_its_cursor_are_there_together(
        self, agency: Agency, neighbour: Agency
    ) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1"), sms("2"), cursor="page 2", started=5, left_out=3)
        assert len(neighbour.stored(lead)) == 2
        assert neighbour.store.archive.syncs(lead)[Channel.SMS] == LeadSync(
            "page 2", at(5), None, None, None, 3
        )

    def test_a_page_saved_twice_is_as_saved_once(self, agency: Agency) -> None:
        lead = agency.lead()
        page = (FULL, mail("7", seconds=2), mail("8", seconds=3))
        assert agency.save(lead, *page, when=1) == Saved(new=3)
        before = agency.stored(lead)
        assert agency.save(lead, *page, when=2) == Saved(unchanged=3)
        assert agency.stored(lead) == before

    def test_a_message_twice_on_a_page_is_one(self, agency: Agency) -> None:
        lead = agency.lead()
        assert agency.save(lead, sms("1"), sms("1")) == Saved(new=1, unchanged=1)
        assert len(agency.stored(lead)) == 1

    def test_a_changed_message_is_brought_up_to_date(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1", status="sent"), sms("2"), when=1)
        assert agency.save(lead, sms("1", status="read"), sms("2"), when=2) == Saved(
            changed=1, unchanged=1
        )
        first, _ = agency.stored(lead)
        assert (first.message.status, first.seen_at) == ("read", at(1))

    def test_a_poorer_telling_erases_nothing(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, FULL)
        poorer = replace(FULL, body="", subject=None, sender=None, attachments=())
        assert agency.save(lead, poorer) == Saved(unchanged=1)
        assert agency.stored(lead)[0].message == FULL

    def test_a_message_that_is_missing_later_is_no_deletion(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1"), sms("2"))
        agency.save(lead, sms("2"))
        assert len(agency.stored(lead)) == 2

    def test_an_empty_page_still_saves_its_cursor(self, agency: Agency) -> None:
        lead = agency.lead()
        assert agency.save(lead, channel=Channel.SMS, cursor="page 3") == Saved()
        assert agency.store.archive.syncs(lead)[Channel.SMS].cursor == "page 3"


class TestOneMessage:
    def test_a_mail_that_two_mailboxes_received_is_one_under_its_smaller_id(
        self, agency: Agency
    ) -> None:
        lead = agency.lead()
        for id in ("105", "99", "110"):
            agency.save(lead, mail(id, message_id="<m1>"))
        assert [each.message.external_id for each in agency.stored(lead)] == ["99"]

    def test_the_same_message_id_in_the_other_direction_is_another_mail(
        self, agency: Agency
    ) -> None:
        lead = agency.lead()
        answer = mail("2", message_id="<m1>", direction=Direction.OUTBOUND)
        assert agency.save(lead, mail("1", message_id="<m1>"), answer) == Saved(new=2)

    def test_the_same_message_id_with_another_lead_is_another_mail(self, agency: Agency) -> None:
        ann, bob = agency.lead(), agency.lead()
        agency.save(ann, mail("1", message_id="<m1>"))
        assert agency.save(bob, mail("2", message_id="<m1>")) == Saved(new=1)

    def test_a_message_of_another_lead_stays_there(self, agency: Agency) -> None:
        ann, bob = agency.lead(), agency.lead()
        agency.save(ann, sms("1"))
        assert agency.save(bob, sms("1")) == Saved(unchanged=1)
        assert (len(agency.stored(ann)), agency.stored(bob)) == (1, [])

    def test_the_same_id_in_another_workspace_is_another_message(self, agency: Agency) -> None:
        for workspace in ("acme", "beta"):
            lead = agency.lead(workspace=workspace)
            assert agency.save(lead, sms("1")) == Saved(new=1)

    def test_the_same_id_at_another_provider_is_another_message(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1"))
        assert agency.save(lead, replace(sms("1"), provider="other")) == Saved(new=1)

    def test_ids_that_look_like_numbers_are_compared_as_text(self, agency: Agency) -> None:
        lead = agency.lead()
        page = [sms(id) for id in ("1", "01", "1.0", "1e0")]
        assert agency.save(lead, *page) == Saved(new=4)
        assert agency.save(lead, *page) == Saved(unchanged=4)

    @pytest.mark.parametrize("id", ["ü", "👩‍🚀", 'q"\\', "a/b?c", "x" * 2_000])
    def test_any_id_is_found_again(self, agency: Agency, id: str) -> None:
        lead = agency.lead()
        agency.save(lead, sms(id))
        assert agency.save(lead, sms(id)) == Saved(unchanged=1)

    def test_an_id_that_goes_to_another_message_is_there_once(self, agency: Agency) -> None:
        """The smaller copy takes the stored one's place; that one has turned out to be ours."""
        lead = agency.lead()
        agency.save(lead, mail("2", message_id="<m>"))
        answer = mail("2", message_id="<m>", direction=Direction.OUTBOUND)
        assert agency.save(lead, mail("1", message_id="<m>"), answer) == Saved(new=1, changed=1)
        assert sorted(str(each.message.external_id) for each in agency.stored(lead)) == ["1", "2"]

    @given(
        st.lists(st.builds(mail, st.none(), message_id=MAILS, direction=WAYS), max_size=2),
        st.lists(
            st.lists(st.builds(mail, IDS, message_id=MAILS, direction=WAYS), min_size=1), max_size=3
        ),
    )
    @settings(
        max_examples=150,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_whatever_changes_in_a_telling_no_page_is_refused(
        self, agency: Agency, history: list[Message], pages: list[list[Message]]
    ) -> None:
        lead = agency.lead(workspace=f"workspace {next(WORKSPACES)}")
        for page in filter(None, [history, *pages]):
            agency.save(lead, *page)
        told = {message.external_id for page in pages for message in page}
        assert {each.message.external_id for each in agency.stored(lead)} <= told | {None}

    def test_imported_history_is_healed_and_not_doubled(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms(None, "hi", 30))
        assert agency.save(lead, sms("1", "hi", 0)) == Saved(changed=1, healed=1)
        assert [each.message for each in agency.stored(lead)] == [sms("1", "hi", 0)]

    def test_the_history_of_another_lead_heals_nothing(self, agency: Agency) -> None:
        ann, bob = agency.lead(), agency.lead()
        agency.save(ann, sms(None, "hi"))
        assert agency.save(bob, sms("1", "hi")) == Saved(new=1)

    def test_the_history_of_another_channel_heals_nothing(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, mail(None, "hi"))
        assert agency.save(lead, sms("1", "hi")) == Saved(new=1)


class TestHowFar:
    def test_a_channel_that_is_open_and_never_read_says_so(self, agency: Agency) -> None:
        never = LeadSync(None, None, None, None, None, 0)
        assert agency.store.archive.syncs(agency.lead()) == {
            Channel.SMS: never, Channel.EMAIL: never
        }  # fmt: skip

    def test_a_lead_that_does_not_exist_has_no_channels(self, agency: Agency) -> None:
        assert agency.store.archive.syncs("L000000000000000000") == {}

    def test_the_end_of_a_conversation_takes_the_cursor_away(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1"), cursor="page 2", started=5)
        finish(agency, lead, outcome=WalkEnd.SYNCED, synced=5)
        sync = agency.store.archive.syncs(lead)[Channel.SMS]
        assert (sync.cursor, sync.synced_at, sync.outcome) == (None, at(5), "synced")

    def test_a_read_that_failed_keeps_its_cursor(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1"), cursor="page 2", started=5)
        finish(agency, lead, outcome=WalkEnd.FAILED, code="timeout")
        sync = agency.store.archive.syncs(lead)[Channel.SMS]
        assert (sync.cursor, sync.walk_started_at) == ("page 2", at(5))
        assert (sync.outcome, sync.error_code, sync.synced_at) == ("failed", "timeout", None)

    def test_a_read_that_failed_does_not_forget_an_earlier_one(self, agency: Agency) -> None:
        lead = agency.lead()
        finish(agency, lead, outcome=WalkEnd.SYNCED, synced=5)
        finish(agency, lead, outcome=WalkEnd.FAILED, code="timeout")
        assert agency.store.archive.syncs(lead)[Channel.SMS].synced_at == at(5)

    def test_a_read_that_succeeded_forgets_an_earlier_failure(self, agency: Agency) -> None:
        lead = agency.lead()
        finish(agency, lead, outcome=WalkEnd.FAILED, code="timeout")
        finish(agency, lead, outcome=WalkEnd.SYNCED, synced=5)
        sync = agency.store.archive.syncs(lead)[Channel.SMS]
        assert (sync.outcome, sync.error_code) == ("synced", None)

    def test_the_last_page_takes_the_cursor_away(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1"), cursor="page 2")
        agency.save(lead, sms("2"), cursor=None)
        assert agency.store.archive.syncs(lead)[Channel.SMS].cursor is None

    def test_the_last_page_can_bring_the_news_that_it_was_the_last(self, agency: Agency) -> None:
        lead = agency.lead()
        finish(agency, lead, outcome=WalkEnd.FAILED, code="timeout")
        agency.save(lead, sms("1"), cursor=None, started=5, synced=5)
        sync = agency.store.archive.syncs(lead)[Channel.SMS]
        assert (sync.synced_at, sync.outcome, sync.error_code) == (at(5), "synced", None)

    def test_a_page_before_the_last_forgets_neither_an_earlier_read_nor_its_failure(
        self, agency: Agency
    ) -> None:
        lead = agency.lead()
        finish(agency, lead, outcome=WalkEnd.SYNCED, synced=5)
        finish(agency, lead, outcome=WalkEnd.FAILED, code="timeout")
        agency.save(lead, sms("1"), cursor="page 2", started=9)
        sync = agency.store.archive.syncs(lead)[Channel.SMS]
        assert (sync.synced_at, sync.outcome, sync.error_code) == (at(5), "failed", "timeout")

    def test_a_page_of_any_length_is_stored_whole(self, agency: Agency) -> None:
        lead = agency.lead()
        texts = [f"text {number}" for number in range(250)]
        page = [sms(str(number), text, number) for number, text in enumerate(texts)]
        assert agency.save(lead, *page) == Saved(new=250)
        assert agency.bodies(lead) == texts

    def test_channels_are_told_apart(self, agency: Agency) -> None:
        lead = agency.lead()
        finish(agency, lead, outcome=WalkEnd.SYNCED, synced=5)
        assert agency.store.archive.syncs(lead)[Channel.EMAIL].synced_at is None

    def test_leads_are_told_apart(self, agency: Agency) -> None:
        ann, bob = agency.lead(), agency.lead()
        agency.save(ann, sms("1"), cursor="page 2")
        finish(agency, ann, outcome=WalkEnd.FAILED, code="timeout")
        assert agency.store.archive.syncs(bob)[Channel.SMS] == LeadSync(*(None,) * 5, 0)

    def test_a_channel_that_was_never_opened_can_be_read(self, agency: Agency) -> None:
        lead = agency.lead(phone("+15550100"))
        agency.save(lead, mail("1"))
        assert Channel.EMAIL in agency.store.archive.syncs(lead)


class TestReading:
    def test_a_conversation_comes_oldest_first(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("3", "c", 30), sms("1", "a", 10))
        agency.save(lead, mail("2", "b", 20))
        assert agency.bodies(lead) == ["a", "b", "c"]

    def test_a_message_without_a_date_stands_where_it_was_first_seen(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1", "early", 10), sms("2", "late", 30))
        agency.save(lead, sms("3", "undated", sent_at=None), when=20)
        assert agency.bodies(lead) == ["early", "undated", "late"]

    def test_messages_of_one_moment_stay_in_the_order_of_storing(self, agency: Agency) -> None:
        lead = agency.lead()
        for id in ("9", "1", "5"):
            agency.save(lead, sms(id, id, 10))
        assert agency.bodies(lead) == ["9", "1", "5"]

    def test_a_conversation_has_no_message_of_another_lead(self, agency: Agency) -> None:
        ann, bob = agency.lead(), agency.lead()
        agency.save(ann, sms("1", "for ann"))
        agency.save(bob, sms("2", "for bob"))
        assert agency.bodies(bob) == ["for bob"]

    @pytest.mark.parametrize(
        ("workspace", "leads", "bodies"),
        [
            (None, None, ["c", "a", "b"]),
            ("acme", None, ["c", "a"]),
            ("beta", None, ["b"]),
            (None, [0, 2], ["a", "b"]),
            ("acme", [0, 2], ["a"]),
            (None, [], []),
        ],
    )
    def test_an_export_has_what_was_asked_for_in_the_order_of_storing(
        self, agency: Agency, workspace: str | None, leads: list[int] | None, bodies: list[str]
    ) -> None:
        ann, cid = agency.lead(), agency.lead()
        bob = agency.lead(workspace="beta")
        agency.save(cid, sms("1", "c", 3))
        agency.save(ann, sms("2", "a", 1))
        agency.save(bob, sms("3", "b"))
        wanted = None if leads is None else tuple((ann, cid, bob)[i] for i in leads)
        found = agency.store.archive.messages(MessageFilter(workspace, wanted))
        assert [each.message.body for each in found] == bodies

    def test_an_export_never_holds_all_messages_in_memory(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, *(sms(str(i), "x" * 40_000) for i in range(500)))  # 20 MB
        tracemalloc.start()
        count = sum(1 for _ in agency.store.archive.messages())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == 500
        assert peak < 4_000_000

    def test_what_is_stored_during_an_export_harms_it_not(
        self, agency: Agency, neighbour: Agency
    ) -> None:
        lead = agency.lead()
        agency.save(lead, *(sms(str(i)) for i in range(200)))
        export = agency.store.archive.messages()
        first = next(export)
        neighbour.save(lead, sms("new"))
        ids = [each.id for each in (first, *export)]
        assert sorted(set(ids)) == ids
        assert len(ids) == 200


SINCE_20 = MessageFilter(since=at(20))
UNTIL_20 = MessageFilter(until=at(20))
BETWEEN = MessageFilter(since=at(15), until=at(30))
BY_MAIL = MessageFilter(channel=Channel.EMAIL)
SENT = MessageFilter(direction=Direction.OUTBOUND)
BETA = MessageFilter("beta")


class TestFilters:
    """One filter for the conversation, the export and the search."""

    @pytest.mark.parametrize(
        ("wanted", "bodies"),
        [
            (MessageFilter(), ["early", "sent", "mail", "undated"]),
            (SINCE_20, ["mail", "undated"]),
            (UNTIL_20, ["early", "sent"]),
            (BETWEEN, ["sent", "mail"]),
            (BY_MAIL, ["mail"]),
            (SENT, ["sent"]),
            (MessageFilter(channel=Channel.EMAIL, direction=Direction.OUTBOUND), []),
            (BETA, []),
            (MessageFilter(leads=()), []),
        ],
    )
    def test_narrow_alike_wherever_messages_are_read(
        self, agency: Agency, wanted: MessageFilter, bodies: list[str]
    ) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1", "early", 10), when=99)
        agency.save(lead, sms("2", "sent", 15, direction=Direction.OUTBOUND), when=99)
        agency.save(lead, mail("3", "mail", 20), when=99)
        agency.save(lead, sms("4", "undated", sent_at=None), when=30)
        archive = agency.store.archive
        assert [each.message.body for each in archive.conversation(lead, wanted)] == bodies
        assert [each.message.body for each in archive.messages(wanted)] == bodies
        found = archive.search([Phrase(body) for body in bodies[:1]], wanted, 9)
        assert [hit.stored.message.body for hit in found.hits] == bodies[:1]
        if bodies:
            own = replace(wanted, leads=(lead,))
            assert [each.message.body for each in archive.messages(own)] == bodies

    def test_the_last_of_a_conversation_are_the_last_that_fit(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, *(sms(str(i), str(i), i) for i in range(9)))
        agency.save(lead, mail("m", "mail", 8.5))
        told = agency.store.archive.conversation(lead, MessageFilter(channel=Channel.SMS), 3)
        assert [each.message.body for each in told] == ["6", "7", "8"]
        assert len(list(agency.store.archive.conversation(lead, last=99))) == 10

    def test_a_long_conversation_is_never_held_in_memory(self, agency: Agency) -> None:
        lead = agency.lead()
        page = [sms(str(i), "x", i, source="y" * 40_000) for i in range(1_000)]  # 40 MB
        agency.save(lead, *page)
        del page
        tracemalloc.start()
        count = sum(1 for _ in agency.store.archive.conversation(lead))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == 1_000
        assert peak < 12_000_000


class TestSearching:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("price", ["the price is high", "PRICE!"]),
            ("Price high", ["the price is high"]),
            ('"price is"', ["the price is high"]),
            ('"is price"', []),
            ("cafe", ["Café, at noon"]),
            ("pri*", ["the price is high", "PRICE!"]),
            ("pri", []),
            ("a@b.co", ["write to a@b.co"]),
            ("世界", ["你好世界,再见"]),
            ("世界 再见", ["你好世界,再见"]),
            ("再见世界", []),
            ("iphone手", ["新iPhone手机"]),
            ("👍", ["ok 👍🏽"]),
            ("ok 👍", ["ok 👍🏽"]),
            ("price 👍", []),
            ("offer", ["in the subject"]),
            ("NOT", ["not now"]),
            ("nothing", []),
        ],
    )
    def test_finds_the_messages_that_hold_all_words(
        self, agency: Agency, text: str, found: list[str]
    ) -> None:
        lead = agency.lead()
        bodies = ["the price is high", "PRICE!", "Café, at noon", "write to a@b.co"]
        bodies += ["你好世界,再见", "新iPhone手机", "ok 👍🏽", "not now"]
        agency.save(lead, *(sms(str(i), body) for i, body in enumerate(bodies)))
        agency.save(lead, mail("m", "in the subject", subject="Offer"))
        told = agency.store.archive.search(parse(text), MessageFilter(), 9)
        assert sorted(hit.stored.message.body for hit in told.hits) == sorted(found)
        assert (told.matches, told.partly) == (len(found), False)

    @given(text=st.text(st.characters(codec=None)) | st.text('"*()^-:+{}\\ANDORTNE a'))
    @settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_no_text_is_an_error(self, agency: Agency, text: str) -> None:
        if phrases := parse(text):
            agency.store.archive.search(phrases, MessageFilter(), 9)

    def test_the_best_come_first_and_of_equals_the_newest(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1", "red one", 10), sms("2", "red two", 30), sms("3", "red six", 20))
        agency.save(lead, sms("4", "red red red", 5), sms("5", "red " + "and so on " * 50, 99))
        told = agency.store.archive.search([Phrase("red")], MessageFilter(), 9)
        bodies = [hit.stored.message.body[:7] for hit in told.hits]
        assert bodies == ["red red", "red two", "red six", "red one", "red and"]
        scores = [hit.score for hit in told.hits if hit.score is not None]
        assert scores == sorted(scores, reverse=True)
        assert len(scores) == 5

    def test_where_nothing_can_be_ranked_the_newest_come_first(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, *(sms(str(i), f"世界{i}", i) for i in (3, 9, 6)))
        told = agency.store.archive.search(parse("世界"), MessageFilter(), 2)
        assert [hit.stored.message.body for hit in told.hits] == ["世界9", "世界6"]
        assert [hit.score for hit in told.hits] == [None, None]
        assert told.matches == 3

    @pytest.mark.parametrize(
        ("text", "body", "excerpt"),
        [
            ("two", "one two three", [("one ", False), ("two", True), (" three", False)]),
            ('"one two"', "One, two!", [("One, two", True), ("!", False)]),
            ("世", "x世y世", [("x", False), ("世", True), ("y", False), ("世", True)]),
            ("ok 👍", "ok 👍", [("ok", True), (" ", False), ("👍", True)]),
        ],
    )
    def test_an_excerpt_marks_what_was_found(
        self, agency: Agency, text: str, body: str, excerpt: list[tuple[str, bool]]
    ) -> None:
        agency.save(agency.lead(), sms("1", body))
        (hit,) = agency.store.archive.search(parse(text), MessageFilter(), 9).hits
        assert list(hit.excerpt) == excerpt

    @pytest.mark.parametrize("text", ["needle", "针"])
    def test_an_excerpt_of_a_long_text_is_short(self, agency: Agency, text: str) -> None:
        agency.save(agency.lead(), sms("1", f"{'hay ' * 5_000}{text}{' hay' * 5_000}"))
        (hit,) = agency.store.archive.search(parse(text), MessageFilter(), 9).hits
        assert (text, True) in hit.excerpt
        assert len("".join(piece for piece, _ in hit.excerpt)) < 300
        assert hit.excerpt[0][0].startswith("…")
        assert hit.excerpt[-1][0].endswith("…")

    def test_a_changed_message_is_found_as_it_is_now(self, agency: Agency) -> None:
        lead = agency.lead()
        agency.save(lead, sms("1", "before"))
        agency.save(lead, sms("1", "after"))
        found = [
            len(agency.store.archive.search([Phrase(word)], MessageFilter(), 9).hits)
            for word in ("before", "after")
        ]
        assert found == [0, 1]


def test_thousands_of_messages_are_stored_in_one_page(agency: Agency) -> None:
    lead = agency.lead()
    page = [sms(f"{i:05d}", f"number {i}", i) for i in range(5_000)]
    assert agency.save(lead, *page) == Saved(new=5_000)
    assert agency.save(lead, *page) == Saved(unchanged=5_000)
    assert agency.bodies(lead) == [message.body for message in page]


def test_a_store_opened_again_has_every_message(
    agency: Agency, open_again: Callable[[], Store]
) -> None:
    lead = agency.lead()
    agency.save(lead, FULL)
    agency.store.close()
    assert [each.message for each in open_again().archive.conversation(lead)] == [FULL]


def finish(
    agency: Agency,
    lead: str,
    *,
    outcome: WalkEnd,
    synced: float | None = None,
    code: str | None = None,
) -> None:
    agency.store.archive.finish(
        agency.known(lead),
        Channel.SMS,
        outcome=outcome,
        synced_at=None if synced is None else at(synced),
        code=code,
    )
