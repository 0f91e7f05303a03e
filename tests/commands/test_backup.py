"""`backup`: a consistent copy."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.commands.operator import Operator, mode_of


def rows(path: Path) -> dict[str, int]:
    """How many rows each table of a file has."""
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        names = [
            name
            for (name,) in database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%_fts%'"
                " AND name NOT LIKE 'sqlite_%'"
            )
        ]
        return {
            name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names
        }


def test_a_copy_holds_everything_and_is_private(synced: Operator, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    told = synced.runs("backup", str(copy), "--json").ended(0).json
    assert told == {"file": str(copy), "bytes": copy.stat().st_size}
    assert rows(copy) == rows(synced.database)
    assert mode_of(copy) == 0o600


def test_a_copy_replaces_an_older_one(operator: Operator, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    operator.runs("backup", str(copy)).ended(0)
    operator.runs("enqueue", operator.lead("silent")).ended(0)
    operator.runs("backup", str(copy)).ended(0)
    assert rows(copy)["jobs"] == 1


def test_a_copy_can_be_worked_with(synced: Operator, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    synced.runs("backup", str(copy)).ended(0)
    told = synced.runs("--db", str(copy), "status", "--json").ended(0).json
    assert told["jobs"] == synced.runs("status", "--json").json["jobs"]


def test_where_it_cannot_be_written_nothing_is_left(operator: Operator, tmp_path: Path) -> None:
    refused = operator.runs("backup", str(tmp_path / "missing" / "copy.db"), "--json").ended(14)
    assert refused.error["code"] == "output"
    assert not list(tmp_path.glob("*unfinished*"))
