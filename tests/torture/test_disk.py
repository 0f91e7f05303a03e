"""A disk that is full, read-only or pulled away: a clear sentence, exit 14, nothing half-written.

Full is tried in three ways: a limit on the database's pages (SQLITE_FULL), a limit on the size of
files (SQLITE_IOERR), and a small file system where one may be mounted.
"""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.torture import invariants
from tests.torture.disks import no_file_beyond, small_disk
from tests.torture.harness import Ended, Harness, eventually, installed

REFUSED = 14
PAGE = 4096
RUN = ("run", "--max-seconds", "20", "--json")


def test_a_disk_that_is_full_at_a_later_and_later_page_stops_all_in_order(
    harness: Harness,
) -> None:
    codes = []
    for room in (0, 1, 3, 8, 40):
        pages = harness.asks("PRAGMA page_count")[0][0] + room
        codes += _tries(harness, env={"TORTURE_PAGES": str(pages)})
    assert codes.count(REFUSED) >= 4
    _goes_on(harness)


def test_a_disk_that_refuses_a_later_and_later_write_stops_all_in_order(harness: Harness) -> None:
    codes = []
    for kilobytes in (36, 44, 64, 200):
        codes += _tries(harness, limits=no_file_beyond(kilobytes * 1024))
    assert codes.count(REFUSED) >= 4
    _goes_on(harness)


def _tries(harness: Harness, **how: Any) -> list[int]:
    """Ask for everybody and run, on a bad disk; returns the exit codes of both."""
    before = harness.states()
    asked = harness.runs("enqueue-all", "--json", **how)
    ended = harness.runs(*RUN, **how)
    for each in (asked, ended):
        _is_clear(each)
        assert each.code == 0 or "full" in each.err or "failed" in each.err, each
    jobs = sum(harness.states().values()) - sum(before.values())
    assert asked.code or jobs == asked.json["queued"], "acknowledged and lost"
    assert invariants.damage(harness) == []
    return [asked.code, ended.code]


def test_a_file_system_without_room_and_then_with_room(tmp_path: Path, template: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        database = disk.path / "convsync.db"
        with installed(tmp_path / "home", database=database, template=template) as harness:
            codes = set()
            for left in (0, 20_000, 60_000, 120_000, 250_000):
                disk.fills_up(left)
                for command in (("enqueue-all",), RUN):
                    ended = harness.runs(*command)
                    _is_clear(ended)
                    codes.add(ended.code)
                disk.has_room()
                assert invariants.damage(harness) == []
            assert REFUSED in codes
            _goes_on(harness)


def test_a_read_only_file_system_is_named(tmp_path: Path, template: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        database = disk.path / "convsync.db"
        with installed(tmp_path / "home", database=database, template=template) as harness:
            disk.is_read_only(True)
            for command in (("enqueue-all",), RUN, ("accounts", "pause", "acme/sms")):
                ended = harness.runs(*command)
                _is_clear(ended)
                assert ended.code == REFUSED
            disk.is_read_only(False)
            _goes_on(harness)


@pytest.mark.parametrize("place", ["/proc/convsync.db", "/dev/null/convsync.db"])
def test_a_folder_that_cannot_be_written_is_named(harness: Harness, place: str) -> None:
    ended = harness.runs("--db", place, "init")
    assert ended.code == REFUSED and place in ended.err
    _is_clear(ended)


@pytest.mark.parametrize("how", ["replaced", "removed"])
def test_a_file_that_is_pulled_away_ends_the_run(harness: Harness, how: str) -> None:
    harness.suffers("latency", seconds=0.1)
    harness.runs("enqueue-all").well()
    copy = harness.folder / "copy.db"
    harness.runs("backup", str(copy)).well()
    run = harness.starts(*RUN)
    eventually(lambda: harness.states().get("succeeded", 0) >= 3)
    if how == "replaced":
        copy.replace(harness.database)
    else:
        harness.database.rename(copy)
    ended = run.ends(10)

    _is_clear(ended)
    assert ended.code == REFUSED
    if how == "removed":
        copy.rename(harness.database)
    harness.sandbox.faults.clear()
    _goes_on(harness)


def test_a_backup_taken_while_all_write_is_consistent(harness: Harness) -> None:
    harness.suffers("latency", seconds=0.05)
    harness.runs("enqueue-all").well()
    run = harness.starts(*RUN)
    copies = [harness.folder / f"copy-{n}.db" for n in range(4)]
    for copy in copies:
        harness.runs("backup", str(copy)).well()
        harness.runs("enqueue-all").well()
    run.ends().well()
    for copy in copies:
        assert _rows(copy, "PRAGMA integrity_check") == [("ok",)]
        assert _rows(copy, "PRAGMA foreign_key_check") == []
        read = _rows(copy, "SELECT lead_id, channel FROM lead_syncs WHERE outcome = 'synced'")
        for lead, channel in read:
            query = (
                "SELECT external_id, body FROM messages"
                " WHERE lead_id = ? AND channel = ? ORDER BY 1"
            )
            assert _rows(copy, query, lead, channel) == harness.asks(query, lead, channel)

    last = harness.folder / "last.db"
    harness.runs("backup", str(last)).well()
    for (table,) in harness.asks("SELECT name FROM sqlite_master WHERE type = 'table'"):
        query = f"SELECT * FROM {table}"
        assert sorted(map(repr, _rows(last, query))) == sorted(map(repr, harness.asks(query)))


def _is_clear(ended: Ended) -> None:
    """Whether it went well, or was refused in one line and a hint."""
    assert ended.code in (0, REFUSED), ended
    assert "Traceback" not in ended.err and "a bug" not in ended.err, ended
    told = [line for line in ended.err.splitlines() if not line.startswith("  ")]
    assert len(told) == (1 if ended.code else 0), ended


def _goes_on(harness: Harness) -> None:
    """Whether with space again everything comes to its end, and to the truth."""
    assert invariants.damage(harness) == []
    harness.runs("enqueue-all").well()
    harness.tampers("UPDATE jobs SET run_at = created_at WHERE state = 'pending'")
    harness.drains()
    assert set(harness.states()) == {"succeeded"}
    assert invariants.damage(harness) == invariants.wrong_messages(harness) == []


def _rows(database: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, values).fetchall()
