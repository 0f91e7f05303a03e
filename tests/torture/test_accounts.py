"""One bad account harms no other, and neither does a workspace with a mountain of work."""

from pathlib import Path

from tests.torture import invariants
from tests.torture.harness import Harness, installed

NAMES = [f"w{n:02}" for n in range(20)]
REVOKED = "w07"
MOUNTAIN = 20_000


def test_a_revoked_token_stops_its_account_and_nothing_else(tmp_path: Path) -> None:
    with installed(tmp_path, NAMES, leads=5) as harness:
        imports = [
            harness.starts(
                "leads", "import", "-", "-w", name, stdin=harness.world.gohighlevel_csv(name)
            )
            for name in NAMES
        ]
        for each in imports:
            each.ends().well(0, 3)
        harness.suffers("unauthorized", provider="gohighlevel", workspace=REVOKED)
        harness.runs("enqueue-all").well()
        run = harness.runs("run", "--max-seconds", "30", "--json").well()

        assert dict(harness.asks("SELECT workspace, min(state) FROM jobs GROUP BY 1")) == {
            name: "pending" if name == REVOKED else "succeeded" for name in NAMES
        }
        assert harness.asks("SELECT max(attempts) FROM jobs WHERE state = 'pending'") == [(0,)]
        assert run.json["failed"] == run.json["retried"] == 0
        refused = [one for one in harness.sandbox.requests if one.status == 401]
        assert 1 <= len(refused) <= 8, "what was in flight, and no more"
        _is_told(harness)
        _is_freed(harness)


def test_a_credential_command_that_hangs_leaves_time_for_the_others(harness: Harness) -> None:
    harness.configures('{ env = "ACME_GHL_TOKEN" }', '{ command = ["sleep", "60"] }')
    harness.runs("enqueue-all").well()
    harness.runs("run", "--max-seconds", "8").well()

    assert harness.asks("SELECT DISTINCT state FROM jobs WHERE workspace = 'globex'") == [
        ("succeeded",)
    ]


def _is_told(harness: Harness) -> None:
    """``status`` names the one account and why; nobody else is concerned."""
    status = harness.runs("status", "--json").well().json
    stopped = {
        (workspace["name"], channel["channel"]): channel["pause_reason"]
        for workspace in status["workspaces"]
        for channel in workspace["channels"]
        if channel["pause_reason"]
    }
    assert stopped == {(REVOKED, "sms"): "unauthorized"}
    told = harness.runs("status").well().out
    assert f"{REVOKED}/sms" in told or REVOKED in told
    assert "refused the credential" in told + harness.runs("accounts", "list").well().out
    again = harness.runs("run", "--max-seconds", "5", "--strict", "--json")
    assert again.code == 12
    assert again.json["requests"] == 0, "a refused account is looked at every 15 minutes only"


def _is_freed(harness: Harness) -> None:
    """``accounts resume`` believes nobody; once the token works, the jobs are due."""
    refused = harness.runs("accounts", "resume", f"{REVOKED}/sms")
    assert refused.code == 12 and "Traceback" not in refused.err
    assert f"{REVOKED}/sms" in refused.err
    waiting = harness.states()["pending"]
    harness.sandbox.faults.clear()

    resumed = harness.runs("accounts", "resume", f"{REVOKED}/sms", "--json").well().json
    assert resumed["made_due"] == waiting
    harness.runs("run", "--max-seconds", "30").well()
    assert list(harness.states()) == ["succeeded"]
    assert invariants.damage(harness) == []


def test_a_workspace_with_a_mountain_of_work_delays_none_with_five_leads(tmp_path: Path) -> None:
    with installed(tmp_path, ["mountain", "molehill"], leads=5) as harness:
        harness.takes_in_leads("molehill")
        listed = "\n".join(["email", *(f"lead{n}@example.com" for n in range(MOUNTAIN))])
        harness.runs("leads", "import", "-", "-w", "mountain", stdin=listed.encode()).well()
        harness.runs("enqueue-all", "--workspace", "mountain").well()
        harness.runs("enqueue-all", "--workspace", "molehill").well()
        harness.suffers("latency", workspace="mountain", seconds=0.3)
        harness.runs("run", "--max-seconds", "4").well()

        states = harness.asks("SELECT state, count(*) FROM jobs WHERE workspace = 'molehill'")
        assert states[0][0] == "succeeded" and len(states) == 1
        before = harness.asks(
            "SELECT count(*) FROM attempts JOIN jobs ON jobs.id = job WHERE workspace = 'mountain'"
            " AND attempts.started_at < (SELECT max(attempts.started_at) FROM attempts"
            " JOIN jobs ON jobs.id = job WHERE workspace = 'molehill')"
        )[0][0]
        print(f"{before} of {MOUNTAIN} jobs began before the last of the five")
        assert before <= 16
        assert harness.asks(
            "SELECT count(*) FROM jobs WHERE state = 'pending' AND attempts > 0"
        ) == [(0,)]
