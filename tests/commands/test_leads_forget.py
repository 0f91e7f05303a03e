"""`leads forget`: shows, asks, erases, stays away, and says what it cannot reach."""

import contextlib
import fcntl
import os
import pty
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands.operator import PROGRAM, Operator, eventually

KEYS = ["lead", "workspace", "messages", "jobs", "addresses", "handles"]
ROLE = "long mail"


def forgets(operator: Operator, *leads: str, code: int = 0) -> dict[str, Any]:
    """Forget leads without being asked; returns the document."""
    told = operator.runs("leads", "forget", *leads, "--yes", "--json").ended(code).json
    assert list(told) == ["forgotten", "clean"]
    document: dict[str, object] = told
    return document


def found(operator: Operator, *traces: str) -> set[str]:
    """Which texts can be read in the files of the database, by whatever means."""
    files = [str(each) for each in operator.database.parent.glob("convsync.db*")]
    held = subprocess.run(["cat", *files], capture_output=True, check=True).stdout.lower()
    return {trace for trace in traces if trace.lower().encode() in held}


def traces(operator: Operator, role: str = ROLE) -> list[str]:
    """What can only be about one person: addresses, ids, and a piece of each long message."""
    person, lead = operator.person(role), operator.lead(role)
    told = [*person.emails, *(each.lstrip("+") for each in person.phones), lead]
    bodies = operator.asks("SELECT body FROM messages WHERE lead_id = ?", lead)
    others = [b for (b,) in operator.asks("SELECT body FROM messages WHERE lead_id != ?", lead)]
    pieces = {line for (body,) in bodies for line in body.splitlines() if len(line) > 40}
    return [*told, *(each for each in pieces if not any(each in other for other in others))]


@contextlib.contextmanager
def a_run(operator: Operator) -> Iterator[None]:
    """What holds the lock of an active run."""
    file = os.open(f"{operator.database}-run", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(file)


def test_nothing_of_a_forgotten_lead_is_left_in_the_files(synced: Operator) -> None:
    lead, told = synced.lead(ROLE), traces(synced)
    assert len(told) > 5
    assert found(synced, *told) == set(told)
    (gone,) = forgets(synced, lead)["forgotten"]
    assert list(gone) == KEYS
    assert (gone["lead"], gone["workspace"], gone["jobs"]) == (lead, "acme", 1)
    assert gone["messages"]["email"] > 0
    assert found(synced, *told) == set()
    assert synced.asks("PRAGMA integrity_check") == [("ok",)]


def test_no_sync_import_or_hand_brings_them_back(synced: Operator) -> None:
    lead, told = synced.lead(ROLE), traces(synced)
    person = synced.person(ROLE)
    forgets(synced, lead)
    for export in (synced.world.gohighlevel_csv, synced.world.emailbison_csv):
        again = synced.runs("leads", "import", "-", "-w", "acme", "--json", stdin=export("acme"))
        assert (again.json["added"], again.json["forgotten"]) == (0, 1)
    synced.runs("enqueue-all").ended(0)
    synced.runs("run", "--max-seconds", "50", "--strict").ended(0)
    synced.runs("enqueue", person.emails[0]).ended(3)
    refused = synced.runs("leads", "add", "-w", "acme", "--email", person.emails[0], "--json")
    assert refused.ended(5).error["code"] == "needs_confirmation"
    assert "--even-if-forgotten" in refused.error["hint"]
    assert found(synced, *told) == set()


def test_who_is_brought_back_on_purpose_is_synced_again(synced: Operator) -> None:
    lead, person = synced.lead(ROLE), synced.person(ROLE)
    before = len(synced.asks("SELECT 1 FROM messages WHERE lead_id = ?", lead))
    forgets(synced, lead)
    back = ("leads", "add", "-w", "acme", "--email", person.emails[0], "--even-if-forgotten")
    again = synced.runs(*back, "--json").ended(0).json
    assert (again["answer"], again["lead"] != lead) == ("added", True)
    synced.runs("enqueue", again["lead"]).ended(0)
    synced.runs("run", "--max-seconds", "50", "--strict").ended(0)
    after = len(synced.asks("SELECT 1 FROM messages WHERE lead_id = ?", again["lead"]))
    assert after == before


def test_an_import_says_how_many_it_left_out(beginner: Operator) -> None:
    told = b"email,name\nann@example.com,Ann\nbob@example.com,Bob\n"
    beginner.runs("leads", "import", "-", "-w", "acme", stdin=told).ended(0)
    forgets(beginner, "ann@example.com")
    again = beginner.runs("leads", "import", "-", "-w", "acme", stdin=told).ended(0)
    assert again.err == "convsync: 1 rows belong to people who were forgotten; left out\n"
    assert "ann@" not in again.out + again.err


def test_a_forgotten_address_is_not_added_to_another_lead_unless_asked(beginner: Operator) -> None:
    for email in ("ann@example.com", "bob@example.com"):
        beginner.runs("leads", "add", "-w", "acme", "--email", email, "--id", f"twilio:{email[0]}")
    forgets(beginner, "ann@example.com")
    told = ("leads", "add", "-w", "acme", "--email", "bob@example.com", "--id", "twilio:a")
    refused = beginner.runs(*told).ended(0)
    assert "unchanged" in refused.out
    assert "--even-if-forgotten" in refused.err
    assert beginner.runs(*told, "--even-if-forgotten").ended(0).out.endswith("updated\n")


def test_without_a_terminal_it_shows_what_would_go_and_does_nothing(synced: Operator) -> None:
    lead = synced.lead(ROLE)
    asked = synced.runs("leads", "forget", lead).ended(5)
    assert asked.out.startswith(f"{lead}  acme  ")
    assert "messages, 1 jobs," in asked.out
    assert "add --yes" in asked.err
    error = synced.runs("leads", "forget", lead, "--json").ended(5)
    assert (error.stdout, error.error["code"]) == (b"", "needs_confirmation")
    synced.runs("leads", "show", lead).ended(0)


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 5), ("", 5)])
def test_at_a_terminal_it_asks(operator: Operator, answer: str, code: int) -> None:
    lead = operator.lead(ROLE)
    us, them = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, "leads", "forget", lead],
        stdin=them,
        stdout=subprocess.PIPE,
        stderr=them,
        cwd=operator.folder,
        env=operator.environment,
    )
    os.close(them)
    seen = b""
    while b"[y/N]" not in seen:
        seen += os.read(us, 1_000)
    os.write(us, f"{answer}\n".encode())
    out, _ = process.communicate(timeout=60)
    os.close(us)
    assert process.returncode == code
    assert out.decode().startswith(f"{lead}  acme  ")
    assert operator.runs("leads", "show", lead).code == (4 if code == 0 else 0)


def test_it_says_what_it_cannot_reach_and_nothing_in_cron(operator: Operator) -> None:
    told = operator.runs("leads", "forget", operator.lead(ROLE), "--yes").ended(0)
    assert "forgotten" in told.out
    for far in ("backups", "exports", "providers"):
        assert far in told.err
    other = operator.runs("leads", "forget", operator.lead("sms only"), "--yes", "-q").ended(0)
    assert other.stdout + other.stderr == b""


def test_forgetting_again_finds_nobody(operator: Operator) -> None:
    lead = operator.lead(ROLE)
    forgets(operator, lead)
    assert operator.runs("leads", "forget", lead, "--yes", "--json").ended(4).error
    operator.runs("leads", "forget", "nobody@example.com", "--yes").ended(4)


def test_several_go_at_once_or_none(operator: Operator) -> None:
    one, other = operator.lead(ROLE), operator.lead("sms only")
    operator.runs("leads", "forget", one, "nobody@example.com", other, "--yes").ended(4)
    operator.runs("leads", "show", one).ended(0)
    gone = forgets(operator, one, other, one)["forgotten"]
    assert [each["lead"] for each in gone] == [one, other]


def test_what_is_not_said_is_wrong_usage(operator: Operator) -> None:
    operator.runs("leads", "forget").ended(2)
    operator.runs("leads", "forget", operator.lead(ROLE), "--finish").ended(2)


class TestARun:
    def test_beside_an_active_run_nothing_is_erased(self, operator: Operator) -> None:
        lead = operator.lead(ROLE)
        with a_run(operator):
            told = operator.runs("leads", "forget", lead, "--yes", "--json").ended(11)
            assert told.error["code"] == "locked"
            assert "--wait" in told.error["hint"]
        operator.runs("leads", "show", lead).ended(0)

    def test_it_can_wait_for_the_run_to_end(self, operator: Operator) -> None:
        lead = operator.lead(ROLE)
        with a_run(operator):
            waiting = operator.starts("leads", "forget", lead, "--yes", "--wait", "60")
            eventually(lambda: _has_open(waiting.process.pid, f"{operator.database}"))
            assert waiting.alive
        waiting.ends().ended(0)
        operator.runs("leads", "show", lead).ended(4)

    def test_a_lead_that_is_being_read_is_gone_all_the_same(self, operator: Operator) -> None:
        """The run works beside another, so that it does not hold the lock."""
        lead, told = operator.lead(ROLE), traces(operator)
        operator.suffers("latency", seconds=1.0)
        operator.runs("enqueue", lead).ended(0)
        with a_run(operator):
            run = operator.starts("run", "--max-seconds", "20", "--parallel", "--json")
            eventually(lambda: operator.states().get("running"))
        forgets(operator, lead)
        ended = run.ends().ended(0)
        assert ended.json["failed"] == 0
        assert ended.stderr == b""
        assert found(operator, *told) == set()
        assert operator.asks("SELECT * FROM jobs") == []


class TestCutShort:
    def test_a_reader_keeps_traces_alive_and_that_is_said(self, synced: Operator) -> None:
        lead, told = synced.lead(ROLE), traces(synced)
        with contextlib.closing(sqlite3.connect(synced.database, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM leads").fetchone()
            ended = synced.runs("leads", "forget", lead, "--yes", "--json").ended(3)
            assert ended.json["clean"] is False
            assert "convsync leads forget --finish" in ended.err
            assert "convsync leads forget --finish" in synced.runs("doctor").out
        finished = synced.runs("leads", "forget", "--finish", "--json").ended(0).json
        assert finished == {"forgotten": [], "clean": True}
        assert found(synced, *told) == set()
        assert "--finish" not in synced.runs("doctor").out

    def test_where_nothing_was_cut_short_there_is_nothing_to_finish(
        self, beginner: Operator
    ) -> None:
        told = beginner.runs("leads", "forget", "--finish", "--json").ended(0)
        assert told.json == {"forgotten": [], "clean": True}


def _has_open(process: int, path: str) -> bool:
    with contextlib.suppress(OSError):
        return any(os.readlink(each) == path for each in Path(f"/proc/{process}/fd").iterdir())
    return False


def test_a_lead_of_a_workspace_that_is_gone_is_shown_and_can_be_forgotten(
    synced: Operator,
) -> None:
    """A client has left, and one of their people asks to be erased; `leads list` names them."""
    lead, email = synced.lead(ROLE, "globex"), synced.person(ROLE, "globex").emails[0]
    text = synced.config.read_text()
    synced.config.write_text(text[: text.index("[workspaces.globex]")])
    for name in (lead, f"globex/{lead}"):
        assert synced.runs("show", name, "--json").ended(0).json["lead"] == lead
    why = synced.runs("explain", lead, "--json").ended(0).json
    assert not why["current"]
    synced.runs("audit", lead).ended(4)
    unknown = synced.runs("enqueue", lead, email, "--json").ended(3).json["unknown"]
    assert unknown == [lead, email]
    assert [each["lead"] for each in forgets(synced, lead)["forgotten"]] == [lead]
    assert found(synced, lead) == set()


def test_a_lead_of_a_configured_workspace_is_meant_first(synced: Operator) -> None:
    email = synced.person(ROLE).emails[0]
    synced.runs("leads", "add", "-w", "globex", "--email", email).ended(0)
    assert synced.runs("show", email).ended(4).out == ""
    text = synced.config.read_text()
    synced.config.write_text(text[: text.index("[workspaces.globex]")])
    assert synced.runs("show", email, "--json").ended(0).json["lead"] == synced.lead(ROLE)
