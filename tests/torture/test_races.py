"""Many at once: enqueuers of the same leads, runners of the same jobs, and both."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from threading import Barrier

import pytest

from convsync_cli.sync.engines.sqlite import open_store
from convsync_cli.sync.errors import Locked
from tests.torture import invariants
from tests.torture.harness import Ended, Harness, eventually, installed

LEADS = 1_500
ENQUEUERS = 16
RUNNERS = 8


def test_sixteen_processes_enqueue_the_same_leads_and_each_is_queued_once(tmp_path: Path) -> None:
    mails = [f"lead{n}@example.com" for n in range(LEADS)]
    with installed(tmp_path, ["acme"]) as harness:
        listed = "\n".join(["email", *mails]).encode()
        harness.runs("leads", "import", "-", "-w", "acme", stdin=listed).well()
        ready = Barrier(ENQUEUERS)

        def enqueuer(number: int) -> list[Ended]:
            """One who asks in a way of its own: all at once, by the hundred, or one by one."""
            chance = Random(number)
            mine = chance.sample(mails, LEADS)
            size = (LEADS, LEADS, 300, 1)[number % 4]
            asked = mine[:8] if size == 1 else mine
            ready.wait(30)
            return [
                _enqueue(harness, asked[start : start + size])
                for start in range(0, len(asked), size)
            ]

        with ThreadPoolExecutor(ENQUEUERS) as pool, invariants.Watch(harness.database) as watch:
            ended = [each for answers in pool.map(enqueuer, range(ENQUEUERS)) for each in answers]

        assert [each for each in ended if each.code or each.err] == []
        assert not any("locked" in each.out for each in ended)
        assert sum(_count(each, "queued") for each in ended) == LEADS
        assert harness.states() == {"pending": LEADS}
        assert watch.seen == invariants.damage(harness) == []


def test_eight_runners_beside_each_other_do_every_job_once(tmp_path: Path) -> None:
    with installed(tmp_path, leads=50) as harness:
        harness.takes_in_leads()
        harness.suffers("latency", seconds=0.02)
        harness.runs("enqueue-all").well()
        jobs = harness.states()["pending"]
        started = [
            harness.starts("run", "--max-seconds", "30", "--parallel", "--json")
            for _ in range(RUNNERS)
        ]
        reports = [each.ends().well().json for each in started]

        assert harness.states() == {"succeeded": jobs}
        assert sum(report["claimed"] for report in reports) == jobs
        assert sum(report["claimed"] > 0 for report in reports) > 1, "nobody raced"
        assert harness.asks("SELECT count(*), sum(outcome = 'done') FROM attempts") == [
            (jobs, jobs)
        ]
        assert invariants.twice_at_once(harness) == []
        assert invariants.wrong_messages(harness) == []
        assert _contacts_asked_for(harness) == Counter(_contacts_of_one_lead(harness))


def test_a_message_that_arrives_while_its_lead_is_read_is_fetched_by_one_more_run(
    harness: Harness,
) -> None:
    lead = harness.leads("acme")["acme-00003", "sms"]
    harness.runs("enqueue", lead).well()
    harness.suffers("latency", seconds=1.5, times=1, path="*/messages")
    run = harness.starts("run", "--max-seconds", "30", "--json")
    eventually(lambda: any("/messages" in one.path for one in list(harness.sandbox.requests)))

    said = harness.world.say("acme", "acme-00003", "sms", "inbound", "one more thing")
    (answer,) = harness.runs("enqueue", lead, "--json").well().json["already_queued"]

    assert answer["state"] == "running"
    assert run.ends().well().json["succeeded"] == 2
    assert harness.asks(
        "SELECT count(*) FROM messages WHERE external_id = ?", *said.external_ids
    ) == [(1,)]
    assert harness.states() == {"succeeded": 1}
    assert invariants.twice_at_once(harness) == []


def test_who_reads_first_in_a_transaction_can_write_in_it(harness: Harness) -> None:
    one, other = (
        open_store(str(harness.database), patience_ms=patience) for patience in (2_000, 50)
    )
    now = datetime.now(UTC)
    with one.transaction():
        one.accounts.states()
        with pytest.raises(Locked):
            other.runs.start("other", 1, 1.0, now)
        one.runs.start("one", 1, 1.0, now)
    other.runs.start("other", 1, 1.0, now)
    for store in (one, other):
        store.close()
    assert harness.asks("SELECT host FROM runs ORDER BY id") == [("one",), ("other",)]


def _enqueue(harness: Harness, mails: list[str]) -> Ended:
    if len(mails) == 1:
        return harness.runs("enqueue", *mails, "--json")
    return harness.runs("enqueue", "-", "--json", stdin="\n".join(mails).encode())


def _count(ended: Ended, answer: str) -> int:
    told = ended.json[answer]
    return told if isinstance(told, int) else len(told)


def _contacts_asked_for(harness: Harness) -> Counter[str]:
    """How often each contact's conversations were looked for, of those that one lead is."""
    own = set(_contacts_of_one_lead(harness))
    queries = (dict(one.query) for one in harness.sandbox.requests if "search" in one.path)
    return Counter(query["contactId"] for query in queries if query.get("contactId") in own)


def _contacts_of_one_lead(harness: Harness) -> Iterator[str]:
    for name, workspace in harness.world.workspaces.items():
        leads = harness.leads(name)
        for person in workspace.people.values():
            places = {leads.get((person.key, channel)) for channel in ("sms", "email")}
            if person.contact and len(places) == 1:
                yield person.contact
