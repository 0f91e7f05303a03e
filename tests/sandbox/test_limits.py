"""The limiter is strict, tells what is left, and remembers the worst window."""

from convsync_cli.sandbox.limits import Allowance, Limits
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.world import World

from .client import Client

ACCOUNT = ("gohighlevel", "acme")


def limits(requests: int, seconds: float, daily: int = 1000) -> Limits:
    return Limits({"gohighlevel": Allowance(requests, seconds, daily)})


def test_no_window_lets_more_through_than_allowed() -> None:
    judge = limits(3, 10.0)
    times = [0.0, 1.0, 2.0, 3.0, 9.9, 10.0, 10.5, 11.0, 12.0]
    allowed = [t for t in times if judge.arrive(ACCOUNT, t).allowed]
    assert allowed == [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]


def test_a_refusal_says_when_the_next_request_would_pass() -> None:
    judge = limits(1, 10.0)
    judge.arrive(ACCOUNT, 0.0)
    assert judge.arrive(ACCOUNT, 4.0).wait == 6.0


def test_the_worst_window_counts_what_arrived_not_what_was_let_through() -> None:
    judge = limits(2, 10.0)
    for now in (0.0, 1.0, 2.0, 30.0, 31.0):
        judge.arrive(ACCOUNT, now)
    usage = judge.usage()[ACCOUNT]
    assert (usage.requests, usage.refused, usage.worst, usage.exceeded) == (5, 1, 3, True)


def test_accounts_are_limited_apart() -> None:
    judge = limits(1, 10.0)
    assert judge.arrive(ACCOUNT, 0.0).allowed
    assert judge.arrive(("gohighlevel", "globex"), 0.0).allowed
    assert not judge.arrive(ACCOUNT, 0.0).allowed


def test_the_day_can_be_used_up() -> None:
    judge = limits(10, 1.0, daily=2)
    allowed = [judge.arrive(ACCOUNT, float(now)).allowed for now in (0, 5, 10)]
    assert allowed == [True, True, False]


def test_switched_off_it_counts_but_refuses_nothing() -> None:
    judge = limits(1, 10.0)
    judge.enforced = False
    assert all(judge.arrive(ACCOUNT, 0.0).allowed for _ in range(5))
    assert judge.usage()[ACCOUNT].worst == 5


def test_gohighlevel_answers_429_over_its_limit_and_tells_it_in_headers() -> None:
    allowances = {"gohighlevel": Allowance(2, 600.0)}
    with Sandbox(World.seeded(1, 3), allowances=allowances) as sandbox:
        acme = sandbox.world.workspace("acme")
        token = {"Authorization": f"Bearer {acme.gohighlevel_token}", "Version": "v3"}
        ghl = Client(sandbox.gohighlevel_url, token)
        first, _, third = (ghl.get("/contacts/ctcAAAA0000000000001") for _ in range(3))
    assert (first.status, first.headers["x-ratelimit-remaining"]) == (200, "1")
    assert first.headers["x-ratelimit-interval-milliseconds"] == "600000"
    assert (third.status, third.headers["x-ratelimit-remaining"]) == (429, "0")
    assert int(third.headers["retry-after"]) <= 601
    assert sandbox.limits.usage()[ACCOUNT].refused == 1


def test_emailbison_answers_429_with_the_wait_in_its_body() -> None:
    allowances = {"emailbison": Allowance(1, 60.0)}
    with Sandbox(World.seeded(1, 3), allowances=allowances) as sandbox:
        token = sandbox.world.workspace("acme").emailbison_token
        bison = Client(sandbox.emailbison_url, {"Authorization": f"Bearer {token}"})
        bison.get("/api/users")
        answer = bison.get("/api/users")
    assert answer.status == 429
    assert answer.json["error"] == "rate_limited"
    assert 0 < answer.json["retry_after"] <= 61
    assert "retry-after" not in answer.headers


def test_a_request_that_meets_a_fault_counts(sandbox: Sandbox, ghl: Client) -> None:
    from convsync_cli.sandbox.faults import Fault, FaultKind

    sandbox.faults.add(Fault(FaultKind.STATUS))
    ghl.get("/contacts/ctcAAAA0000000000001")
    assert sandbox.limits.usage()[ACCOUNT].requests == 1
