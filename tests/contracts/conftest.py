"""One suite per port, run over every engine: another engine is one more line in ``ENGINES``.

Times are seconds after noon of a fixed day; stores are asked through ``Agency``, which fills in
what a test does not care about.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from convsync_cli.sync.engines.sqlite import open_store
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.address import Address, AddressKind
from convsync_cli.sync.model.job import Attempt, Claim, Effort, Job, JobFilter, JobState, Settlement
from convsync_cli.sync.model.lead import Contact, Handle, Lead, Learnt
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.model.placing import Placement, Priority, Terms
from convsync_cli.sync.model.progress import Saved, Stored, Walk
from convsync_cli.sync.model.swept import Swept
from convsync_cli.sync.ports import Store
from tests.sync.workbench import empty_database

Engine = Callable[[Path], Store]  # opens the store in a folder; the first time, makes it


def open_sqlite(folder: Path) -> Store:
    file = folder / "convsync.db"
    if not file.exists():
        file.write_bytes(empty_database())
    return open_store(str(file))


ENGINES = [pytest.param(open_sqlite, id="sqlite")]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHANNELS = {"gohighlevel": Channel.SMS, "emailbison": Channel.EMAIL}
DAY_S = 86_400.0
USUAL = Rate(100, 10)

ENDINGS = {
    "done": Settlement("done", JobState.SUCCEEDED),
    "failed": Settlement("failed", JobState.FAILED, code="rejected", error="it said no"),
}


def at(seconds: float) -> datetime:
    """A moment, told by its distance from noon."""
    return NOON + timedelta(seconds=seconds)


def email(raw: str, value: str | None = "") -> Address:
    """A mail address; unusable with ``value=None``."""
    return Address(AddressKind.EMAIL, raw, raw.lower() if value == "" else value)


def phone(raw: str, value: str | None = "") -> Address:
    """A phone number; unusable with ``value=None``."""
    return Address(AddressKind.PHONE, raw, raw if value == "" else value)


def person(
    *addresses: Address, name: str | None = None, company: str | None = None, **handles: str
) -> Contact:
    """A contact; ``gohighlevel="c1"`` is its id there."""
    return Contact(
        name, company, addresses, tuple(Handle(place, id) for place, id in handles.items())
    )


def sms(external_id: str | None, body: str = "hi", seconds: float = 0, **further: Any) -> Message:
    """An SMS that came in."""
    told: dict[str, Any] = {"direction": Direction.INBOUND, "sent_at": at(seconds)} | further
    return Message(Channel.SMS, "gohighlevel", external_id, body=body, **told)


def mail(external_id: str | None, body: str = "hi", seconds: float = 0, **further: Any) -> Message:
    """A mail that came in."""
    told: dict[str, Any] = {"direction": Direction.INBOUND, "sent_at": at(seconds)} | further
    return Message(Channel.EMAIL, "emailbison", external_id, body=body, **told)


def account(workspace: str = "acme", channel: Channel = Channel.SMS, rate: Rate = USUAL) -> Account:
    """A configured account."""
    provider = {place: name for name, place in CHANNELS.items()}[channel]
    return Account(workspace, channel, provider, "https://api.example.com", rate, None)


@dataclass
class Agency:
    """A store, asked in few words."""

    store: Store
    _leads: int = field(default=0)

    def learn(self, contact: Contact, workspace: str = "acme", when: float = 0) -> Learnt:
        return self.store.leads.learn(workspace, contact, CHANNELS, at(when))

    def lead(self, *addresses: Address, workspace: str = "acme", **handles: str) -> str:
        """Add a lead; without an address, one with an email of its own. Ids follow this order."""
        self._leads += 1
        contact = person(
            *(addresses or (() if handles else (email(f"lead{self._leads}@example.com"),))),
            **handles,
        )
        learnt = self.learn(contact, workspace, self._leads / 1000 - DAY_S)
        assert learnt.answer == "added"
        return learnt.lead

    def known(self, lead: str) -> Lead:
        found = self.store.leads.lead(lead)
        assert found is not None
        return found

    def since(self, lead: str) -> datetime:
        """When a lead that was added by ``lead`` was made."""
        return at(int(self._leads) / 1000 - DAY_S)

    def ask(
        self,
        *leads: str,
        when: float = 0,
        window_s: float = 300,
        priority: Priority = Priority.MANUAL,
        max_attempts: int = 3,
    ) -> list[Placement]:
        return self.store.intake.enqueue(leads, Terms(priority, window_s, max_attempts, at(when)))

    def answers(self, *leads: str, **terms: Any) -> list[str]:
        return [placement.answer for placement in self.ask(*leads, **terms)]

    def queued(self, *leads: str, **terms: Any) -> int:
        """Queue a job for each lead; returns the number of the last one."""
        placed = self.ask(*leads, **terms)
        assert {placement.answer for placement in placed} == {"queued"}
        return placed[-1].job

    def sweep(
        self,
        when: float = 0,
        workspace: str = "acme",
        channels: Sequence[str] = ("sms", "email"),
        *,
        before: float | None = None,
        after: str = "",
        most: int | None = None,
        window_s: float = 300,
        priority: Priority = Priority.BULK,
    ) -> Swept | None:
        return self.store.intake.sweep(
            workspace,
            channels,
            None if before is None else at(before),
            after,
            most,
            Terms(priority, window_s, 3, at(when)),
        )

    def swept(self, when: float = 0, workspace: str = "acme", **how: Any) -> Swept:
        answer = self.sweep(when, workspace, **how)
        assert answer is not None
        return answer

    def claim(
        self, when: float = 0, *workspaces: str, run: int = 1, lease_s: float = 90
    ) -> Claim | None:
        return self.store.queue.claim(run, workspaces or ("acme",), at(when), at(when + lease_s))

    def take(self, when: float = 0, *workspaces: str, **how: Any) -> Claim:
        claim = self.claim(when, *workspaces, **how)
        assert claim is not None
        return claim

    def settle(
        self, claim: Claim, settlement: Settlement, when: float = 0, effort: Effort | None = None
    ) -> bool:
        return self.store.queue.settle(1, claim, settlement, effort or Effort(), at(when))

    def succeed(self, claim: Claim, when: float = 0) -> bool:
        return self.settle(claim, ENDINGS["done"], when)

    def fail(self, claim: Claim, when: float = 0) -> bool:
        return self.settle(claim, ENDINGS["failed"], when)

    def retry_at(self, claim: Claim, due: float, when: float = 0) -> bool:
        later = Settlement("retry", JobState.PENDING, at(due), code="timeout", error="too slow")
        return self.settle(claim, later, when)

    def snooze(self, claim: Claim, due: float, when: float = 0, code: str = "paused") -> bool:
        return self.settle(
            claim, Settlement("snooze", JobState.PENDING, at(due), True, code, "wait"), when
        )

    def release(self, claim: Claim, when: float = 0) -> bool:
        return self.settle(claim, Settlement("released", JobState.PENDING, free=True), when)

    def finished(self, lead: str, ending: str = "done", when: float = 0) -> int:
        """Queue, claim and end a job of a lead in one moment."""
        job = self.queued(lead, when=when, window_s=0)
        claim = self.take(when, self.known(lead).workspace)
        assert claim.job == job
        assert self.settle(claim, ENDINGS[ending], when)
        return job

    def rescue(self, when: float, *, orphaned: bool = False, longest_lease_s: float = 90) -> int:
        return self.store.queue.rescue(at(when), longest_lease_s, orphaned=orphaned)

    def job(self, number: int) -> Job:
        job = self.store.queue.job(number)
        assert job is not None
        return job

    def state(self, number: int) -> str:
        return self.job(number).state

    def jobs(self, **wanted: str) -> list[Job]:
        return self.store.queue.jobs(JobFilter(**wanted), 10_000)

    def tries(self, number: int) -> list[Attempt]:
        return self.store.queue.attempts(number)

    def save(
        self,
        lead: str,
        *messages: Message,
        when: float = 0,
        channel: Channel | None = None,
        cursor: str | None = None,
        started: float = 0,
        left_out: int = 0,
        synced: float | None = None,
    ) -> Saved:
        """Store a page of a lead's conversation."""
        return self.store.archive.save_page(
            self.known(lead),
            channel or messages[0].channel,
            messages,
            Walk(at(started), cursor, left_out),
            at(when),
            None if synced is None else at(synced),
        )

    def stored(self, lead: str) -> list[Stored]:
        return list(self.store.archive.conversation(lead))

    def bodies(self, lead: str) -> list[str]:
        return [each.message.body for each in self.stored(lead)]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    chosen: Engine = request.param
    return chosen


@pytest.fixture
def open_again(engine: Engine, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the one database of a test, as often as there are processes to play."""
    opened: list[Store] = []

    def opening() -> Store:
        opened.append(engine(tmp_path))
        return opened[-1]

    yield opening
    for store in opened:
        store.close()


@pytest.fixture
def agency(open_again: Callable[[], Store]) -> Agency:
    return Agency(open_again())


@pytest.fixture
def neighbour(agency: Agency, open_again: Callable[[], Store]) -> Agency:
    """Another process at work on the same database."""
    return Agency(open_again())
