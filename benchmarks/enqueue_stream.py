"""`convsync enqueue -`: leads from stdin, a thousand and a hundred thousand."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.measure import Figure, alternate, at_most, convsync_seconds, seconds
from benchmarks.stores import WORKSPACE, Home, connect
from convsync_cli.sync.instant import to_text

MANY = 100_000
_INSERT = """
INSERT INTO jobs (kind, workspace, lead_id, dedupe_key, state, priority, run_at, max_attempts,
                  created_at, requested_at)
VALUES ('conversation_sync', ?, ?, ?, 'pending', 5, ?, 3, ?, ?)
"""


def figures(folder: Path, large: bool) -> Iterator[Figure]:
    """A thousand against one; a hundred thousand, beyond the start, against `executemany`."""
    full = Home.made(folder / "home", leads=MANY)
    start, thousand = _thousand(full.copied("thousand.db"))
    yield Figure(
        "enqueue - with 1,000 leads / one LEAD", thousand * 1e3, start * 1e3, "ms", at_most(1.5)
    )

    for name, texts in (("emails", _emails(MANY)), ("ids", _ids(MANY))):
        ours, bare = alternate(3, partial(_ours, full, texts), partial(_bare, full))
        yield Figure(
            f"enqueue - with 100,000 {name} / executemany", ours - start, bare, "s", at_most(2)
        )


def _thousand(home: Home) -> tuple[float, float]:
    """One lead, and a thousand, each time others."""
    first = count(1, 1_001)

    def one() -> float:
        return convsync_seconds(home, "enqueue", f"lead{next(first)}@example.com")

    def thousand() -> float:
        given = _lines(_emails(1_000, next(first)))
        return convsync_seconds(home, "enqueue", "-", given=given)

    start, many = alternate(11, one, thousand)
    return start, many


def _ours(full: Home, texts: Iterable[str]) -> float:
    home = full.copied("ours.db")
    taken = convsync_seconds(home, "enqueue", "-", given=_lines(texts))
    home.removed()
    return taken


def _bare(full: Home) -> float:
    """The same rows in one transaction, from leads that are known already."""
    home = full.copied("bare.db")
    now = to_text(datetime.now(UTC))
    rows = [(WORKSPACE, lead, f"conversation_sync:{lead}", now, now, now) for lead in _ids(MANY)]
    with closing(connect(home.database)) as connection:

        def insert() -> None:
            with connection:
                connection.executemany(_INSERT, rows)

        taken = seconds(insert)
    home.removed()
    return taken


def _emails(number: int, first: int = 1) -> list[str]:
    return [f"lead{i}@example.com" for i in range(first, first + number)]


def _ids(number: int) -> list[str]:
    return [f"L{i:018d}" for i in range(1, number + 1)]


def _lines(texts: Iterable[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()
