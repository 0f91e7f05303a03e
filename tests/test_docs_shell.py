"""The ``sh`` blocks of the documentation, run on the sandbox as somebody who reads the page would:
one after the other, in one folder, beside a cron that runs jobs."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.operator import PROGRAM, Operator, mode_of, on_duty, take_in_leads
from tests.docs.pages import ROOT, Fence, fences, pages

WITHIN_S = 60

SHELLS = [
    page.relative_to(ROOT).as_posix()
    for page in pages()
    if any(fence.language == "sh" for fence in fences(page.read_text("utf-8")))
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the leads of the seeded world."""
    with on_duty(tmp_path_factory.mktemp("template")) as operator:
        take_in_leads(operator)
        return operator.database


@pytest.fixture
def reader(tmp_path: Path, template: Path) -> Iterator[Operator]:
    """Somebody who follows a page: ``convsync`` and ``mail`` are on the PATH, exports at hand."""
    with on_duty(tmp_path, template=template) as operator:
        programs = tmp_path / "bin"
        programs.mkdir()
        write_program(programs / "convsync", f'exec {" ".join(PROGRAM)} "$@"')
        write_program(programs / "mail", f'echo "$2" >> {tmp_path}/mails; cat >> {tmp_path}/mails')
        operator.environment["PATH"] = f"{programs}:{os.environ['PATH']}"
        known = (
            "SELECT 'Somebody,' || min(value) FROM addresses"
            " WHERE kind = 'email' AND workspace = 'acme' AND value NOT NULL GROUP BY lead_id"
        )
        rows = [row for (row,) in operator.asks(known)]
        export = "\n".join(["name,email", *rows, "Nobody,nobody@example.com", ""])
        for name in ("crm-export.csv", "contacts.csv"):
            (tmp_path / name).write_text(export, encoding="utf-8")
        yield operator


def write_program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def follow(operator: Operator, fence: Fence) -> "subprocess.CompletedProcess[str]":
    """Run a block to its end, while cron runs jobs."""
    if "jq" in fence.text and shutil.which("jq") is None:
        pytest.skip("jq is not installed here, which this recipe needs")
    lead = operator.person("pictures").emails[0]
    process = subprocess.Popen(
        ["bash", "--norc", "-euo", "pipefail", "-c", fence.text, "page", lead],
        cwd=operator.folder,
        env=operator.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while "--wait" in fence.text and process.poll() is None:
        operator.runs("run", "--max-seconds", "5", "--quiet")
    out, err = process.communicate(timeout=WITHIN_S)
    return subprocess.CompletedProcess(fence.text, process.returncode, out, err)


def blocks(page: str) -> list[Fence]:
    text = (ROOT / page).read_text("utf-8")
    return [fence for fence in fences(text) if fence.language == "sh"]


def block(page: str, words: str) -> Fence:
    """The one block of a page that has some words."""
    (found,) = [each for each in blocks(page) if words in each.text]
    return found


@pytest.mark.parametrize("page", SHELLS)
def test_what_a_page_tells_to_type_works(page: str, reader: Operator) -> None:
    assert blocks(page)
    for fence in blocks(page):
        done = follow(reader, fence)
        assert done.returncode == 0, f"{page}, line {fence.line}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr


def test_bulk_takes_everybody_who_is_known_and_tells_the_others(reader: Operator) -> None:
    done = follow(reader, block("docs/scripting.md", "answer.json"))
    people = len((reader.folder / "crm-export.csv").read_text().splitlines()) - 2
    assert done.stdout == f"queued {people}, unknown 2\n"  # the heading is one of them


def test_before_a_call_the_conversation_is_current(reader: Operator) -> None:
    person = reader.person("pictures")
    reader.world.say("acme", person.key, "sms", "inbound", "Call me at ten, not at nine")
    done = follow(reader, block("docs/scripting.md", "--wait"))
    assert "Call me at ten, not at nine" in done.stdout
    assert "not current" not in done.stdout


def test_before_a_call_it_is_told_what_could_not_be_read(reader: Operator) -> None:
    reader.suffers("unauthorized", provider="gohighlevel")
    done = follow(reader, block("docs/scripting.md", "--wait"))
    assert "not current" in done.stdout
    assert done.returncode == 0


def test_the_alert_is_silent_while_all_is_well_and_mails_when_it_is_not(reader: Operator) -> None:
    alert = block("docs/scripting.md", "mail -s")
    assert follow(reader, alert).returncode == 0
    assert "4 channels are stale" in (reader.folder / "mails").read_text()
    (reader.folder / "mails").unlink()
    reader.runs("enqueue-all").ended(0)
    reader.runs("run").ended(0)
    assert follow(reader, alert).returncode == 0
    assert not (reader.folder / "mails").exists()
    reader.tampers("UPDATE lead_syncs SET synced_at = '2020-01-01T00:00:00.000Z'")
    assert follow(reader, alert).returncode == 0
    assert "4 channels are stale" in (reader.folder / "mails").read_text()


def test_failed_jobs_are_told_by_workspace_lead_and_code(reader: Operator) -> None:
    alert = block("docs/scripting.md", "jobs.failed")
    reader.runs("enqueue", reader.lead("pictures")).ended(0)
    assert follow(reader, alert).stdout == ""
    reader.tampers("UPDATE jobs SET state = 'failed', error_code = 'rejected'")
    assert follow(reader, alert).stdout.split() == [
        "1",
        "acme",
        reader.lead("pictures"),
        "rejected",
    ]


def test_a_database_is_restored_as_the_page_says(reader: Operator) -> None:
    text = (ROOT / "docs/operating.md").read_text("utf-8")
    (restoring,) = [each.text for each in fences(text) if "cp copy.db" in each.text]
    lines = [line.removeprefix("$ ") for line in restoring.splitlines() if "convsync.db" in line]
    assert len(lines) == 2
    shell = "\n".join(lines).replace("/var/lib/convsync/convsync.db", str(reader.database))
    people = len(reader.runs("leads", "list", "--json").ended(0).json["leads"])
    follow(reader, block("docs/operating.md", "backup copy.db"))
    reader.runs("leads", "add", "-w", "acme", "--email", "later@example.com").ended(0)
    reader.database.write_bytes(b"not a database any more" * 1000)
    reader.runs("status").ended(14)
    assert follow(reader, Fence("sh", "", shell, 0)).returncode == 0
    assert len(reader.runs("leads", "list", "--json").ended(0).json["leads"]) == people
    reader.runs("run").ended(0)
    findings = reader.runs("doctor", "--json").ended(0).json["findings"]
    assert not [each for each in findings if each["level"] == "problem"]
    assert mode_of(reader.database) == 0o600
