"""What must hold whatever happened: each check returns what is wrong, in words; none is good."""

import contextlib
import sqlite3
import threading
from collections import defaultdict
from pathlib import Path
from types import TracebackType

from tests.torture.harness import Harness

_LIVE_TWICE = """
SELECT dedupe_key, count(*) FROM jobs WHERE state IN ('pending', 'running')
GROUP BY dedupe_key HAVING count(*) > 1
"""

# Two tries at one job of which one began before the other had ended.
_OVERLAPS = """
SELECT one.job, one.number, other.number FROM attempts AS one
JOIN attempts AS other ON other.job = one.job AND other.number > one.number
WHERE other.started_at < one.ended_at
"""


def damage(harness: Harness) -> list[str]:
    """Where the file is not sound."""
    return [
        *(text for (text,) in harness.asks("PRAGMA integrity_check") if text != "ok"),
        *(f"dangling row in {row[0]}" for row in harness.asks("PRAGMA foreign_key_check")),
        *(f"{key} is live {n} times" for key, n in harness.asks(_LIVE_TWICE)),
        *(
            f"{state}: counted {counted}, there are {there}"
            for state, counted, there in harness.asks(
                "SELECT state, sum(jobs),"
                " (SELECT count(*) FROM jobs WHERE jobs.state = job_counts.state)"
                " FROM job_counts GROUP BY state"
            )
            if counted != there
        ),
    ]


def unfinished(harness: Harness) -> list[str]:
    """Jobs that have not come to their end."""
    rows = harness.asks("SELECT id, state FROM jobs WHERE state IN ('pending', 'running')")
    return [f"job {job} is {state}" for job, state in rows]


def twice_at_once(harness: Harness) -> list[str]:
    """Jobs that were worked on by two at the same time."""
    return [f"job {job}: tries {a} and {b} overlap" for job, a, b in harness.asks(_OVERLAPS)]


def wrong_messages(harness: Harness) -> list[str]:
    """Where the archive is not, message for message, what the sandbox says was said."""
    return [fault for name in harness.world.workspaces for fault in _wrong_in(harness, name)]


def _wrong_in(harness: Harness, workspace: str) -> list[str]:
    leads = harness.leads(workspace)
    stored: defaultdict[tuple[str, str], list[tuple[str, str, str]]] = defaultdict(list)
    for channel, external_id, *said in harness.asks(
        "SELECT channel, external_id, lead_id, direction, body FROM messages WHERE workspace = ?",
        workspace,
    ):
        stored[channel, external_id].append((said[0], said[1], " ".join(said[2].split())))
    wrong: list[str] = []
    for channel in ("sms", "email"):
        for message in harness.world.expected(workspace, channel):
            told = [one for id in message.external_ids for one in stored.pop((channel, id), [])]
            wanted = (message.direction, " ".join(message.text.split()))
            person = {leads.get((message.lead_key, each)) for each in ("sms", "email")}
            if [one[1:] for one in told] != [wanted] or told[0][0] not in person:
                wrong.append(f"{channel} {message.external_ids}: wanted {wanted}, stored {told}")
    return wrong + [f"{channel} {id}: nobody said that" for channel, id in stored]


class Watch:
    """Looks all the time, from a thread, whether a key is live twice; read ``seen`` at the end."""

    def __init__(self, database: Path) -> None:
        self.seen: list[str] = []
        self.looks = 0
        self._uri = f"file:{database}?mode=ro"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(10)

    def _look(self) -> None:
        with contextlib.closing(sqlite3.connect(self._uri, uri=True, timeout=10)) as connection:
            while not self._over.wait(0.02):
                self.seen += [key for key, _ in connection.execute(_LIVE_TWICE)]
                self.looks += 1
