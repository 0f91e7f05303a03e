"""The operator's program, from the configuration to its last line in `jobs show`."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.commands.operator import Operator, Result, eventually


def hooked(operator: Operator, line: str, workspace: str = "acme") -> None:
    """Have a workspace run a line of shell for each new inbound message."""
    text = operator.config.read_text()
    quoted = json.dumps(["/bin/sh", "-c", line])
    table = f"[workspaces.{workspace}.inbound_hook]\ncommand = {quoted}\n"
    operator.config.write_text(f"{text}\n{table}")


def works(operator: Operator) -> Result:
    return operator.runs("run", "--max-seconds", "50", "--json").ended(0)


def heard(folder: Path) -> list[dict[str, str]]:
    """What the program was told, a message a line."""
    file = folder / "heard"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_new_message_is_told_once_and_history_never(operator: Operator) -> None:
    hooked(operator, f"cat >> {operator.folder}/heard")
    operator.runs("enqueue-all").ended(0)
    assert works(operator).json["messages"]["new"] > 100
    assert heard(operator.folder) == []
    lead, person = operator.lead("sms only"), operator.person("sms only")
    operator.world.say("acme", person.key, "sms", "inbound", "just now")
    for _ in range(2):
        operator.runs("enqueue", lead, "--force").ended(0)
        assert works(operator).json["failed"] == 0
    (told,) = heard(operator.folder)
    exported = operator.runs("export", "--lead", lead).ended(0).lines
    assert told in exported
    assert (told["lead"], told["body"]) == (lead, "just now")


def test_with_history_every_message_that_came_in_is_told(operator: Operator) -> None:
    hooked(operator, f"cat >> {operator.folder}/heard")
    lead = operator.lead("sms only")
    operator.runs("enqueue", lead, "--with-history").ended(0)
    works(operator)
    inbound = [
        each
        for each in operator.runs("export", "--lead", lead).ended(0).lines
        if each["direction"] == "inbound"
    ]
    assert inbound
    assert sorted(heard(operator.folder), key=lambda each: each["id"]) == inbound


def test_enqueue_all_with_history_means_every_lead(operator: Operator) -> None:
    hooked(operator, f"cat >> {operator.folder}/heard")
    operator.runs("enqueue-all", "-w", "acme", "--limit", "5", "--with-history").ended(0)
    works(operator)
    stored = operator.asks("SELECT id FROM messages WHERE direction = 'inbound' ORDER BY id")
    assert stored
    assert sorted(told["id"] for told in heard(operator.folder)) == [id for (id,) in stored]


def test_with_history_needs_somebody_who_hears_of_it(operator: Operator) -> None:
    lead = operator.lead("sms only")
    for command in (("enqueue", lead), ("enqueue-all",)):
        said = operator.runs(*command, "--with-history").ended(2).err
        assert "no workspace has one" in said
    assert operator.states() == {}


def test_a_program_that_fails_says_why_in_its_job(operator: Operator) -> None:
    hooked(operator, "echo the CRM is closed >&2; exit 1")
    operator.runs("enqueue", operator.lead("sms only"), "--with-history").ended(0)
    run = operator.runs("run", "--max-seconds", "50").ended(0)
    assert "CRM" not in run.out + run.err
    (job, *_) = operator.runs("jobs", "list", "--kind", "inbound_hook", "--json").json["jobs"]
    assert (job["state"], job["error_code"]) == ("failed", "hook_failed")
    shown = operator.runs("jobs", "show", str(job["id"])).ended(0).out
    assert "exit status 1: the CRM is closed" in shown


def test_no_credential_reaches_the_program(operator: Operator) -> None:
    hooked(operator, f"env >> {operator.folder}/seen")
    operator.runs("enqueue", operator.lead("sms only"), "--with-history").ended(0)
    works(operator)
    seen = (operator.folder / "seen").read_text()
    assert "PATH=" in seen
    assert "TOKEN" not in seen


def test_however_often_a_run_is_killed_each_message_has_one_job(operator: Operator) -> None:
    """Killed while it stores and while programs run; the last run is left alone."""
    hooked(operator, f"cat >> {operator.folder}/heard")
    operator.runs("enqueue-all", "-w", "acme", "--with-history").ended(0)
    for kill_at in (3, 12, 25, 40):
        operator.suffers("latency", seconds=0.02, times=kill_at)
        before = operator.asked()
        run = operator.starts("run", "--max-seconds", "50")
        eventually(lambda: operator.asked() >= before + kill_at or not run.alive)  # noqa: B023
        run.gets(signal.SIGKILL)
        run.ends()
    operator.tampers("UPDATE jobs SET attempts = 0, run_at = '2026-01-01T00:00:00.000Z'"
                     " WHERE state = 'pending'")  # fmt: skip
    for _ in range(3):
        works(operator)
    jobs = operator.asks("SELECT subject FROM jobs WHERE kind = 'inbound_hook'")
    inbound = operator.asks("SELECT id FROM messages WHERE direction = 'inbound'")
    assert sorted(int(subject) for (subject,) in jobs) == sorted(id for (id,) in inbound)
    assert {told["id"] for told in heard(operator.folder)} == {id for (id,) in inbound}


def test_a_run_that_is_told_to_stop_leaves_no_program_behind(operator: Operator) -> None:
    hooked(operator, f"echo $$ >> {operator.folder}/numbers; exec sleep 1000")
    operator.runs("enqueue", operator.lead("sms only"), "--with-history").ended(0)
    numbers = operator.folder / "numbers"
    run = operator.starts("run", "--max-seconds", "50")
    begun = eventually(lambda: numbers.read_text().split() if numbers.exists() else [])
    run.gets(signal.SIGTERM)
    run.ends().ended(143)
    for number in begun:
        with pytest.raises(ProcessLookupError):
            os.kill(int(number), 0)
    jobs = operator.asks("SELECT DISTINCT state, attempts FROM jobs WHERE kind = 'inbound_hook'")
    assert jobs == [("pending", 0)]
