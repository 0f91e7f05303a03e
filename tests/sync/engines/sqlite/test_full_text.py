"""The full text index: every word of every message, whatever becomes of it."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from convsync_cli.sync.engines.sqlite import SqliteStore, open_store
from convsync_cli.sync.model.address import Address, AddressKind
from convsync_cli.sync.model.lead import Contact
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.model.progress import Walk

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OFFER = Message(Channel.SMS, "p", "1", Direction.OUTBOUND, NOON, "an ordinary offer", status="sent")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(open_store(str(tmp_path / "convsync.db"), create=True)) as opened:
        ann = Contact(addresses=(Address(AddressKind.EMAIL, "a@x.co", "a@x.co"),))
        opened.leads.learn("acme", ann, {}, NOON)
        yield opened
        check = "INSERT INTO messages_fts (messages_fts, rank) VALUES ('integrity-check', 1)"
        opened._connection.execute(check)  # raises where index and messages differ


def save(store: SqliteStore, messages: Sequence[Message]) -> list[str]:
    """Store a page; returns the statements that wrote into the index."""
    (lead,) = store.leads.leads("acme", "", 1)
    ran: list[str] = []
    store._connection.raw.set_trace_callback(ran.append)
    store.archive.save_page(lead, Channel.SMS, messages, Walk(NOON), NOON)
    store._connection.raw.set_trace_callback(None)
    return [sql for sql in ran if "INTO messages_fts" in sql or "_fts_data" in sql]


def found(store: SqliteStore, words: str) -> int:
    count: int = store._connection.value(
        "SELECT count(*) FROM messages_fts WHERE messages_fts MATCH ?", (words,)
    )
    return count


def test_every_message_of_a_page_is_found_by_its_words(store: SqliteStore) -> None:
    save(store, [replace(OFFER, external_id=str(n), body=f"offer {n} made") for n in range(250)])
    assert (found(store, "offer"), found(store, '"249 made"')) == (250, 1)


def test_a_text_that_changed_is_found_by_its_new_words_only(store: SqliteStore) -> None:
    save(store, [OFFER])
    save(store, [replace(OFFER, body="an extraordinary offer")])
    assert (found(store, "ordinary"), found(store, "extraordinary")) == (0, 1)


def test_a_message_of_which_the_texts_stay_is_not_indexed_again(store: SqliteStore) -> None:
    save(store, [OFFER])
    assert save(store, [replace(OFFER, status="delivered")]) == []
    assert found(store, "ordinary") == 1


def test_a_message_that_is_deleted_is_found_no_more(store: SqliteStore) -> None:
    save(store, [OFFER])
    store._connection.execute("DELETE FROM leads")
    assert found(store, "ordinary") == 0
