"""SIGKILL for enqueuers, bulk enqueuers, importers and runners; ``kill.py`` is the machinery."""

import json
from pathlib import Path

import pytest

from tests.torture import invariants
from tests.torture.harness import Harness
from tests.torture.kill import campaign

KILLS = 60


def test_nothing_acknowledged_is_lost_and_nothing_doubled_by_sixty_kills(tmp_path: Path) -> None:
    figures, wrong = campaign(tmp_path, KILLS, seed=1)
    print(json.dumps(figures))
    assert wrong == []
    assert figures["kills"] == sum(figures["kills_by_command"].values()) >= KILLS
    assert len(figures["kills_by_place"]) >= 8, "the named points must be reached"


@pytest.mark.parametrize("page", [1, 2, 4])
def test_a_run_killed_behind_any_page_leaves_no_gap(harness: Harness, page: int) -> None:
    harness.runs("enqueue", harness.leads("acme")["acme-00001", "sms"]).well()
    killed = harness.runs("run", env={"CONVSYNC_CRASH_AT": f"page.saved:{page}"})
    assert killed.killed
    harness.drains()

    stored = {id for (id,) in harness.asks("SELECT external_id FROM messages")}
    missing = [
        message.external_ids
        for message in harness.world.expected("acme", "sms")
        if message.lead_key == "acme-00001" and not stored.intersection(message.external_ids)
    ]
    assert missing == []
    assert invariants.damage(harness) == []
