"""What every provider promises (see ``ports.Provider``), held against the sandbox's truth."""

from collections import Counter
from dataclasses import replace

import pytest

from convsync_cli.sandbox.faults import Fault, FaultKind, Tell
from convsync_cli.sandbox.seeding import CAST
from convsync_cli.sync.api import ProviderModule
from convsync_cli.sync.errors import (
    AccountPaused,
    CursorLoop,
    RateLimited,
    Rejected,
    SyncError,
    Unauthorized,
    Unavailable,
)
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.pause import PauseReason
from tests.contracts.providers.cases import WORKSPACE, Case, Desk, meant, stored, told

SEVERAL_PAGES = ("long sms", "long mail", "several conversations", "two mailboxes")
ANSWERS_THAT_FAIL = (
    FaultKind.RESET,
    FaultKind.TRUNCATED,
    FaultKind.HTML,
    FaultKind.RATE_LIMITED,
    FaultKind.STATUS,
    FaultKind.UNAUTHORIZED,
    FaultKind.EMPTY,
    FaultKind.REDIRECT,
)


def secrets(desk: Desk) -> list[str]:
    """What no error about the lead with the longest conversation may hold."""
    person = desk.person(desk.case.long)
    token, id = desk.case.token(desk.workspace), desk.case.handle(person)
    return [*filter(None, (token, id)), *person.emails, *person.phones]


def needs_ids(desk: Desk) -> None:
    """Leave out a provider that knows addresses and no people."""
    if not desk.case.has_ids:
        pytest.skip(f"{desk.case.name} has no ids of people")


def test_its_module_has_all_that_a_provider_must_give(case: Case) -> None:
    assert isinstance(case.module, ProviderModule)


# Reading everything


@pytest.mark.parametrize("role", CAST)
def test_a_leads_whole_conversation_equals_the_truth(desk: Desk, role: str) -> None:
    messages = stored(desk.walk(desk.lead(role)).messages)
    assert Counter(map(told, messages)) == Counter(map(meant, desk.truth(role)))


@pytest.mark.parametrize("role", CAST)
def test_a_lead_known_only_by_its_addresses_is_read_as_well(desk: Desk, role: str) -> None:
    messages = stored(desk.walk(desk.lead(role, handle=False)).messages)
    assert Counter(map(told, messages)) == Counter(map(meant, desk.truth(role)))


@pytest.mark.parametrize("role", CAST)
def test_a_lead_known_only_by_its_id_is_read_as_well(desk: Desk, role: str) -> None:
    needs_ids(desk)
    messages = stored(desk.walk(replace(desk.lead(role), addresses=())).messages)
    assert Counter(map(told, messages)) == Counter(map(meant, desk.truth(role)))


@pytest.mark.parametrize("role", CAST)
def test_every_message_has_the_id_of_one_of_its_rows(desk: Desk, role: str) -> None:
    rows = {id for one in desk.truth(role) for id in one.external_ids}
    assert desk.walk(desk.lead(role)).ids <= rows


@pytest.mark.parametrize("role", CAST)
def test_every_message_names_its_channel_and_provider(desk: Desk, role: str) -> None:
    walk = desk.walk(desk.lead(role))
    assert {(each.channel, each.provider) for each in walk.messages} <= {
        (desk.account.channel, desk.case.name)
    }


def test_the_first_page_tells_the_id_of_a_lead_that_was_looked_up(desk: Desk) -> None:
    needs_ids(desk)
    contact = desk.read(desk.lead(desk.case.long, handle=False))[0].contact
    assert contact is not None
    assert desk.lead(desk.case.long).handles == contact.handles


@pytest.mark.parametrize("role", CAST)
def test_only_the_last_page_has_no_cursor(desk: Desk, role: str) -> None:
    pages = desk.walk(desk.lead(role)).pages
    assert all(page.cursor for page in pages[:-1])
    assert all(page.cursor is None for page in pages[-1:])


@pytest.mark.parametrize("role", SEVERAL_PAGES)
def test_a_walk_goes_on_from_the_cursor_of_every_page(desk: Desk, role: str) -> None:
    pages = desk.read(desk.lead(role))
    rest = [
        [page.messages for page in desk.read(desk.lead(role), page.cursor)] for page in pages[:-1]
    ]
    assert rest == [[page.messages for page in pages[n:]] for n in range(1, len(pages))]


def test_the_longest_conversation_has_several_pages(desk: Desk) -> None:
    assert len(desk.read(desk.lead(desk.case.long))) > 3


def test_reading_twice_gives_the_same(desk: Desk) -> None:
    assert desk.read(desk.lead(desk.case.long)) == desk.read(desk.lead(desk.case.long))


def test_a_lead_that_the_provider_does_not_know_has_no_page(desk: Desk) -> None:
    assert desk.read(desk.lead("unknown")) == ()


def test_a_lead_of_the_other_channel_only_has_no_page(desk: Desk) -> None:
    assert desk.read(desk.lead(desk.case.strangers)) == ()


def test_a_lead_without_any_address_costs_no_request(desk: Desk) -> None:
    desk.read(Lead("L0000000000000000ab", "acme"))
    assert desk.asked == []


@pytest.mark.parametrize("role", CAST)
def test_a_total_is_what_is_stored_of_a_lead_that_was_read(desk: Desk, role: str) -> None:
    """Else an audit would find short what nothing can mend."""
    lead = desk.lead(role)
    assert desk.total(lead) in (None, len(stored(desk.walk(lead).messages)))


def test_a_total_of_the_account_is_what_is_stored_of_everybody(desk: Desk) -> None:
    every = desk.sandbox.world.expected(WORKSPACE, desk.case.name)
    assert desk.total(None) in (None, len(list(every)))


def test_nothing_is_ever_written(desk: Desk) -> None:
    for role in CAST:
        desk.walk(desk.lead(role, handle=False))
    asked = {(one.method, one.path) for one in desk.asked}
    assert {path for method, path in asked if method != "GET"} <= desk.case.questions


# The credential


def test_a_wrong_token_is_unauthorized(desk: Desk) -> None:
    walk = desk.with_token("nobodys").walk(desk.lead(desk.case.long))
    assert isinstance(walk.error, Unauthorized)


def test_a_wrong_token_pauses_the_account(desk: Desk) -> None:
    desk.with_token("nobodys").walk(desk.lead(desk.case.long))
    assert desk.state.reason is PauseReason.UNAUTHORIZED


def test_a_paused_account_is_asked_nothing(desk: Desk) -> None:
    desk.store.accounts.pause(desk.account, PauseReason.OPERATOR, "", None, desk.clock.now())
    walk = desk.walk(desk.lead(desk.case.long))
    assert (type(walk.error), desk.asked) == (AccountPaused, [])


def test_check_passes_with_a_good_token(desk: Desk) -> None:
    desk.check()
    assert [one.status for one in desk.asked] == [200]


def test_check_refuses_a_wrong_token(desk: Desk) -> None:
    with pytest.raises(Unauthorized):
        desk.with_token("nobodys").check()


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.REDIRECT, FaultKind.EMPTY])
def test_check_proves_nothing_by_an_answer_that_is_none(desk: Desk, kind: FaultKind) -> None:
    desk.sandbox.faults.add(Fault(kind, times=None))
    with pytest.raises(SyncError):
        desk.check()


# Answers that go wrong


@pytest.mark.parametrize("tell", list(Tell))
def test_a_429_is_rate_limited(desk: Desk, tell: Tell) -> None:
    desk.sandbox.faults.add(Fault(FaultKind.RATE_LIMITED, seconds=30, tell=tell))
    assert isinstance(desk.walk(desk.lead(desk.case.long)).error, RateLimited)


def test_a_429_pauses_the_account(desk: Desk) -> None:
    desk.sandbox.faults.add(Fault(FaultKind.RATE_LIMITED, seconds=30))
    desk.walk(desk.lead(desk.case.long))
    assert desk.state.reason is PauseReason.RATE_LIMITED


def test_after_a_429_nothing_is_asked_any_more(desk: Desk) -> None:
    desk.sandbox.faults.add(Fault(FaultKind.RATE_LIMITED, seconds=30))
    desk.walk(desk.lead(desk.case.long))
    desk.walk(desk.lead(desk.case.long))
    assert [one.status for one in desk.asked] == [429]


def test_pages_that_lead_in_a_circle_are_a_cursor_loop(desk: Desk) -> None:
    if not desk.case.paged:
        pytest.skip("nothing is paged that could lead in a circle")
    desk.sandbox.faults.add(Fault(FaultKind.CURSOR_LOOP, path=desk.case.feed, times=None))
    assert isinstance(desk.walk(desk.lead(desk.case.long)).error, CursorLoop)


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.TRUNCATED, FaultKind.EMPTY])
def test_an_answer_that_is_no_json_can_heal(desk: Desk, kind: FaultKind) -> None:
    desk.sandbox.faults.add(Fault(kind))
    assert isinstance(desk.walk(desk.lead(desk.case.long)).error, Unavailable)


@pytest.mark.parametrize("status", [500, 502, 503, 408])
def test_a_provider_that_cannot_now_is_unavailable(desk: Desk, status: int) -> None:
    desk.sandbox.faults.add(Fault(FaultKind.STATUS, status=status))
    assert isinstance(desk.walk(desk.lead(desk.case.long)).error, Unavailable)


@pytest.mark.parametrize("status", [400, 422])
def test_a_request_that_will_never_be_answered_is_rejected(desk: Desk, status: int) -> None:
    desk.sandbox.faults.add(Fault(FaultKind.STATUS, status=status))
    assert isinstance(desk.walk(desk.lead(desk.case.long)).error, Rejected)


@pytest.mark.parametrize("page", [1, 2, 3])
def test_an_error_on_a_page_is_an_error(desk: Desk, page: int) -> None:
    desk.sandbox.faults.add(
        Fault(FaultKind.STATUS, status=503, path=desk.case.feed, times=None, **desk.case.page(page))
    )
    assert isinstance(desk.walk(desk.lead(desk.case.long)).error, Unavailable)


def test_the_pages_before_an_error_hold(desk: Desk) -> None:
    whole = desk.read(desk.lead(desk.case.long))
    desk.sandbox.faults.add(
        Fault(FaultKind.STATUS, status=503, path=desk.case.feed, times=None, **desk.case.page(3))
    )
    assert desk.walk(desk.lead(desk.case.long)).pages == whole[:2]


def test_what_an_error_cut_off_is_read_from_the_last_good_page(desk: Desk) -> None:
    whole = desk.read(desk.lead(desk.case.long))
    desk.sandbox.faults.add(
        Fault(FaultKind.STATUS, status=503, path=desk.case.feed, **desk.case.page(3))
    )
    broken = desk.walk(desk.lead(desk.case.long))
    rest = desk.read(desk.lead(desk.case.long), broken.pages[-1].cursor)
    assert [page.messages for page in (*broken.pages, *rest)] == [page.messages for page in whole]


@pytest.mark.parametrize("role", CAST)
def test_rows_of_other_people_are_dropped(desk: Desk, role: str) -> None:
    desk.sandbox.faults.add(Fault(FaultKind.FOREIGN_ROWS, path=desk.case.feed, times=None))
    own = {id for one in desk.truth(role) for id in one.external_ids}
    assert desk.walk(desk.lead(role)).ids - own == set()


@pytest.mark.parametrize("role", CAST)
def test_a_look_up_that_ignores_what_was_asked_finds_nobody_else(desk: Desk, role: str) -> None:
    desk.sandbox.faults.add(Fault(FaultKind.FOREIGN_ROWS, times=None))
    own = {id for one in desk.truth(role) for id in one.external_ids}
    assert desk.walk(desk.lead(role, handle=False)).ids - own == set()


@pytest.mark.parametrize("role", SEVERAL_PAGES)
def test_a_malformed_row_hides_no_other(desk: Desk, role: str) -> None:
    desk.sandbox.faults.add(Fault(FaultKind.MALFORMED_ROW, times=None))
    found = desk.walk(desk.lead(role)).ids
    assert [one for one in desk.truth(role) if found.isdisjoint(one.external_ids)] == []


@pytest.mark.parametrize("role", SEVERAL_PAGES)
def test_a_malformed_row_is_no_message(desk: Desk, role: str) -> None:
    desk.sandbox.faults.add(Fault(FaultKind.MALFORMED_ROW, times=None))
    own = {id for one in desk.truth(role) for id in one.external_ids}
    assert desk.walk(desk.lead(role)).ids - own == set()


@pytest.mark.parametrize("kind", [FaultKind.STATUS, FaultKind.HTML])
def test_a_404_about_something_else_is_an_error_and_no_unknown_lead(
    desk: Desk, kind: FaultKind
) -> None:
    desk.sandbox.faults.add(Fault(kind, status=404, times=None))
    assert isinstance(desk.walk(desk.lead(desk.case.long)).error, SyncError)


# Where the credential goes


def test_a_redirect_is_rejected(desk: Desk) -> None:
    desk.sandbox.faults.add(Fault(FaultKind.REDIRECT, times=None))
    assert isinstance(desk.walk(desk.lead(desk.case.long)).error, Rejected)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_credential_never_arrives_where_a_redirect_leads(desk: Desk, status: int) -> None:
    desk.sandbox.faults.add(Fault(FaultKind.REDIRECT, status=status, times=None))
    desk.walk(desk.lead(desk.case.long))
    assert desk.elsewhere == []


@pytest.mark.parametrize("kind", [*ANSWERS_THAT_FAIL, FaultKind.CURSOR_LOOP])
def test_no_error_about_a_page_holds_the_token_an_id_or_an_address(
    desk: Desk, kind: FaultKind
) -> None:
    desk.sandbox.faults.add(Fault(kind, times=None, path=desk.case.feed, **desk.case.page(2)))
    error = desk.walk(desk.lead(desk.case.long)).error
    if kind is FaultKind.CURSOR_LOOP and not desk.case.paged:
        pytest.skip("nothing is paged that could lead in a circle")
    assert error is not None
    assert [secret for secret in secrets(desk) if secret in f"{error} {error!r}"] == []


@pytest.mark.parametrize("kind", ANSWERS_THAT_FAIL)
def test_no_error_about_a_look_up_holds_the_token_an_id_or_an_address(
    desk: Desk, kind: FaultKind
) -> None:
    desk.sandbox.faults.add(Fault(kind, times=None))
    error = desk.walk(desk.lead(desk.case.long, handle=False)).error
    assert error is not None
    assert [secret for secret in secrets(desk) if secret in f"{error} {error!r}"] == []
