"""The promises of the design, one test or more each, kept by real processes."""

import itertools
import json
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from convsync_cli.sandbox.limits import Allowance
from convsync_cli.sandbox.server import Recorded
from tests.commands.operator import (
    Operator,
    Result,
    Running,
    differences,
    eventually,
    on_duty,
)

MESSAGES = "/conversations/*/messages"
MARGIN_S = 2.0


def drained(operator: Operator) -> None:
    """Work until nothing is left to do."""
    for _ in range(5):
        told = operator.runs("run", "--max-seconds", "50", "--json").ended(0).json
        if told["reason"] == "drained" and not told["due_left"]:
            return
    raise AssertionError(f"not drained: {told}")


# 1


def test_promise_1_enqueue_is_idempotent_under_any_race(operator: Operator) -> None:
    leads = b"".join(b'{"email": "someone%d@example.com"}\n' % n for n in range(300))
    operator.runs("leads", "import", "-", "-w", "acme", stdin=leads).ended(0)
    ids = [lead for (lead,) in operator.asks("SELECT id FROM leads ORDER BY id DESC LIMIT 300")]
    racers = [operator.starts("enqueue", "-", "--json", stdin=True) for _ in range(8)]
    for number, racer in enumerate(racers):
        order = Random(number).sample(ids, len(ids))
        assert racer.process.stdin
        racer.process.stdin.write("\n".join(order).encode())
        racer.process.stdin.flush()
    for racer in racers:  # all have read nearly everything and are let go at once
        assert racer.process.stdin
        racer.process.stdin.close()
        racer.process.stdin = None
    results = [racer.ends().ended(0) for racer in racers]
    assert [result.stderr for result in results] == [b""] * 8
    assert sum(result.json["queued"] for result in results) == 300
    assert sum(result.json["already_queued"] for result in results) == 7 * 300
    jobs = operator.asks("SELECT count(*), count(DISTINCT lead_id), max(state) FROM jobs")
    assert jobs == [(300, 300, "pending")]


def test_promise_1_also_while_a_run_ends_those_very_jobs(operator: Operator) -> None:
    leads = [lead for (lead,) in operator.asks("SELECT id FROM leads WHERE workspace = 'acme'")]
    operator.runs("enqueue-all", "-w", "acme").ended(0)
    run = operator.starts("run", "--max-seconds", "40", "--json")
    rounds = 0
    while run.alive or rounds < 2:
        racers = [operator.starts("enqueue", "-", "--json", stdin=True) for _ in range(3)]
        for racer in racers:
            assert racer.process.stdin
            racer.process.stdin.write("\n".join(leads).encode())
        for racer in racers:
            assert racer.ends().ended(0).stderr == b""
        live = operator.asks(
            "SELECT max(n) FROM (SELECT count(*) AS n FROM jobs"
            " WHERE state IN ('pending', 'running') GROUP BY dedupe_key)"
        )
        assert live in ([(1,)], [(None,)])
        rounds += 1
    run.ends().ended(0)
    assert operator.asks("SELECT count(*) FROM jobs") == [(len(leads),)]


# 2


def test_promise_2_nothing_acknowledged_is_lost_by_kill_9(operator: Operator) -> None:
    operator.suffers("latency", seconds=0.02)
    acknowledged = set()
    for role in ("silent", "away", "long sms"):
        told = operator.runs("enqueue", operator.lead(role), "--json").ended(0).json
        acknowledged.add(told["queued"][0]["job"])
    acknowledged |= {id for (id,) in killed_enqueuer(operator)}
    for _ in range(2):  # a job that is killed three times is given up
        run = operator.starts("run", "--max-seconds", "40")
        seen = len(operator.sandbox.requests)
        eventually(partial(asked_more, operator, run, seen + 40))
        run.gets(signal.SIGKILL)
        assert run.ends().code == -signal.SIGKILL
        assert operator.states().get("running", 0) > 0
    operator.runs("enqueue-all").ended(0)
    operator.sandbox.faults.clear()
    drained(operator)
    assert operator.asks("PRAGMA integrity_check") == [("ok",)]
    assert operator.asks("PRAGMA foreign_key_check") == []
    assert operator.states().keys() == {"succeeded"}
    kept = {id for (id,) in operator.asks("SELECT id FROM jobs")}
    assert acknowledged <= kept
    assert ("lost",) in operator.asks("SELECT DISTINCT outcome FROM attempts")
    assert differences(operator) == differences(operator, "globex") == []


def asked_more(operator: Operator, run: Running, than: int, pattern: str = "") -> bool:
    """Whether more requests than so many have arrived from a run that is still alive."""
    assert run.alive, run.ends()
    return operator.asked(pattern) > than


def killed_enqueuer(operator: Operator) -> list[tuple[Any, ...]]:
    """Kill a process that enqueues, in the middle; what it had committed is acknowledged."""
    leads = [lead for (lead,) in operator.asks("SELECT id FROM leads")]
    enqueuer = operator.starts("enqueue", "-", stdin=True)
    assert enqueuer.process.stdin
    for lead in itertools.islice(itertools.cycle(leads), 2100):
        enqueuer.process.stdin.write(f"{lead}\n".encode())
    enqueuer.process.stdin.flush()
    eventually(lambda: operator.states().get("pending", 0) > 3)
    enqueuer.gets(signal.SIGKILL)
    assert enqueuer.ends().code == -signal.SIGKILL
    return operator.asks("SELECT id FROM jobs")


def test_promise_2_nothing_is_lost_by_a_clock_that_jumps(operator: Operator) -> None:
    operator.runs("enqueue-all", "-w", "acme").ended(0)
    ahead = "'2126-01-01T00:00:00.000Z'"
    operator.tampers(
        f"UPDATE jobs SET created_at = {ahead}, requested_at = {ahead}, run_at = {ahead}"
    )
    operator.tampers(
        f"UPDATE jobs SET state = 'running', attempts = 1, token = 1, lease_until = {ahead},"
        f" started_at = {ahead} WHERE id = 1"
    )
    operator.tampers(f"UPDATE accounts SET paused_until = {ahead}, reason = 'rate_limited'")
    drained(operator)
    assert operator.states().keys() == {"succeeded"}
    assert differences(operator) == []


def test_promise_2_a_job_that_kills_its_process_ends_as_failed_and_not_in_a_loop(
    operator: Operator,
) -> None:
    operator.suffers("hang", path=MESSAGES)
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    for _ in range(3):
        seen = operator.asked("/messages")
        run = operator.starts("run", "--max-seconds", "40")
        eventually(partial(asked_more, operator, run, seen, "/messages"))
        run.gets(signal.SIGKILL)
        run.ends()
    told = operator.runs("run", "--json").ended(0).json
    assert (told["rescued"], told["claimed"]) == (1, 0)
    assert operator.asks("SELECT state, attempts, error_code FROM jobs") == [("failed", 3, "lost")]


# 3


TROUBLES = ("hang", "drip", "names", "connect", "credential")
BUDGET_S = 1.0
START_S = 0.6  # what an idle machine needs to start and end a run that has nothing to do


@pytest.fixture(scope="module")
def in_trouble(
    tmp_path_factory: pytest.TempPathFactory, template: Path
) -> Iterator[dict[str, tuple[Operator, Result]]]:
    """A run for every trouble, all at once, since each waits for its budget to be spent.

    Beside them one without work, under ``none``, which shows how slow the machine is just now.
    """
    with ExitStack() as stack:
        address = stack.enter_context(pit())
        operators: dict[str, tuple[Operator, dict[str, str]]] = {}
        for trouble in ("none", *TROUBLES):
            folder = tmp_path_factory.mktemp(trouble)
            operator = stack.enter_context(on_duty(folder, template=template))
            changed = {} if trouble == "none" else troubled(operator, trouble, address)
            operators[trouble] = (operator, changed)

        def work(trouble: str) -> Result:
            operator, changed = operators[trouble]
            return operator.runs("run", "--max-seconds", str(BUDGET_S), "--json", env=changed)

        with ThreadPoolExecutor(len(operators)) as pool:
            results = list(pool.map(work, operators))
        yield {
            trouble: (operator, result)
            for (trouble, (operator, _)), result in zip(operators.items(), results, strict=True)
        }


def troubled(operator: Operator, trouble: str, address: str) -> dict[str, str]:
    """Put an operator with two jobs into trouble; returns what that changes in the environment."""
    operator.runs("enqueue", operator.lead("sms only"), operator.lead("two mailboxes")).ended(0)
    match trouble:
        case "hang":
            operator.suffers("hang")
        case "drip":
            operator.suffers("drip", seconds=1)
        case "names":
            return {"PYTHONPATH": unresolvable(operator)}
        case "connect":
            operator.configures(operator.sandbox.gohighlevel_url, address)
        case "credential":
            operator.configures('{ env = "ACME_GHL_TOKEN" }', '{ command = ["sleep", "60"] }')
    return {}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_promise_3_a_run_never_outlives_its_budget(
    in_trouble: dict[str, tuple[Operator, Result]], trouble: str
) -> None:
    operator, result = in_trouble[trouble]
    result.ended(0)
    slowness = max(0.0, in_trouble["none"][1].ended(0).seconds - START_S)
    assert BUDGET_S * 0.5 <= result.seconds <= BUDGET_S + MARGIN_S + slowness
    assert result.json["failed"] == 0
    # Free of charge: no attempt is used up, and nothing stays with a dead process.
    left = operator.asks("SELECT state, attempts FROM jobs WHERE state != 'succeeded'")
    assert left
    assert set(left) == {("pending", 0)}


def unresolvable(operator: Operator) -> str:
    """A path for Python on which every look-up of a name hangs, as a dead resolver makes it."""
    folder = operator.folder / "hooks"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import socket, time\nsocket.getaddrinfo = lambda *a, **k: time.sleep(3600)\n"
    )
    for url in (operator.sandbox.gohighlevel_url, operator.sandbox.emailbison_url):
        operator.configures(url, "https://send.example.com")
    return f"{folder}{os.pathsep}{operator.environment['PYTHONPATH']}"


@contextmanager
def pit() -> Iterator[str]:
    """The address of a server that never takes a connection: its queue is full."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_promise_3_what_was_not_finished_goes_on_from_the_page_it_had_reached(
    operator: Operator,
) -> None:
    lead, person = operator.lead("long sms"), operator.person("long sms")
    operator.suffers("hang", path=MESSAGES, page=4)
    operator.runs("enqueue", lead).ended(0)
    first = operator.runs("run", "--max-seconds", "1.5", "--json").ended(0).json
    assert (first["reason"], first["released"]) == ("budget", 1)
    assert first["messages"]["new"] > 250
    pages = [dict(r.query).get("lastMessageId") for r in texts_asked(operator)]
    assert pages[0] is None
    assert len(pages) == 4
    operator.sandbox.faults.clear()
    operator.sandbox.requests.clear()
    second = operator.runs("run", "--max-seconds", "30", "--json").ended(0).json
    assert second["succeeded"] == 1
    assert second["messages"]["unchanged"] < 100
    again = [dict(r.query).get("lastMessageId") for r in texts_asked(operator)]
    assert again[0] == pages[3]
    assert None not in again
    wanted = [m for m in operator.world.expected("acme", "sms") if m.lead_key == person.key]
    stored = operator.asks("SELECT count(*) FROM messages WHERE channel = 'sms'")
    assert stored == [(len(wanted),)]
    assert operator.asks("SELECT attempts FROM jobs") == [(1,)]


def texts_asked(operator: Operator) -> list[Recorded]:
    """The requests for pages of text messages."""
    return [r for r in operator.sandbox.requests if r.path.endswith("/messages")]


# 4


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"kind": "unauthorized"}, {"kind": "rate_limited", "seconds": 60}),
        ({"kind": "truncated"}, {"kind": "status", "status": 400}),
    ],
)
def test_promise_4_complete_or_it_says_so(
    operator: Operator, first: dict[str, Any], second: dict[str, Any]
) -> None:
    leads = {name: operator.lead("long sms", name) for name in ("acme", "globex")}
    for name, fault in zip(leads, (first, second), strict=True):
        operator.suffers(**fault, workspace=name, path=MESSAGES, page=3)
    operator.runs("enqueue", *leads.values()).ended(0)
    operator.runs("run", "--max-seconds", "10").ended(0)
    checked = operator.runs("status", "--check", "--max-age", "1h", "--json").ended(20)
    for workspace in checked.json["workspaces"]:
        sms, email = workspace["channels"]
        assert (sms["synced_at"], sms["age_p50_s"]) == (None, None)
        assert email["synced_at"] is not None
        assert f"{workspace['name']}/sms" in checked.err
        lead = leads[workspace["name"]]
        cut = "SELECT count(*) > 100 FROM messages WHERE lead_id = ? AND channel = 'sms'"
        assert operator.asks(cut, lead) == [(1,)]
        assert "never read to its end" in operator.runs("show", lead).ended(0).out
        told = operator.runs("leads", "show", lead, "--json").ended(0).json["channels"]
        assert (told["sms"]["synced_at"], told["sms"]["outcome"]) == (None, "failed")


# 5


HEALING: dict[str, tuple[dict[str, Any], int, tuple[str, str | None]]] = {
    # what happens to the SMS of the lead that plays a role: how often each attempt asks, its job
    "two mailboxes": ({"kind": "reset", "times": 1}, 2, ("succeeded", None)),
    "visible twice": ({"kind": "reset", "times": 2}, 3, ("succeeded", None)),
    "undated": ({"kind": "reset"}, 3, ("pending", "network")),
    "pictures": ({"kind": "status", "status": 503}, 1, ("pending", "unavailable")),
    "bounced": ({"kind": "html"}, 1, ("pending", "unavailable")),
    "away": ({"kind": "status", "status": 400}, 1, ("failed", "rejected")),
}


def test_promise_5_retry_only_what_can_heal(operator: Operator) -> None:
    operator.configures("database = ", "max_attempts = 20\ndatabase = ")
    paths = {}
    for role, (fault, _, _) in HEALING.items():
        contact = str(operator.person(role).contact)
        conversation = operator.world.workspace("acme").conversations_of[contact][0].id
        paths[role] = f"/conversations/{conversation}/messages"
        operator.suffers(**fault, path=paths[role])
    operator.runs("enqueue", *(operator.lead(role) for role in HEALING)).ended(0)
    said = operator.runs("run", "--max-seconds", "20").ended(0).err
    assert (said.count("\n"), "failed for good" in said) == (1, True)
    for role, (_, requests, (state, code)) in HEALING.items():
        job = job_of(operator, role)
        assert (job[0], job[2]) == (state, code), role
        # A backoff may be so short that the same run makes the next attempt.
        assert job[1] == 1 or state == "pending", role
        assert operator.asked(paths[role]) == requests * job[1], role


def job_of(operator: Operator, role: str) -> tuple[Any, ...]:
    """How the job of a lead stands: its state, its attempts, its error's code."""
    asked = "SELECT state, attempts, error_code FROM jobs WHERE lead_id = ?"
    return operator.asks(asked, operator.lead(role))[0]


@pytest.mark.parametrize(
    ("kind", "code"), [("rate_limited", "rate_limited"), ("unauthorized", "paused")]
)
def test_promise_5_what_only_time_or_a_person_can_heal_is_asked_once_and_burns_no_job(
    operator: Operator, kind: str, code: str
) -> None:
    operator.suffers(kind, path=MESSAGES, seconds=60)
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    said = operator.runs("run", "--max-seconds", "10").ended(0).err.splitlines()
    assert len(texts_asked(operator)) == 1
    assert job_of(operator, "sms only") == ("pending", 0, code)
    assert len(said) == (1 if kind == "unauthorized" else 0)  # one clear sentence
    assert all("acme/sms is not read: the provider refused" in line for line in said)


def test_promise_5_a_server_error_is_the_jobs_to_retry_and_not_for_ever(operator: Operator) -> None:
    operator.suffers("status", path=MESSAGES, status=500)
    operator.runs("enqueue", operator.lead("sms only")).ended(0)
    for attempt in (1, 2, 3):
        operator.runs("run", "--max-seconds", "10").ended(0)
        assert len(texts_asked(operator)) == attempt
        later = operator.asks("SELECT state, run_at > requested_at FROM jobs")
        assert later == [("pending", 1) if attempt < 3 else ("failed", 0)]
        operator.tampers("UPDATE jobs SET run_at = requested_at WHERE state = 'pending'")
    assert operator.asks("SELECT state, attempts FROM jobs") == [("failed", 3)]


# 6


def test_promise_6_no_limit_is_exceeded_by_all_processes_together(operator: Operator) -> None:
    operator.sandbox.limits.enforced = True
    for provider in ("gohighlevel", "emailbison"):
        operator.sandbox.limits.allow(provider, Allowance(40, 2.0))
    operator.configures('rate = "10000/1s"', 'rate = "36/2s"')  # as careful as the defaults
    operator.runs("enqueue-all").ended(0)
    told = ("run", "--parallel", "--concurrency", "16", "--max-seconds", "40", "--json")
    runs = [operator.starts(*told) for _ in range(2)]
    results = [run.ends().ended(0).json for run in runs]
    assert all(result["claimed"] > 0 for result in results)
    drained(operator)
    usage = operator.sandbox.limits.usage()
    assert len(usage) == 4
    assert [(each.exceeded, each.refused) for each in usage.values()] == [(False, 0)] * 4
    assert max(each.worst for each in usage.values()) > 25  # it was a test of the limit
    assert differences(operator) == differences(operator, "globex") == []


def test_promise_6_a_429_pauses_that_account_only(operator: Operator) -> None:
    operator.suffers(
        "rate_limited", provider="gohighlevel", workspace="acme", seconds=600, times=1, skip=5
    )
    operator.runs("enqueue-all").ended(0)
    result = operator.runs("run", "--max-seconds", "30", "--concurrency", "1", "--json").ended(0)
    assert result.stderr == b""
    assert result.json["failed"] == result.json["retried"] == 0
    answers = [r.status for r in operator.sandbox.requests if r.workspace == "acme"
               and r.provider == "gohighlevel"]  # fmt: skip
    assert answers == [200] * 5 + [429]
    assert differences(operator, "globex") == []
    assert {each.split()[0] for each in differences(operator)} == {"sms"}
    assert operator.asks("SELECT max(attempts) FROM jobs WHERE state = 'pending'") == [(0,)]
    acme, globex = operator.runs("status", "--json").ended(0).json["workspaces"]
    reasons = [c["pause_reason"] for c in acme["channels"] + globex["channels"]]
    assert reasons == ["rate_limited", None, None, None]
    operator.runs("run", "--max-seconds", "5").ended(0)  # still paused, also for a run to come
    assert len([r for r in operator.sandbox.requests if r.status == 429]) == 1
    operator.tampers("UPDATE accounts SET paused_until = '2026-01-01T00:00:00.000Z'")
    operator.tampers("UPDATE jobs SET run_at = requested_at WHERE state = 'pending'")
    drained(operator)
    assert differences(operator) == []


# 7


def test_promise_7_what_was_synced_just_now_costs_no_request(operator: Operator) -> None:
    operator.runs("enqueue-all", "-w", "globex").ended(0)
    drained(operator)
    operator.sandbox.requests.clear()
    leads = [lead for (lead,) in operator.asks("SELECT id FROM leads WHERE workspace = 'globex'")]
    operator.runs("enqueue-all", "-w", "globex").ended(0)
    operator.runs("enqueue", "-", stdin="\n".join(leads).encode()).ended(0)
    operator.runs("enqueue", *leads).ended(0)
    drained(operator)
    assert operator.sandbox.requests == []


def test_promise_7_a_lead_is_asked_for_once_however_many_ask(operator: Operator) -> None:
    lead = operator.lead("silent")
    operator.runs("enqueue", *[lead] * 50).ended(0)
    drained(operator)
    first = len(operator.sandbox.requests)
    assert first <= 5  # whose account it is, its conversations, and its mail received and sent
    operator.runs("enqueue", lead, "--force").ended(0)
    drained(operator)
    assert len(operator.sandbox.requests) <= 2 * first


# 8


def test_promise_8_no_personal_data_in_logs_telemetry_or_errors(operator: Operator) -> None:
    person, text = operator.person("two mailboxes"), "canary-text-4711"
    operator.world.say("acme", person.key, "sms", "inbound", text)
    operator.world.say("acme", person.key, "email", "inbound", text)
    acme = operator.world.workspace("acme")
    private = {text, person.emails[0], *person.phones, person.name, str(person.contact)}
    private |= {acme.gohighlevel_token, acme.emailbison_token, "Canary", "canary@example.com"}
    kinds = ("reset", "malformed_row", "foreign_rows", "cursor_loop")
    lead, seen = operator.lead("two mailboxes"), ""
    canary = b"email,name\ncanary@example.com,Canary\n,Canary\nx,canary@example.com,Canary\n"
    seen += operator.runs("leads", "import", "-", "-w", "acme", stdin=canary).ended(3).err
    for kind in kinds:
        operator.suffers(kind)
        operator.runs("enqueue", lead, "--force").ended(0)
        seen += public(operator, "run", "--max-seconds", "10")
        operator.sandbox.faults.clear()
    for status in (422, 503):
        operator.suffers("status", status=status)
        operator.runs("enqueue", lead, "acme/canary@example.com", "--force").ended(0)
        seen += public(operator, "run", "--max-seconds", "10", "--json")
        operator.sandbox.faults.clear()
    operator.runs("enqueue", lead, "--force").ended(0)
    seen += public(operator, "run", "--max-seconds", "10", "--progress")
    operator.suffers("unauthorized")
    operator.runs("enqueue", lead, "--force").ended(0)
    seen += public(operator, "run", "--max-seconds", "10", "--strict", "--json")
    for command in (["status"], ["jobs", "list"], ["jobs", "show", "1"]):
        seen += public(operator, *command, "--json")
    seen += public(operator, "status")
    for command in (["show"], ["enqueue"], ["export", "--lead"], ["leads", "show"]):
        seen += operator.runs(*command, f"x{person.emails[0]}", "--json").err
    for table in ("jobs", "attempts", "runs", "accounts"):
        seen += json.dumps(operator.asks(f"SELECT * FROM {table}"), ensure_ascii=False)
    assert [each for each in private if each.lower() in seen.lower()] == []
    # All of it was there to be told.
    told = operator.runs("export").out + operator.runs("leads", "list", "--json").out
    known = private - {acme.gohighlevel_token, acme.emailbison_token, str(person.contact)}
    assert [each for each in known if each not in told] == []


def public(operator: Operator, *command: str) -> str:
    """All that a command prints, which a log or a monitor may read."""
    result = operator.runs(*command)
    assert "Traceback" not in result.err
    return result.out + result.err


# 9


def test_promise_9_one_bad_account_lead_or_message_harms_no_other(operator: Operator) -> None:
    bad = operator.person("long sms")
    acme = operator.world.workspace("acme")
    conversation = acme.conversations_of[str(bad.contact)][0].id
    operator.suffers("status", status=400, path=f"/conversations/{conversation}/messages")
    operator.suffers("malformed_row", path="/api/leads/*/replies", workspace="acme")
    wrong = {"GLOBEX_GHL_TOKEN": "pit-wrong"}
    operator.runs("enqueue-all").ended(0)
    odd, lead = operator.lead("silent"), operator.lead("long sms")
    operator.tampers("UPDATE jobs SET kind = 'no_such_kind' WHERE lead_id = ?", odd)
    result = operator.runs("run", "--max-seconds", "30", "--json", env=wrong)
    assert result.code == 0, result
    assert "Traceback" not in result.err
    missing = differences(operator)
    own = [m for m in operator.world.expected("acme", "sms") if m.lead_key == bad.key]
    silent = operator.person("silent").key
    unread = [
        m
        for channel in ("sms", "email")
        for m in operator.world.expected("acme", channel)
        if m.lead_key == silent
    ]
    assert len(missing) == len(own) + len(unread)
    assert all(each.startswith("sms ") for each in differences(operator, "globex"))
    failed = operator.asks("SELECT lead_id FROM jobs WHERE state = 'failed'")
    assert failed == [(lead,)]
    states = dict(operator.asks("SELECT workspace || ':' || state, count(*) FROM jobs GROUP BY 1"))
    assert states["acme:succeeded"] > 15
    assert operator.asks("SELECT state FROM jobs WHERE lead_id = ?", odd) == [("pending",)]


def test_promise_9_a_workspace_with_a_backlog_does_not_keep_another_waiting(
    operator: Operator,
) -> None:
    operator.suffers("latency", workspace="acme", seconds=0.4)
    operator.runs("enqueue-all", "-w", "acme").ended(0)
    operator.runs("enqueue-all", "-w", "globex").ended(0)
    run = operator.starts("run", "--concurrency", "4", "--max-seconds", "40")
    done = "SELECT count(*) FROM jobs WHERE workspace = ? AND state != 'succeeded'"
    eventually(lambda: operator.asks(done, "globex") == [(0,)])
    assert operator.asks(done, "acme")[0][0] > 10  # first come, first served would leave 4
    run.gets(signal.SIGTERM)
    run.ends().ended(143)


def test_the_pit_takes_no_connection() -> None:
    with pit() as url, closing(socket.socket()) as client:
        client.settimeout(0.3)
        host, port = url.removeprefix("http://").split(":")
        with pytest.raises(TimeoutError):
            client.connect((host, int(port)))
