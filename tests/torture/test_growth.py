"""Nothing grows without end: a thousand runs in one process, and fifty processes."""

import json
from pathlib import Path

from tests.torture.growth import AT_ONCE, EVERY, growing, simulate
from tests.torture.harness import Harness

RUNS = 1_000
PROCESSES = 50


def test_after_weeks_of_runs_everything_has_levelled_off(tmp_path: Path) -> None:
    sizes = simulate(tmp_path, lambda runs: runs >= RUNS)
    print(json.dumps([[size.runs, size.database_kb, size.memory_kb, size.jobs] for size in sizes]))
    assert growing(sizes) == []
    assert sizes[-1].jobs < 100 < RUNS * AT_ONCE // EVERY, "old jobs are forgotten"


def test_fifty_processes_leave_nothing_behind_but_their_rows(harness: Harness) -> None:
    lead = harness.leads("acme")["acme-00003", "sms"]
    sizes = []
    for _ in range(PROCESSES // 2):
        harness.runs("enqueue", lead, "--force").well()
        harness.runs("run", "--max-seconds", "10").well()
        log = harness.database.with_name(f"{harness.database.name}-wal")
        sizes.append((harness.database.stat().st_size, log.stat().st_size if log.exists() else 0))
    assert harness.states() == {"succeeded": PROCESSES // 2}
    assert sizes[-1][0] - sizes[4][0] <= 64 * 1024
    assert max(log for _, log in sizes) < 4 * 2**20
    assert len(list(harness.database.parent.iterdir())) <= 5, "nothing is left lying about"
