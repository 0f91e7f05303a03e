"""What changed in an EmailBison workspace: whom a row is about, and what its ids prove."""

import asyncio
from datetime import UTC, datetime
from itertools import count

import pytest

from convsync_cli.sync.api import Get
from convsync_cli.sync.errors import CursorLoop, Rejected, Unknown
from convsync_cli.sync.model.feed import FeedPage
from convsync_cli.sync.model.lead import Contact, Handle
from convsync_cli.sync.providers.emailbison import Reader
from tests.sync.providers import script
from tests.sync.providers.script import Script
from tests.sync.providers.test_emailbison import MAIL, NOT_FOUND, page, reply, send

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
REPLIES, SENDS = "/api/replies", "/api/scheduled-emails"
LEAD = {"id": 990, "email": MAIL, "first_name": "Lead", "last_name": "One", "company": None}


def walk(answers: Script, watermark: str | None = None) -> list[FeedPage]:
    return script.changes(Reader(), answers, watermark, None, NOW)


def replies(*rows: object, **meta: object) -> Script:
    """A workspace with one page of replies, and no campaign mails."""
    answers = Script().answers(REPLIES, page(total=len(rows)))
    return answers.answers(REPLIES, page(*rows, **meta)).answers(SENDS, page())


def ids(pages: list[FeedPage]) -> list[str]:
    """The ids of the leads that are told of."""
    return [each.external_id for told in pages for news in told.news
            for each in news.contact.handles]  # fmt: skip


def mark(*rows: object) -> str:
    """The watermark once these rows were read, newest first."""
    watermark = walk(replies(*rows))[-1].watermark
    assert watermark is not None
    return watermark


# Whom a row is about


def test_the_first_walk_learns_addresses_before_it_reads_what_names_no_lead() -> None:
    answers = replies(reply(lead_id=None, folder="Sent")).answers(SENDS, page(send(lead=LEAD)))
    pages = walk(answers)
    assert [path for path in answers.paths if path != REPLIES] == [SENDS]
    assert answers.paths[-1] == REPLIES
    assert ids(pages) == ["990"]


def test_who_wrote_a_bounce_is_not_told_of_its_lead() -> None:
    (news,) = walk(replies(reply(from_email_address="mailer-daemon@example.net")))[-1].news
    assert news.contact == Contact(handles=(Handle("emailbison", "990"),))


def asked(answers: Script) -> Contact | None:
    """Who the first reply's lead is, as the host says when asked."""
    news = walk(answers)[-1].news[0]
    assert news.ask is not None
    return asyncio.run(news.ask())  # type: ignore[arg-type]  # a coroutine


def test_whose_id_it_is_can_be_asked() -> None:
    found = asked(replies(reply()).answers("/api/leads/990", {"data": LEAD}))
    assert found is not None
    assert [address.value for address in found.addresses] == [MAIL]


def test_a_lead_that_was_deleted_is_nobody() -> None:
    gone = Unknown("api/leads/{id} answered 404", NOT_FOUND)
    assert asked(replies(reply()).answers("/api/leads/990", gone)) is None


def test_another_lead_than_asked_for_is_believed_in_nothing() -> None:
    with pytest.raises(Rejected):
        asked(replies(reply()).answers("/api/leads/990", {"data": LEAD | {"id": 991}}))


# What ids prove


def test_a_mail_that_appears_out_of_turn_is_told() -> None:
    known = mark(reply(id=12), reply(id=10))
    pages = walk(replies(reply(id=12), reply(id=11), reply(id=10)), known)
    assert ids(pages) != []


def test_the_same_page_again_is_no_news() -> None:
    known = mark(reply(id=12), reply(id=10))
    assert ids(walk(replies(reply(id=12), reply(id=10), reply(id=9)), known)) == []


def test_an_old_row_among_new_ones_ends_no_walk() -> None:
    known = mark(reply(id=10))
    answers = replies(reply(id=40), reply(id=3), reply(id=30), next_cursor="c1")
    answers.answers(REPLIES, page(reply(id=20), reply(id=10)), cursor="c1")
    assert len(ids(walk(answers, known))) == 5


def test_a_page_of_rows_without_ids_ends_no_walk() -> None:
    known = mark(reply(id=10))
    answers = replies(reply(id=...), reply(id={}), next_cursor="c1")
    answers.answers(REPLIES, page(reply(id="20"), reply(id=10)), cursor="c1")
    assert len(ids(walk(answers, known))) == 4


def test_a_list_that_is_not_newest_first_is_read_to_its_end() -> None:
    def told(*newest: int) -> Script:
        answers = replies(reply(id=1), reply(id=2), next_cursor="c1")
        return answers.answers(REPLIES, page(*(reply(id=id) for id in newest)), cursor="c1")

    known = walk(told(3))[-1].watermark
    assert len(ids(walk(told(3, 4), known))) == 4
    # The mark is the greatest id, on whichever page it stood: nothing behind it is asked for.
    assert len(walk(replies(reply(id=3), reply(id=2), next_cursor="c2"), known)) == 1


def test_pages_that_repeat_behind_new_cursors_are_an_error() -> None:
    cursors = count()

    class Deaf:
        async def ask(self, request: Get) -> object:
            return page(reply(id=20), reply(id=19), next_cursor=f"c{next(cursors)}")

    with pytest.raises(CursorLoop):
        walk(Deaf(), mark(reply(id=10)))  # type: ignore[arg-type]  # no script


def test_a_date_in_the_future_moves_nothing() -> None:
    known = mark(reply(id=10, date_received="2099-01-01T00:00:00.000000Z"))
    assert len(ids(walk(replies(reply(id=11), reply(id=10)), known))) == 2
