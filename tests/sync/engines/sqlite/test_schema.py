"""Migrations: every earlier file is upgraded with all that is in it, and once."""

import multiprocessing
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
import sqlite_utils

from convsync_cli.sync.engines.sqlite import SCHEMA_VERSION, open_store
from convsync_cli.sync.engines.sqlite.connection import APPLICATION_ID
from convsync_cli.sync.engines.sqlite.schema import MIGRATIONS
from convsync_cli.sync.model.job import JobFilter
from convsync_cli.sync.ports import Store

EARLIER = range(1, len(MIGRATIONS))
NOON = "2026-03-01T12:00:00.000Z"
LEAD = "L1kfksdm00q7whbcv9z"


def write_version(path: Path, version: int) -> None:
    """Make a file as a convsync of then left it, with a row in every table it had."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for migration in MIGRATIONS[:version]:
            migration(sqlite_utils.Database(db))
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        for table, row in ROWS.items():
            if table in tables:
                db.execute(
                    f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
                    tuple(row.values()),
                )
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        db.execute(f"PRAGMA user_version={version}")


def columns_of(path: Path, table: str) -> list[str]:
    """The columns of a table: a migration may add others."""
    return [str(name) for (name,) in look(path, f"SELECT name FROM pragma_table_info('{table}')")]


ROWS: dict[str, dict[str, object]] = {
    "jobs": {
        "kind": "conversation_sync", "workspace": "acme", "lead_id": LEAD, "dedupe_key": "k",
        "state": "succeeded", "priority": 0, "run_at": NOON, "attempts": 1, "max_attempts": 3,
        "created_at": NOON, "requested_at": NOON, "finished_at": NOON,
    },
    "attempts": {
        "job": 1, "number": 1, "started_at": NOON, "ended_at": NOON, "outcome": "done",
    },
    "runs": {"host": "h", "pid": 7, "started_at": NOON, "budget_s": 50.0},
    "leads": {
        "id": LEAD, "workspace": "acme", "name": "Ann", "created_at": NOON, "updated_at": NOON,
    },
    "addresses": {
        "lead_id": LEAD, "workspace": "acme", "kind": "email", "value": "a@x.co", "raw": "A@x.co",
    },
    "handles": {
        "external_id": "c1", "provider": "gohighlevel", "workspace": "acme", "lead_id": LEAD,
    },
    "messages": {
        "workspace": "acme", "lead_id": LEAD, "channel": "sms", "provider": "gohighlevel",
        "external_id": "m1", "direction": "inbound", "seen_at": NOON, "updated_at": NOON,
        "subject": "Ångström", "body": "see you",
    },
    "lead_syncs": {"lead_id": LEAD, "channel": "sms", "workspace": "acme", "cursor": "page 2"},
    "accounts": {"workspace": "acme", "channel": "sms", "provider": "p", "reason": "operator"},
}  # fmt: skip


@contextmanager
def upgraded(path: Path, version: int) -> Iterator[Store]:
    write_version(path, version)
    with closing(open_store(str(path))) as store:
        yield store


def look(path: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(question).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "convsync.db"


def test_the_version_that_opening_knows_is_that_of_the_last_migration() -> None:
    assert len(MIGRATIONS) == SCHEMA_VERSION


@pytest.mark.parametrize("version", EARLIER)
class TestAnEarlierFile:
    def test_it_becomes_what_a_new_one_is(self, tmp_path: Path, path: Path, version: int) -> None:
        made_new = tmp_path / "new.db"
        open_store(str(made_new), create=True).close()
        with upgraded(path, version):
            pass
        schema = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2"
        assert look(path, schema) == look(made_new, schema)
        assert look(path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
        assert look(path, "PRAGMA journal_mode") == [("wal",)]

    def test_every_row_is_kept(self, path: Path, version: int) -> None:
        write_version(path, version)
        tables = [name for (name,) in look(path, "SELECT name FROM sqlite_master") if name in ROWS]
        columns = {table: ", ".join(columns_of(path, table)) for table in tables}
        before = {table: look(path, f"SELECT {columns[table]} FROM {table}") for table in tables}
        open_store(str(path)).close()
        assert "jobs" in tables
        assert all(before.values())
        after = {table: look(path, f"SELECT {columns[table]} FROM {table}") for table in tables}
        assert after == before

    def test_the_jobs_that_were_there_are_counted(self, path: Path, version: int) -> None:
        with upgraded(path, version) as store:
            depth = store.overview.queue(datetime(2026, 3, 2, tzinfo=UTC))
            assert (depth.by_state["succeeded"], depth.due) == (1, 0)

    def test_the_work_of_then_can_be_looked_at(self, path: Path, version: int) -> None:
        with upgraded(path, version) as store:
            (job,) = store.queue.jobs(JobFilter(), 9)
            assert (job.lead, len(store.queue.attempts(job.id))) == (LEAD, 1)

    def test_the_messages_of_then_are_found_by_their_words(self, path: Path, version: int) -> None:
        found = "SELECT count(*) FROM messages_fts WHERE messages_fts MATCH 'angstrom'"
        with upgraded(path, version):
            pass
        messages = look(path, "SELECT count(*) FROM messages")
        assert look(path, found) == messages
        assert messages == [(int(version > 3),)]


def test_a_file_of_today_is_not_touched(path: Path) -> None:
    open_store(str(path), create=True).close()
    before = path.read_bytes()
    open_store(str(path)).close()
    assert path.read_bytes() == before


def test_an_upgrade_that_fails_half_way_leaves_the_file_as_it_was(path: Path) -> None:
    write_version(path, 2)
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE addresses (in_the_way TEXT)")
    before = look(path, "SELECT * FROM sqlite_master")
    with pytest.raises(sqlite3.OperationalError):
        open_store(str(path))
    assert look(path, "SELECT * FROM sqlite_master") == before
    assert look(path, "PRAGMA user_version") == [(2,)]


def test_every_table_is_strict_about_types(path: Path) -> None:
    open_store(str(path), create=True).close()
    tables = {
        name: strict
        for _, name, kind, _, _, strict in look(path, "PRAGMA table_list")
        if kind == "table" and not str(name).startswith("sqlite_")
    }
    assert {"jobs", "attempts", "runs", "leads", "messages"} < tables.keys()
    assert set(tables.values()) == {1}


@pytest.mark.parametrize(
    "column", ["run_at", "created_at", "requested_at", "started_at", "finished_at", "lease_until"]
)
def test_a_moment_can_be_no_number(path: Path, column: str) -> None:
    write_version(path, 1)
    with closing(sqlite3.connect(path)) as db, pytest.raises(sqlite3.IntegrityError):
        db.execute(f"UPDATE jobs SET {column} = x'00'")


def test_a_job_has_a_state_that_exists(path: Path) -> None:
    write_version(path, 1)
    with closing(sqlite3.connect(path)) as db, pytest.raises(sqlite3.IntegrityError):
        db.execute("UPDATE jobs SET state = 'lost'")


@pytest.mark.parametrize("version", [0, 1])
def test_processes_that_upgrade_at_once_do_it_once(path: Path, version: int) -> None:
    if version:
        write_version(path, version)
    context = multiprocessing.get_context("spawn")
    start, answers = context.Barrier(3), context.Queue()
    processes = [
        context.Process(target=_upgrade, args=(str(path), start, answers)) for _ in range(3)
    ]
    for process in processes:
        process.start()
    assert [answers.get(timeout=60) for _ in processes] == ["opened"] * 3
    for process in processes:
        process.join(60)
    assert look(path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert look(path, "PRAGMA integrity_check") == [("ok",)]
    assert look(path, "SELECT count(*) FROM jobs") == [(version,)]


def _upgrade(path: str, start: Barrier, answers: "multiprocessing.Queue[str]") -> None:
    start.wait(60)
    try:
        open_store(path, create=True).close()
        answers.put("opened")
    except BaseException as error:
        answers.put(repr(error))
