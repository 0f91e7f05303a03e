"""Bad input and bad days: one clear line, the right exit code, no traceback, and nothing lost.

Bad leads and bad lead files are in ``commands/test_enqueue.py`` and ``commands/test_leads.py``.
"""

import contextlib
import json
import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.operator import (
    PROGRAM,
    Operator,
    Result,
    Running,
    differences,
    on_duty,
)

# A command of each kind: reads, writes little, writes much, works.
COMMANDS = (["status"], ["enqueue", "a@example.com"], ["enqueue-all"], ["run"], ["export"])
MESSAGES = "/conversations/*/messages"


def told(result: Result, code: int) -> str:
    """The one line that a failed command says, and a second one that says what to do."""
    result.ended(code)
    assert result.stdout == b""
    line, *hint = result.err.splitlines()
    assert line.startswith("convsync: ")
    assert len(hint) == 1, result.err
    assert hint[0].startswith("  ")
    return line


def sound(operator: Operator) -> None:
    """Nothing is damaged, and everything still arrives."""
    assert operator.asks("PRAGMA integrity_check") == [("ok",)]
    operator.runs("enqueue-all", "--workspace", "globex").ended(0)
    operator.runs("run", "--max-seconds", "50").ended(0)
    assert differences(operator, "globex") == []


# The database


def test_a_database_that_is_missing_is_not_made_by_accident(operator: Operator) -> None:
    operator.database.unlink()
    for _, result in operator.runs_each(COMMANDS):
        assert told(result, 14) == f"convsync: there is no database at {operator.database}"
    assert not operator.database.exists()


def test_a_database_that_was_cut_to_nothing_is_not_taken_for_one_without_leads(
    operator: Operator,
) -> None:
    os.truncate(operator.database, 0)
    for _, result in operator.runs_each(COMMANDS):
        assert told(result, 14) == f"convsync: the database {operator.database} is empty"
    assert operator.database.read_bytes() == b""
    operator.runs("init").ended(0)  # as after an `init` that was killed before it made the tables
    operator.runs("status").ended(0)


@pytest.mark.parametrize(
    "content",
    [b"These are my notes.\n" * 100, b"\0" * 4096, b"SQLite format 3\0" + b"\xff" * 4080],
    ids=["text", "zeros", "damaged header"],
)
def test_a_file_that_is_no_database_stays_as_it_is(operator: Operator, content: bytes) -> None:
    operator.database.write_bytes(content)
    for _, result in operator.runs_each(COMMANDS):
        told(result, 14)
    assert operator.database.read_bytes() == content


def test_the_database_of_another_program_stays_as_it_is(operator: Operator) -> None:
    operator.database.unlink()
    with contextlib.closing(sqlite3.connect(operator.database)) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    before = operator.database.read_bytes()
    for _, result in operator.runs_each([*COMMANDS, ["init"]]):
        assert "belongs to another program" in told(result, 14)
    assert operator.database.read_bytes() == before


def test_a_database_from_a_newer_version_is_refused_and_kept(operator: Operator) -> None:
    operator.tampers("PRAGMA user_version = 999")
    for _, result in operator.runs_each(COMMANDS):
        assert "written by a newer convsync" in told(result, 14)
    assert operator.asks("PRAGMA user_version") == [(999,)]


def test_a_folder_in_the_place_of_the_database_is_told(operator: Operator) -> None:
    operator.database.unlink()
    operator.database.mkdir()
    told(operator.runs("status"), 14)


def test_a_damaged_page_is_told_and_no_bug(operator: Operator) -> None:
    with open(operator.database, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 20)
    for command in (["enqueue-all"], ["leads", "list"]):
        assert "damaged" in told(operator.runs(*command), 14)


@contextlib.contextmanager
def mounted(*arguments: str) -> Iterator[None]:
    """A mount, where this user may make one."""
    target = arguments[-1]
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("needs a mount, which only root may make")
    done = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine allows no mount: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", target], check=True)


def test_a_database_that_is_read_only_is_told(operator: Operator) -> None:
    folder = str(operator.database.parent)
    with contextlib.ExitStack() as stack:
        if os.geteuid() == 0:  # whom no mode keeps out
            stack.enter_context(mounted("--bind", folder, folder))
            subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        else:
            operator.database.chmod(0o400)
        for command in (["enqueue-all"], ["run"], ["leads", "add", "-w", "acme", "--id", "x:1"]):
            line = told(operator.runs(*command), 14)
            assert "read-only" in line.lower() or "cannot open" in line
    if os.geteuid() != 0:
        operator.database.chmod(0o600)
    sound(operator)


def test_a_database_that_can_be_read_only_is_a_finding_of_the_doctor(operator: Operator) -> None:
    folder = str(operator.database.parent)
    with contextlib.closing(sqlite3.connect(operator.database)) as reader:
        reader.execute("SELECT count(*) FROM leads").fetchone()  # there is a log: it can be opened
        with mounted("--bind", folder, folder):
            subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
            found = operator.runs("doctor", "--json").ended(3).json["findings"]
    problems = [each["message"] for each in found if each["level"] == "problem"]
    assert problems == [f"{operator.database} is read-only"]
    unchecked = {each["subject"] for each in found if "could not be checked" in each["message"]}
    assert {"accounts", "clock"} <= unchecked


@pytest.fixture(scope="module", autouse=True)
def locked_out(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Running]:
    """An ``enqueue`` that another writer keeps out; begun early, since it is patient for 10 s."""
    folder = tmp_path_factory.mktemp("locked")
    with on_duty(folder, template=template) as operator, written_to(operator):
        yield operator.starts("enqueue", operator.lead("silent"))


@contextlib.contextmanager
def written_to(operator: Operator) -> Iterator[None]:
    """A database that another process writes to without an end."""
    connection = sqlite3.connect(operator.database, isolation_level=None)
    with contextlib.closing(connection):
        connection.execute("BEGIN IMMEDIATE")
        yield


def test_a_run_waits_for_a_locked_database_as_long_as_its_budget(operator: Operator) -> None:
    with written_to(operator):
        result = operator.runs("run", "--max-seconds", "1")
        assert "locked" in told(result, 11) or "too long" in told(result, 11)
        assert 1 <= result.seconds < 3
        operator.runs("status").ended(0)  # who only reads is not kept waiting
    sound(operator)


def test_somebody_who_writes_for_a_moment_is_waited_for(operator: Operator) -> None:
    with contextlib.closing(sqlite3.connect(operator.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        enqueuing = operator.starts("enqueue", operator.lead("silent"), "--json")
        assert operator.runs("status").ended(0)
        assert enqueuing.alive
    assert enqueuing.ends().ended(0).json["queued"]


def test_a_disk_that_is_full_loses_nothing_that_was_acknowledged(operator: Operator) -> None:
    home = operator.database.parent
    kept = operator.folder / "kept.db"
    operator.database.rename(kept)
    with mounted("-t", "tmpfs", "-o", "size=800k,mode=0700", "none", str(home)):
        shutil.copy(kept, operator.database)
        first = operator.lead("silent")
        operator.runs("enqueue", first).ended(0)
        ballast(home / "ballast")
        full = [
            operator.runs("enqueue-all"),
            operator.runs("leads", "import", "-", "-w", "acme", stdin=many_leads()),
            operator.runs("run", "--max-seconds", "5"),
        ]
        for result in full:
            line = told(result, 14)
            assert "full" in line or "failed" in line or "cannot open" in line, line
        (home / "ballast").unlink()
        assert operator.asks("SELECT lead_id, state, attempts FROM jobs") == [(first, "pending", 0)]
        subprocess.run(["mount", "-o", "remount,size=64m", str(home)], check=True)
        sound(operator)


def ballast(file: Path) -> None:
    """Take all the room that is left on a disk."""
    with open(file, "wb", buffering=0) as stream, contextlib.suppress(OSError):
        while stream.write(b"x" * 4096):
            pass


def many_leads() -> bytes:
    """A file of leads that needs room."""
    return b"email\n" + b"".join(b"someone%d@example.com\n" % n for n in range(3000))


def test_a_file_that_may_not_grow_loses_nothing_that_was_acknowledged(operator: Operator) -> None:
    first = operator.lead("silent")
    operator.runs("enqueue", first).ended(0)
    size = operator.database.stat().st_size

    def limited(*command: str, stdin: bytes = b"") -> Result:
        ended = subprocess.run(
            [*PROGRAM, *command],
            input=stdin,
            capture_output=True,
            cwd=operator.folder,
            env=operator.environment,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2)),
            timeout=30,
            check=False,
        )
        return Result(command, ended.returncode, ended.stdout, ended.stderr)

    for result in (
        limited("leads", "import", "-", "-w", "acme", stdin=many_leads() * 3),
        limited("run", "--max-seconds", "20"),
    ):
        line = told(result, 14)
        assert "full" in line or "failed" in line, line
    sound(operator)


# The configuration


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "database = ",
            "databse = ",
            'line 1: databse is not a known key|did you mean "database"?',
        ),
        ('region = "US"', "region = 1", "workspaces.acme.region must be text in quotes|write"),
        ('provider = "gohighlevel"', 'provider = "gohilevel"', '.provider is not|"gohighlevel"?'),
        ("http://127.0.0.1", "http://sms.example.com", "base_url must begin with https|https"),
        ('rate = "10000/1s"', 'rate = "fast"', "rate must be requests per seconds|90/10s"),
        ("[workspaces.acme]", "[workspaces.acme", "line 3: not valid TOML|"),
        ('{ env = "ACME_GHL_TOKEN" }', '{ environ = "X" }', "sms.token must have one key|env"),
        ("location_id = ", "# ", "sms.location_id is missing|location_id"),
    ],
)
def test_a_configuration_that_is_wrong_names_the_file_the_place_and_the_remedy(
    operator: Operator, old: str, new: str, said: str
) -> None:
    text = operator.config.read_text()
    assert old in text
    operator.config.write_text(text.replace(old, new, 1))
    operator.tampers(
        "INSERT INTO jobs (kind, workspace, lead_id, dedupe_key, state, priority, run_at,"
        " max_attempts, created_at, requested_at) SELECT 'conversation_sync', workspace, id, id,"
        " 'pending', 0, created_at, 3, created_at, created_at FROM leads LIMIT 1"
    )
    result = operator.runs("run")
    line, remedy = told(result, 14), result.err.splitlines()[1]
    problem, hint = said.split("|")
    assert str(operator.config) in line
    assert "line " in line
    assert problem in line
    assert hint in remedy
    assert operator.states() == {"pending": 1}


def test_a_configuration_that_is_missing_says_how_to_start_one(operator: Operator) -> None:
    operator.config.unlink()
    assert f"no configuration file at {operator.config}" in told(operator.runs("status"), 14)
    home = operator.folder / "home"
    home.mkdir()
    bare = {"CONVSYNC_CONFIG": None, "HOME": str(home)}
    line = told(operator.runs("status", env=bare), 14)
    assert f"{home}/.config/convsync/config.toml" in line
    assert list(home.iterdir()) == []


def test_without_a_home_the_flags_are_enough(operator: Operator) -> None:
    places = ("--config", str(operator.config), "--db", str(operator.database))
    assert "HOME" not in operator.environment
    operator.runs(*places, "status", env={"CONVSYNC_CONFIG": None}).ended(0)


# Credentials: a credential that cannot be had stops its account only


def refused(operator: Operator, said: str, env: dict[str, str | None] | None = None) -> None:
    """The SMS account cannot be used, which is told once; everything else goes on."""
    operator.runs("enqueue-all", "-w", "acme").ended(0)
    result = operator.runs("run", "--max-seconds", "30", "--json", env=env).ended(0)
    (line,) = result.err.splitlines()
    assert line.startswith("convsync: acme/sms is not read: ")
    assert said in line
    assert result.json["failed"] == 0
    assert operator.asks("SELECT max(attempts) FROM jobs WHERE state = 'pending'") == [(0,)]
    assert only_sms_is_missing(operator)


def only_sms_is_missing(operator: Operator) -> bool:
    """All but acme's SMS has arrived, and none of acme's SMS is said to be synced."""
    missing = differences(operator)
    texts = len(list(operator.world.expected("acme", "sms")))
    assert len(missing) == texts
    assert all(each.startswith("sms ") for each in missing)
    synced = operator.asks(
        "SELECT count(synced_at) FROM lead_syncs WHERE workspace = 'acme' AND channel = 'sms'"
    )
    document = operator.runs("status", "--workspace", "acme", "--json").ended(0).json
    sms, email = document["workspaces"][0]["channels"]
    assert sms["pause_reason"] is not None
    assert (sms["synced_at"], email["never_synced"]) == (None, 0)
    return synced == [(0,)]


def test_a_credential_that_is_missing_stops_its_account_only(operator: Operator) -> None:
    refused(operator, "ACME_GHL_TOKEN is not set", {"ACME_GHL_TOKEN": None})
    # Once it is there again, what is missing comes by itself.
    again = operator.runs("run", "--max-seconds", "30", "--json").ended(0)
    assert again.stderr == b""
    assert operator.states().keys() == {"succeeded"}
    assert differences(operator) == []


def test_a_credential_file_that_others_can_read_stops_its_account_only(operator: Operator) -> None:
    token = operator.folder / "token"
    token.write_text(operator.environment["ACME_GHL_TOKEN"])
    token.chmod(0o644)
    operator.configures('{ env = "ACME_GHL_TOKEN" }', '{ file = "token" }')
    refused(operator, f"{token} is open to every user of this machine; chmod o-rwx {token}")
    token.chmod(0o600)
    operator.runs("run", "--max-seconds", "30").ended(0)
    assert differences(operator) == []


def test_a_token_in_a_configuration_that_others_can_read_is_refused(operator: Operator) -> None:
    operator.configures('{ env = "ACME_GHL_TOKEN" }', f'"{operator.environment["ACME_GHL_TOKEN"]}"')
    operator.config.chmod(0o644)
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    result = operator.runs("run")
    assert "holds a credential, but other users can open the file" in told(result, 14)
    assert operator.environment["ACME_GHL_TOKEN"] not in result.err
    operator.config.chmod(0o600)
    operator.runs("run", "--strict").ended(0)
    assert operator.states() == {"succeeded": 1}


def test_a_wrong_token_stops_its_account_only(operator: Operator) -> None:
    refused(operator, "refused the credential of acme/sms (HTTP 401)", {"ACME_GHL_TOKEN": "pit-x"})
    assert operator.asked("/conversations", "acme") == 0
    # Nobody is asked again before it is time, then one cheap request finds out.
    before = len(operator.sandbox.requests)
    operator.runs("run", "--max-seconds", "5", env={"ACME_GHL_TOKEN": "pit-x"}).ended(0)
    assert len(operator.sandbox.requests) == before
    operator.tampers("UPDATE accounts SET paused_until = '2026-01-01T00:00:00.000Z'")
    operator.runs("run", "--max-seconds", "30", "--strict").ended(0)
    assert differences(operator) == []


def test_a_wrong_location_stops_its_account_only(operator: Operator) -> None:
    location = operator.world.workspace("acme").location_id
    operator.configures(location, operator.world.workspace("globex").location_id)
    refused(operator, "(HTTP 403)")


# What providers do wrong: the channel says what happened, everything else goes on


FAULTS = {
    # what a provider does, to the SMS of the lead that plays a role: what becomes of its job
    "truncated": ({}, "two mailboxes", "unavailable", "pending"),
    "html": ({}, "visible twice", "unavailable", "pending"),
    "empty": ({}, "undated", "unavailable", "pending"),
    "reset": ({}, "pictures", "network", "pending"),
    "status": ({"status": 400}, "bounced", "rejected", "failed"),
    "redirect": ({}, "away", "rejected", "failed"),
    "cursor_loop": ({}, "long sms", "cursor_loop", "failed"),
}


@pytest.fixture(scope="module")
def bad_run(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Operator]:
    """Somebody whose run met every fault, each at another lead."""
    folder = tmp_path_factory.mktemp("bad")
    with on_duty(folder, template=template, top="max_attempts = 20\n") as operator:
        acme = operator.world.workspace("acme")
        for kind, (conditions, role, _, _) in FAULTS.items():
            contact = str(operator.person(role).contact)
            conversation = acme.conversations_of[contact][0].id
            path = f"/conversations/{conversation}/messages"
            operator.suffers(kind, path=path, **conditions)
        operator.runs("enqueue-all", "-w", "acme").ended(0)
        result = operator.runs("run", "--max-seconds", "30", "--json").ended(0)
        assert [line.split(" ", 2)[2] for line in result.err.splitlines()] == [
            "jobs failed for good: see `convsync jobs list --state failed`"
        ]
        yield operator


@pytest.mark.parametrize("kind", FAULTS)
def test_a_conversation_that_cannot_be_read_is_not_reported_as_synced(
    bad_run: Operator, kind: str
) -> None:
    _, role, code, state = FAULTS[kind]
    lead = bad_run.lead(role)
    assert bad_run.asks("SELECT state, error_code FROM jobs WHERE lead_id = ?", lead) == [
        (state, code)
    ]
    told = bad_run.runs("leads", "show", lead, "--json").ended(0).json["channels"]
    assert (told["sms"]["synced_at"], told["sms"]["outcome"] == "synced") == (None, False)
    assert told["email"]["outcome"] == "synced"
    shown = bad_run.runs("show", lead).ended(0).out
    assert f"sms: never read to its end (the last try failed: {code});" in shown


def test_the_other_channel_and_the_other_leads_go_on(bad_run: Operator) -> None:
    others = [bad_run.lead(role) for _, role, _, _ in FAULTS.values()]
    states = bad_run.asks(
        "SELECT DISTINCT state FROM jobs WHERE lead_id NOT IN (SELECT value FROM json_each(?))",
        json.dumps(others),
    )
    assert states == [("succeeded",)]
    unread = {bad_run.person(role).key for _, role, _, _ in FAULTS.values()}
    texts = [m for m in bad_run.world.expected("acme", "sms") if m.lead_key in unread]
    missing = differences(bad_run)
    assert all(each.startswith("sms ") for each in missing)
    assert 0 < len(missing) <= len(texts)
    assert [r for r in bad_run.sandbox.requests if r.provider == "elsewhere"] == []


def test_when_the_provider_is_well_again_everything_arrives(bad_run: Operator) -> None:
    bad_run.sandbox.faults.clear()
    leads = [bad_run.lead(role) for _, role, _, _ in FAULTS.values()]
    bad_run.runs("enqueue", *leads).ended(0)
    bad_run.runs("run", "--max-seconds", "30", "--strict").ended(0)
    assert differences(bad_run) == []


def test_a_row_that_makes_no_sense_costs_no_other_row(operator: Operator) -> None:
    operator.suffers("malformed_row")
    operator.runs("enqueue-all", "-w", "acme").ended(0)
    result = operator.runs("run", "--max-seconds", "30", "--json").ended(0)
    assert result.stderr == b""
    assert operator.states().keys() == {"succeeded"}
    assert differences(operator) == []


def test_rows_of_other_people_are_not_taken_for_the_leads_own(operator: Operator) -> None:
    operator.suffers("foreign_rows")
    lead = operator.lead("two mailboxes")
    operator.runs("enqueue", lead).ended(0)
    operator.runs("run", "--max-seconds", "20").ended(0)
    key = operator.person("two mailboxes").key
    own = {
        each
        for channel in ("sms", "email")
        for message in operator.world.expected("acme", channel)
        if message.lead_key == key
        for each in message.external_ids
    }
    stored = {id for (id,) in operator.asks("SELECT external_id FROM messages")}
    assert stored <= own


def test_a_contact_that_was_deleted_is_a_channel_without_messages(operator: Operator) -> None:
    person, lead = operator.person("two mailboxes"), operator.lead("two mailboxes")
    acme = operator.world.workspace("acme")
    with acme.lock:
        for conversation in acme.conversations_of.pop(str(person.contact)):
            del acme.conversations[conversation.id]
        del acme.contacts[str(person.contact)]
        acme.bison_leads.pop(int(person.bison or 0))
        acme.bison_emails.pop(person.emails[0].lower())
        acme._changed()
    operator.runs("enqueue", lead, operator.lead("away")).ended(0)
    result = operator.runs("run", "--max-seconds", "20", "--strict", "--json").ended(0)
    assert result.json["succeeded"] == 2
    channels = operator.runs("leads", "show", lead, "--json").json["channels"]
    assert {told["outcome"] for told in channels.values()} <= {"not_found", "synced"}
    assert "not_found" in {told["outcome"] for told in channels.values()}
    assert operator.runs("export", "--lead", lead).ended(0).stdout == b""


def test_a_deleted_contact_takes_nothing_that_was_stored_with_it(operator: Operator) -> None:
    lead, person = operator.lead("sms only"), operator.person("sms only")
    operator.runs("enqueue", lead).ended(0)
    operator.runs("run").ended(0)
    before = operator.runs("export", "--lead", lead).ended(0).stdout
    assert before
    acme = operator.world.workspace("acme")
    with acme.lock:
        for conversation in acme.conversations_of.pop(str(person.contact)):
            del acme.conversations[conversation.id]
        del acme.contacts[str(person.contact)]
        acme._changed()
    operator.runs("enqueue", lead, "--force").ended(0)
    operator.runs("run").ended(0)
    assert operator.runs("export", "--lead", lead).ended(0).stdout == before


def test_a_network_that_is_down_is_tried_again_and_says_so(operator: Operator) -> None:
    lead = operator.lead("two mailboxes")
    operator.sandbox.close()
    operator.runs("enqueue", lead).ended(0)
    result = operator.runs("run", "--max-seconds", "20", "--json").ended(0)
    assert result.stderr == b""
    assert (result.json["retried"], result.json["failed"]) == (1, 0)
    assert operator.asks("SELECT state, error_code FROM jobs") == [("pending", "network")]
    channels = operator.runs("leads", "show", lead, "--json").json["channels"]
    assert {told["error_code"] for told in channels.values()} == {"network"}
    assert {told["synced_at"] for told in channels.values()} == {None}


def test_whoever_waited_too_long_for_a_locked_database_is_told_to_come_again(
    locked_out: Running,
) -> None:
    assert "writing to" in told(locked_out.ends(), 11)
