"""Local counts against the providers' own: what they prove, and what they do not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from convsync_cli.sync.api import Api
from convsync_cli.sync.audit import Counted, Verdict, audit
from convsync_cli.sync.errors import (
    AccountPaused,
    BudgetSpent,
    CredentialUnavailable,
    Unauthorized,
    Unavailable,
)
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Channel, Direction, Message
from tests.sync.workbench import NOON, Bench, account

SMS = replace(account("acme", "sms-fake"), discover=True)
MAIL = replace(account("acme", "mail-fake"), discover=True)


@dataclass
class Counter:
    """A provider that counts, or cannot."""

    tells: int | Exception | None
    opens_another: bool = False
    asked: list[str | None] = field(default_factory=list)

    async def total(self, api: Api, lead: Lead | None) -> int | None:
        self.asked.append(lead.id if lead else None)
        if isinstance(self.tells, Exception):
            raise self.tells
        return self.tells

    async def make_sure(self) -> None:
        if self.opens_another:
            raise Unauthorized("opens another workspace")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "db")


def save(bench: Bench, lead: str, *ids: str | None) -> None:
    known = bench.store.leads.lead(lead)
    assert known is not None
    messages = [
        Message(Channel.SMS, "sms-fake", id, Direction.INBOUND, NOON, f"text {id}") for id in ids
    ]
    bench.store.archive.save_messages(known, Channel.SMS, messages, NOON)


def audited(
    bench: Bench, lead: str | None = None, **counters: Counter | Exception
) -> dict[str, Counted]:
    """What an audit of both accounts says, by provider."""
    accounts = {"sms": SMS, "mail": MAIL}

    @asynccontextmanager
    async def connect(account: Account) -> AsyncIterator[tuple[Any, Any, Any]]:
        name = next(name for name, each in accounts.items() if each == account)
        counter = counters[name]
        if isinstance(counter, Exception):
            raise counter
        yield counter, None, counter.make_sure

    asked = [accounts[name] for name in counters]
    known = bench.store.leads.lead(lead) if lead else None
    counted = asyncio.run(audit(bench.store, connect, asked, known))
    return {each.account.provider.removesuffix("-fake"): each for each in counted}


def counted(**told: Any) -> Counted:
    usual: dict[str, Any] = {"account": SMS, "local": 5, "unread": 0}
    return Counted(**(usual | told))


@pytest.mark.parametrize(
    ("told", "verdict", "short"),
    [
        ({"total": 5}, Verdict.COMPLETE, 0),
        ({"total": 0, "local": 0}, Verdict.COMPLETE, 0),
        ({"total": 4}, Verdict.COMPLETE, 0),  # deleted there: never guessed from a number
        ({"total": 8}, Verdict.SHORT, 3),
        ({"total": None}, Verdict.UNPROVEN, 0),
        ({"total": None, "unread": 9}, Verdict.UNPROVEN, 0),
        ({"total": None, "problem": "is paused"}, Verdict.UNASKED, 0),
        ({"total": 8, "account": account("acme", "sms-fake")}, Verdict.UNPROVEN, 3),
        ({"total": 5, "account": account("acme", "sms-fake")}, Verdict.COMPLETE, 0),
        ({"total": 8, "account": account("acme", "sms-fake"), "lead": "L"}, Verdict.SHORT, 3),
    ],
)
def test_what_numbers_prove(told: dict[str, Any], verdict: Verdict, short: int) -> None:
    said = counted(**told)
    assert (said.verdict, said.short) == (verdict, short)


def test_only_what_has_the_providers_ids_is_counted(bench: Bench) -> None:
    lead = bench.lead()
    save(bench, lead, "1", "2", None)
    save(bench, bench.lead(), "3")
    counter = Counter(3)
    told = audited(bench, sms=counter)["sms"]
    assert (told.local, told.total, told.verdict) == (3, 3, Verdict.COMPLETE)
    assert counter.asked == [None]


def test_of_one_lead_only_its_messages_count(bench: Bench) -> None:
    lead = bench.lead()
    save(bench, lead, "1", "2")
    save(bench, bench.lead(), "3")
    counter = Counter(3)
    told = audited(bench, lead, sms=counter)["sms"]
    assert (told.local, told.short, told.unread, told.lead) == (2, 1, 1, lead)
    assert counter.asked == [lead]


def test_a_channel_on_which_a_lead_cannot_be_followed_is_not_asked(bench: Bench) -> None:
    lead = bench.lead(mail=False)
    assert list(audited(bench, lead, sms=Counter(0), mail=Counter(9))) == ["sms"]


def test_another_workspace_and_another_provider_are_not_counted(bench: Bench) -> None:
    bench.teller("globex", "sms-fake")
    save(bench, bench.lead("globex"), "1")
    told = audited(bench, sms=Counter(0), mail=Counter(0))
    assert [each.local for each in told.values()] == [0, 0]


def test_leads_that_nobody_has_read_are_counted(bench: Bench) -> None:
    bench.sms.says("a")
    bench.asked_lead()
    bench.work()
    for _ in range(3):
        bench.lead(mail=False)
    told = audited(bench, sms=Counter(1), mail=Counter(0))
    assert [each.unread for each in told.values()] == [3, 0]


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("answered 503"),
        AccountPaused("is paused", NOON, "operator"),
        BudgetSpent("no time is left"),
    ],
)
def test_one_that_cannot_be_asked_says_why_and_harms_no_other(
    bench: Bench, error: Exception
) -> None:
    told = audited(bench, sms=Counter(error), mail=Counter(0))
    assert (told["sms"].verdict, told["sms"].problem) == (Verdict.UNASKED, str(error))
    assert told["mail"].verdict == Verdict.COMPLETE


def test_one_without_its_credential_cannot_be_asked(bench: Bench) -> None:
    error = CredentialUnavailable("the variable X is not set")
    told = audited(bench, sms=error, mail=Counter(0))
    assert (told["sms"].verdict, told["sms"].problem) == (Verdict.UNASKED, error.message)
    assert told["mail"].verdict == Verdict.COMPLETE


def test_the_number_of_another_workspace_proves_nothing(bench: Bench) -> None:
    told = audited(bench, sms=Counter(0, opens_another=True))["sms"]
    assert (told.verdict, told.problem) == (Verdict.UNASKED, "opens another workspace")


def test_where_there_is_no_number_nobody_is_asked_whose_it_is(bench: Bench) -> None:
    told = audited(bench, sms=Counter(None, opens_another=True))["sms"]
    assert (told.verdict, told.problem) == (Verdict.UNPROVEN, None)
