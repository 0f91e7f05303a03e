"""When a walk through everything is cheaper than reading leads one by one."""

from convsync_cli.sync.filling import is_cheaper
from convsync_cli.sync.model.costs import Costs
from convsync_cli.sync.model.load import Load

COSTS = Costs(per_lead=2, page=15, fill_messages=15)


def load(untried: int, leads: int = 10_000) -> Load:
    return Load(leads=leads, unread=untried, untried=untried, messages=5 * (leads - untried))


def test_a_few_leads_are_read_one_by_one() -> None:
    assert not is_cheaper(COSTS, load(50))


def test_most_of_them_are_read_by_a_walk_through_everything() -> None:
    assert is_cheaper(COSTS, load(6_000))


def test_a_handful_in_a_small_account_is_no_different() -> None:
    assert not is_cheaper(COSTS, load(1, leads=10))
    assert is_cheaper(COSTS, load(9, leads=10))


def test_a_walk_must_promise_to_cost_half_as_much() -> None:
    assert not is_cheaper(COSTS, Load(leads=100, untried=30, messages=15 * 30))
    assert is_cheaper(COSTS, Load(leads=100, untried=31, messages=15 * 30))


def test_nobody_unread_is_no_reason() -> None:
    assert not is_cheaper(COSTS, Load())
