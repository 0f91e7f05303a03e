"""Names, numbers, addresses, texts and tokens are planted everywhere, and found nowhere they should
not be: no log, no stderr, no status, no report, no error, no row of telemetry."""

from dataclasses import replace
from pathlib import Path

import pytest

from convsync_cli.sandbox.smartlead import key_of
from tests.torture.harness import Ended, Harness, installed
from tests.torture.kill import RECENT

TELEMETRY = ("attempts", "jobs", "runs", "accounts", "lead_syncs")
REPORTS = (
    ("status",),
    ("status", "--json"),
    ("jobs", "list"),
    ("jobs", "list", "--json"),
    ("jobs", "show", "1", "--json"),
    ("jobs", "show", "2"),
    ("jobs", "timeouts", "--since", "24h"),
    ("jobs", "timeouts", "--since", "24h", "--json"),
    ("accounts", "list"),
    ("accounts", "list", "--json"),
    ("accounts", "resume", "globex/email"),
    ("doctor",),
    ("doctor", "--json"),
    ("cron", "check"),
    ("cron", "check", "--json"),
    ("cron", "print"),
    ("cron", "print", "--format", "systemd"),
    ("cron", "print", "--format", "launchd"),
    ("metrics",),
    ("metrics", "--json"),
)
BAD_HOURS: tuple[dict[str, object], ...] = (
    {"kind": "status", "status": 400},
    {"kind": "status", "status": 500, "provider": "emailbison"},
    {"kind": "rate_limited", "seconds": 1},
    {"kind": "html"},
    {"kind": "truncated"},
    {"kind": "malformed_row"},
    {"kind": "redirect"},
    {"kind": "reset", "provider": "gohighlevel", "times": 3},
    {"kind": "cursor_loop"},
    {"kind": "foreign_rows"},
    {"kind": "empty"},
    {"kind": "unauthorized", "workspace": "globex", "provider": "emailbison"},
)


def test_no_personal_data_and_no_token_is_found_where_it_should_not_be(tmp_path: Path) -> None:
    with installed(tmp_path) as harness:
        canaries = _plant(harness)
        said = [
            harness.runs("leads", "import", "-", "-w", name, stdin=export(name))
            for name in harness.world.workspaces
            for export in (harness.world.gohighlevel_csv, harness.world.emailbison_csv)
        ]
        for hour in BAD_HOURS:  # one at a time: of two troubles of a job only the worse is written
            harness.suffers(**{"times": 2, **hour})  # type: ignore[arg-type]
            for form in ("text", "json"):
                harness.tampers(RECENT)  # else the window would leave nobody to read again
                said.append(harness.runs("enqueue-all"))
                harness.tampers("UPDATE jobs SET run_at = created_at WHERE state = 'pending'")
                log = ("--log-file", str(tmp_path / f"run.{form}"), "--log-format", form)
                said.append(harness.runs("run", "--max-seconds", "1.5", *log))
        harness.runs("run", "--max-seconds", "3", env={"CONVSYNC_CRASH_AT": "page.saved:2"})
        said += [harness.runs(*command) for command in REPORTS]
        said.append(harness.runs("enqueue", canaries[0] + "@example.com", "--json"))
        said[-1] = replace(said[-1], out="")  # tells what was typed, which is its purpose

        rows = [str(row) for table in TELEMETRY for row in harness.asks(f"SELECT * FROM {table}")]
        assert harness.asks("SELECT 1 FROM messages WHERE body LIKE 'zyxcanary%'")
        assert harness.asks("SELECT 1 FROM leads WHERE name LIKE '%Zyxcanary%'")
        assert rows and len(harness.asks("SELECT DISTINCT error_code FROM attempts")) >= 4
        texts = {
            " ".join(each.arguments): (each.out + each.err).lower()
            for each in said
            if each.out or each.err
        }
        for form in ("text", "json"):
            texts[f"log as {form}"] = (tmp_path / f"run.{form}").read_text().lower()
            assert "job.stop" in texts[f"log as {form}"]
        texts["telemetry"] = "\n".join(rows).lower()
        found = [
            f"{where}: {canary}"
            for where, text in texts.items()
            for canary in canaries
            if canary.lower() in text
        ]
        assert found == []
        assert not any("traceback" in text for text in texts.values())


def test_a_key_that_stands_in_every_address_is_told_nowhere(harness: Harness) -> None:
    key, url = key_of(harness.world.workspace("acme")), harness.sandbox.urls["smartlead"]
    before, email = harness.config.read_text().split("[workspaces.acme.email]")
    rest = email[email.index("[workspaces.globex]") :]
    account = (
        f'provider = "smartlead"\nbase_url = "{url}"\napi_key = {{ env = "KEY" }}\nrate = "999/1s"'
    )
    harness.config.write_text(f"{before}[workspaces.acme.email]\n{account}\n{rest}")
    harness.environment["KEY"] = key
    harness.takes_in_leads("acme")
    said: list[Ended] = []
    rows: list[object] = []
    for hour in BAD_HOURS:
        kind, seconds = str(hour["kind"]), hour.get("seconds", 1)
        harness.suffers(
            kind, times=2, provider="smartlead", seconds=seconds, status=hour.get("status")
        )
        harness.runs("enqueue-all")
        harness.tampers("UPDATE jobs SET run_at = created_at WHERE state = 'pending'")
        said.append(harness.runs("run", "--max-seconds", "2"))
        rows += [row for table in TELEMETRY for row in harness.asks(f"SELECT * FROM {table}")]
    said += [harness.runs(*command) for command in REPORTS]
    assert sum(one.provider == "smartlead" for one in harness.sandbox.requests) > len(BAD_HOURS)
    assert "answered 500" in str(rows)
    assert key not in str(rows)
    assert not any(key in each.out + each.err for each in said)
    assert not any("Traceback" in each.err for each in said)


@pytest.mark.parametrize("secret", ["literal", "command"])
def test_a_token_is_not_told_when_its_reference_fails(harness: Harness, secret: str) -> None:
    given = {
        "literal": 'token = "pit-canary-token"',
        "command": 'token = { command = ["sh", "-c", "echo pit-canary-token >&2; exit 1"] }',
    }[secret]
    harness.configures('token = { env = "ACME_GHL_TOKEN" }', given)
    harness.config.chmod(0o644)
    harness.runs("enqueue-all")
    for command in (("run", "--max-seconds", "5"), ("accounts", "list"), ("doctor",), ("status",)):
        ended = harness.runs(*command)
        assert "pit-canary-token" not in ended.out + ended.err
        assert "Traceback" not in ended.err
    rows = [str(row) for table in TELEMETRY for row in harness.asks(f"SELECT * FROM {table}")]
    assert not any("pit-canary-token" in row for row in rows)


def _plant(harness: Harness) -> list[str]:
    """Give people and what they say marks that can be found again; returns them and the tokens."""
    canaries = ["zyxcanary"]
    for view in harness.world.workspaces.values():
        for key, person in view.people.items():
            view.people[key] = replace(person, last="Zyxcanary", company="Zyxcanary Ltd")
            canaries += [mail.partition("@")[0] for mail in person.emails]
            canaries += [phone.lstrip("+") for phone in person.phones]
        for key, person in [*view.people.items()][:6]:
            for channel, known in (("sms", person.contact), ("email", person.bison)):
                if known is not None:
                    text = f"zyxcanary says {key}"
                    harness.world.say(view.name, key, channel, "inbound", text)
        canaries += [view.gohighlevel_token, view.emailbison_token.partition("|")[2]]
    return canaries
