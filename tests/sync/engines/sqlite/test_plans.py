"""Every hot statement goes by its index: nothing becomes slow because the queue is long.

What is looked at is what a store really runs: its statements are traced, then explained.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from convsync_cli.sync.engines.sqlite import SqliteStore, open_store
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.job import Effort, JobFilter, JobState, Settlement
from convsync_cli.sync.model.lead import Contact, Handle
from convsync_cli.sync.model.listing import LeadFilter, Place
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.model.pause import PauseReason
from convsync_cli.sync.model.placing import Priority, Terms
from convsync_cli.sync.model.progress import Walk, WalkEnd
from convsync_cli.sync.model.query import Query
from convsync_cli.sync.model.reading import MessageFilter, Phrase

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACCOUNT = Account("acme", Channel.SMS, "gohighlevel", "https://x.co", Rate(9, 1), None)
CHANNELS = {"gohighlevel": Channel.SMS}
DONE = Settlement("done", JobState.SUCCEEDED)
LARGE = {
    "jobs", "attempts", "leads", "addresses", "handles", "messages", "lead_syncs", "rollups",
    "forgotten",
}  # fmt: skip

_STEP = re.compile(r"(SCAN|SEARCH) (\S+)(?: USING (?:COVERING )?INDEX (\S+))?")

Act = Callable[[SqliteStore], object]


def terms(priority: Priority = Priority.MANUAL) -> Terms:
    return Terms(priority, 300, 3, NOON)


def claim_and_settle(store: SqliteStore) -> None:
    claim = store.queue.claim(1, ["acme", "beta"], NOON, NOON + timedelta(seconds=90))
    assert claim is not None
    assert store.queue.settle(1, claim, DONE, Effort(), NOON)


def save(store: SqliteStore) -> None:
    (lead,) = store.leads.leads("acme", "", 1)
    message = Message(Channel.SMS, "p", "1", Direction.INBOUND, NOON, "hi", message_id="<m>")
    store.archive.save_page(lead, Channel.SMS, [message], Walk(NOON), NOON)
    store.archive.save_page(lead, Channel.SMS, [message], Walk(NOON), NOON)
    store.archive.finish(lead, Channel.SMS, outcome=WalkEnd.SYNCED, synced_at=NOON)


def asked(**wanted: Any) -> Act:
    return lambda store: (
        store.listing.leads(LeadFilter(**wanted), Place(), 5),
        store.listing.leads(LeadFilter(**wanted, channel=Channel.SMS), Place("2026", "L1"), 5),
        store.listing.any_unread(LeadFilter(**wanted)),
    )


def forget_and_learn_again(store: SqliteStore) -> None:
    (lead,) = store.leads.leads("acme", "", 1)
    assert store.erasure.belongings(lead.id)
    contact = Contact(handles=lead.handles)
    store.erasure.forget([lead.id])
    assert store.leads.learn("acme", contact, CHANNELS, NOON).answer == "forgotten"
    assert store.erasure.recall("acme", contact)


def use_an_account(store: SqliteStore) -> None:
    store.accounts.take(ACCOUNT, NOON, 3600.0)
    store.accounts.pause(ACCOUNT, PauseReason.OPERATOR, "off", None, NOON)
    store.accounts.resume("acme", "sms", NOON)


HOT: dict[str, tuple[Act, set[str]]] = {
    "enqueue": (
        lambda store: store.intake.enqueue(_ids(store), terms()),
        {"jobs_live", "jobs_recent"},
    ),
    "sweep": (
        lambda store: store.intake.sweep("acme", ["sms"], None, "", 5, terms(Priority.BULK)),
        {"jobs_live", "jobs_recent", "leads_workspace"},
    ),
    "claim and settle": (claim_and_settle, {"jobs_due", "jobs_running"}),
    "due": (lambda store: store.queue.due(["acme"], NOON), {"jobs_due"}),
    "prune": (
        lambda store: store.queue.prune(JobState.SUCCEEDED, NOON, 5),
        {"jobs_finished"},
    ),
    "cancel": (lambda store: store.queue.cancel([1], NOON), set()),
    "retry": (lambda store: store.queue.retry([1], NOON), set()),
    "make due": (lambda store: store.queue.make_due("acme", NOON), {"jobs_due"}),
    "job": (lambda store: (store.queue.job(1), store.queue.attempts(1)), set()),
    "live": (lambda store: store.queue.live([1, 2]), set()),
    "errors": (lambda store: store.overview.errors(NOON), {"attempts_failed"}),
    "timeouts": (lambda store: store.queue.timeouts(NOON), {"attempts_failed"}),
    "status": (
        lambda store: (
            store.overview.queue(NOON),
            store.overview.throughput(NOON, 60),
            store.overview.ages("acme", "sms", NOON),
            store.runs.last(),
        ),
        {"jobs_due", "jobs_finished", "lead_syncs_age"},
    ),
    "find": (
        lambda store: store.directory.find(
            [Query("id", "L1"), Query("address", "a", "email"), Query("handle", "c1", "p")]
        ),
        {"addresses_value"},
    ),
    "learn": (lambda store: store.leads.learn("acme", _person(7), CHANNELS, NOON), set()),
    "save": (save, {"messages_external", "messages_lead"}),
    "conversation": (
        lambda store: list(store.archive.conversation(_ids(store)[0])),
        {"messages_lead"},
    ),
    "export of some leads": (
        lambda store: list(store.archive.messages(MessageFilter(leads=tuple(_ids(store))))),
        {"messages_lead"},
    ),
    "search": (
        lambda store: store.archive.search([Phrase("hi")], MessageFilter("acme"), 5),
        set(),
    ),
    "search of some leads for what no word is": (
        lambda store: store.archive.search(
            [Phrase("世", inside=True)], MessageFilter(leads=tuple(_ids(store))), 5
        ),
        {"messages_lead"},
    ),
    "accounts": (use_an_account, set()),
    "forget": (
        forget_and_learn_again,
        {"jobs_lead", "messages_lead", "addresses_lead", "handles_lead"},
    ),
    "list": (asked(), set()),
    "list a workspace": (asked(workspace="acme"), {"leads_workspace"}),
    "list awaiting": (asked(awaiting_reply=True, workspace="acme"), {"rollups_awaiting"}),
    "list quiet": (asked(quiet_since=NOON), {"rollups_quiet", "lead_syncs_age"}),
    "list unread": (asked(never_synced=True), {"lead_syncs_never"}),
    "list failed": (asked(failed=True, replied=True), {"lead_syncs_failed"}),
    "list silent": (asked(replied=False), {"lead_syncs_age"}),
}


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "convsync.db")


@pytest.fixture
def store(path: str) -> Iterator[SqliteStore]:
    with closing(open_store(path, create=True)) as opened:
        for i in range(5):
            opened.leads.learn("acme", _person(i), CHANNELS, NOON)
        opened.intake.enqueue(_ids(opened), terms(Priority.BULK))
        yield opened


@pytest.mark.parametrize("name", HOT)
def test_no_hot_statement_reads_a_large_table_from_end_to_end(
    store: SqliteStore, name: str
) -> None:
    scanned = {
        (table, statement)
        for statement, step, table, _ in explained(store, HOT[name][0])
        if step == "SCAN" and table in LARGE
    }
    assert scanned == set()


@pytest.mark.parametrize("name", HOT)
def test_every_hot_statement_goes_by_its_index(store: SqliteStore, name: str) -> None:
    act, wanted = HOT[name]
    assert wanted <= {index for *_, index in explained(store, act)}


def test_a_rescue_looks_at_what_runs_and_what_is_delayed(store: SqliteStore) -> None:
    """What runs is gone through from end to end; what is due, however much, is passed over."""

    def rescue(store: SqliteStore) -> object:
        return store.queue.rescue(NOON, 90, orphaned=False)

    plan = explained(store, rescue)
    assert {index for _, step, table, index in plan if table in LARGE and step == "SCAN"} == {
        "jobs_running"
    }
    assert "jobs_due" in {index for *_, index in plan}


def test_a_filter_by_state_reads_no_more_than_it_shows(store: SqliteStore) -> None:
    """Newest first by number: nothing is sorted."""
    looked = traced(store, lambda store: store.queue.jobs(JobFilter(state="pending"), 5))
    plans = [
        row[3] for sql in looked for row in store._connection.rows(f"EXPLAIN QUERY PLAN {sql}")
    ]
    assert plans
    assert not any("TEMP B-TREE" in plan for plan in plans)


@pytest.mark.parametrize("name", [name for name in HOT if name.startswith("list")])
def test_a_list_comes_in_the_order_of_its_index(store: SqliteStore, name: str) -> None:
    """Nothing is sorted, so that the first of a million is there at once."""
    lists = [sql for sql in traced(store, HOT[name][0]) if "LIMIT 5" in sql]
    plans = [row[3] for sql in lists for row in store._connection.rows(f"EXPLAIN QUERY PLAN {sql}")]
    assert plans
    assert not any("TEMP B-TREE" in plan for plan in plans)


def explained(store: SqliteStore, act: Act) -> list[tuple[str, str, str, str | None]]:
    """Every step of the plan of every statement that an act runs: (SQL, step, table, index)."""
    plans = [
        (sql, row[3])
        for sql in traced(store, act)
        for row in store._connection.rows(f"EXPLAIN QUERY PLAN {sql}")
    ]
    return [
        (sql, found[1], found[2], found[3]) for sql, plan in plans if (found := _STEP.match(plan))
    ]


def traced(store: SqliteStore, act: Act) -> list[str]:
    """The statements that an act runs, with their values in them."""
    ran: list[str] = []
    store._connection.raw.set_trace_callback(ran.append)
    act(store)
    store._connection.raw.set_trace_callback(None)
    return [sql for sql in ran if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", sql)]


def _ids(store: SqliteStore) -> list[str]:
    return [lead.id for lead in store.leads.leads("acme", "", 9)]


def _person(number: int) -> Contact:
    return Contact(handles=(Handle("gohighlevel", json.dumps(number)),))
