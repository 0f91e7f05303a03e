"""How SQLite's search stays fast: of very many matches it ranks those that were stored last."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from convsync_cli.sync.engines.sqlite import SqliteStore, open_store, search
from convsync_cli.sync.model.lead import Contact, Handle
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.model.progress import Walk
from convsync_cli.sync.model.reading import MessageFilter, Phrase
from convsync_cli.sync.searchtext import parse

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteStore]:
    """Nine messages, in a database that ranks three."""
    monkeypatch.setattr(search, "MOST_RANKED", 3)
    with closing(open_store(str(tmp_path / "convsync.db"), create=True)) as opened:
        learnt = opened.leads.learn("acme", Contact(handles=(Handle("p", "1"),)), {}, NOON)
        lead = opened.leads.lead(learnt.lead)
        assert lead is not None
        page = [
            Message(Channel.SMS, "p", str(i), Direction.INBOUND, _minute(i), f"hi {i} 世")
            for i in range(9)
        ]
        opened.archive.save_page(lead, Channel.SMS, page, Walk(NOON), NOON)
        yield opened


@pytest.mark.parametrize("text", ["hi", "世"])
def test_of_very_many_the_newest_are_ranked_and_that_is_told(store: SqliteStore, text: str) -> None:
    told = store.archive.search(parse(text), MessageFilter(), 9)
    assert [hit.stored.message.body[:4] for hit in told.hits] == ["hi 8", "hi 7", "hi 6"]
    assert (told.matches, told.partly) == (3, True)


def test_a_filter_narrows_before_that(store: SqliteStore) -> None:
    told = store.archive.search([Phrase("hi")], MessageFilter(until=_minute(3)), 9)
    assert [hit.stored.message.body[:4] for hit in told.hits] == ["hi 2", "hi 1", "hi 0"]
    assert (told.matches, told.partly) == (3, False)


def test_matches_come_newest_first_from_the_index_and_are_not_sorted(store: SqliteStore) -> None:
    ran: list[str] = []
    store._connection.raw.set_trace_callback(ran.append)
    store.archive.search([Phrase("hi")], MessageFilter("acme"), 2)
    store._connection.raw.set_trace_callback(None)
    (statement,) = [sql for sql in ran if "MATERIALIZED" in sql]
    plan = [row[3] for row in store._connection.rows(f"EXPLAIN QUERY PLAN {statement}")]
    inner = plan[: plan.index("SCAN matching")]
    assert any(step.startswith("SCAN messages_fts") for step in inner)
    assert not any("TEMP B-TREE" in step for step in inner)


def _minute(number: int) -> datetime:
    return NOON + timedelta(minutes=number)
