"""What the two ways cost: requests from local counts, minutes from the rate limit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.costs import Costs
from convsync_cli.sync.model.feed import Covers
from convsync_cli.sync.model.load import Load
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.plan import AccountPlan, Way, plan, plans, whole
from tests.sync.workbench import NOON, Bench, account

COSTS = Costs(per_lead=2, page=100, fill_messages=500, fill_people=100)
ACCOUNT = replace(account("acme", "sms-fake"), rate=Rate(90, 10))


def planned(walked: bool = True, costs: Costs = COSTS, **told: int) -> AccountPlan:
    return plan(ACCOUNT, costs, Load(**told), walked=walked)


def test_the_full_way_asks_for_every_lead_and_every_further_page() -> None:
    assert planned(leads=10_000, further_pages=7).full.requests == 20_007


def test_a_lead_that_was_never_read_is_looked_up_first() -> None:
    costs = replace(COSTS, look_up=1)
    told = planned(costs=costs, leads=100, unread=10, untried=10, messages=50_000)
    assert (told.full.requests, told.changed.requests) == (100 * 2 + 10, 1 + 10 * 3)


def test_an_account_that_is_current_costs_one_request() -> None:
    told = planned(leads=10_000, messages=50_000)
    assert (told.changed.requests, told.changed.seconds, told.fills) == (1, 0.0, False)


def test_leads_that_came_since_are_read_one_by_one() -> None:
    assert planned(leads=10_000, unread=50, untried=50).changed.requests == 1 + 50 * 2


def test_leads_that_were_tried_wait_for_their_own_jobs() -> None:
    assert planned(leads=10_000, unread=50, untried=0).changed.requests == 1


@pytest.mark.parametrize("told", [{"walked": False}, {"untried": 1_000, "unread": 1_000}])
def test_the_first_walk_reads_in_bulk_and_so_does_one_after_many_leads(
    told: dict[str, Any],
) -> None:
    walked = bool(told.pop("walked", True))
    done = planned(walked, leads=10_000, messages=50_000 - 5 * told.get("unread", 0), **told)
    assert done.fills
    assert abs(done.changed.requests - (50_000 / 500 + 10_000 / 100)) <= 1


def test_unread_leads_are_taken_for_as_talkative_as_the_others() -> None:
    told = planned(False, leads=200, unread=100, messages=1_000)
    assert told.changed.requests == 2_000 // 500 + 2


def test_where_no_lead_was_read_a_typical_one_is_assumed() -> None:
    assert planned(False, leads=100, unread=100).changed.requests == 2_000 // 500 + 1


def test_a_feed_that_tells_its_people_asks_for_no_other_list() -> None:
    costs = replace(COSTS, fill_people=0)
    assert planned(False, costs, leads=100, messages=1_000).changed.requests == 2


def test_an_empty_account_costs_its_first_look() -> None:
    told = planned(False)
    assert (told.full, told.changed.requests) == (Way(0, 0.0), 1)


def test_minutes_are_what_the_rate_limit_allows() -> None:
    """90 in 10 s are 9 a second, less the few per cent that are kept free."""
    seconds = planned(leads=4_500).full.seconds
    assert 1_000 <= seconds <= 1_050


def test_accounts_work_side_by_side_and_the_longest_decides() -> None:
    told = whole({"acme/sms": Way(100, 20.0), "acme/email": Way(50, 60.0), "globex/sms": Way(0, 0)})
    assert (told.requests, told.seconds, told.bottleneck) == (150, 60.0, "acme/email")
    assert (told.finish(NOON) - NOON).total_seconds() == 60


def test_where_there_is_nothing_to_do_nothing_is_the_bottleneck() -> None:
    assert whole({"acme/sms": Way(0, 0.0)}).bottleneck is None
    assert whole({}).seconds == 0


loads = st.builds(Load, *[st.integers(0, 10**6)] * 5)


@given(loads, st.booleans())
def test_any_counts_give_a_plan(load: Load, walked: bool) -> None:
    told = plan(ACCOUNT, COSTS, replace(load, unread=min(load.unread, load.leads)), walked=walked)
    assert told.changed.requests >= 1
    assert told.full.seconds >= 0


def test_it_is_made_from_what_is_stored(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "db")
    bench.sms.says("a")
    bench.asked_lead()
    bench.work()
    lead = bench.store.leads.lead(bench.lead(mail=False))
    assert lead is not None
    messages = [
        Message(Channel.SMS, "sms-fake", str(n), Direction.INBOUND, NOON, "") for n in range(201)
    ]
    bench.store.archive.save_messages(lead, Channel.SMS, messages, NOON)
    costs = {"sms-fake": COSTS, "mail-fake": COSTS}
    accounts = [teller.account for teller in bench.tellers]
    bench.store.feeds.finish(accounts[0], NOON, "mark", Covers.NOBODY)
    told, mail = plans(bench.store, accounts, costs)
    assert told.load == Load(leads=2, unread=1, untried=1, messages=202, further_pages=2)
    assert (told.full.requests, told.changed.requests, told.fills) == (6, 3, False)
    assert (mail.load.leads, mail.fills) == (1, True)
