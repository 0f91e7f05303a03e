"""What `enqueue-all --plan` prints: what the full and the changed way would cost."""

from typing import Any

from convsync_cli import bootstrap
from convsync_cli.bootstrap import Services
from convsync_cli.console import Console
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.plan import AccountPlan, Way, Whole, whole


def print_plan(given: Services, workspace: str | None, console: Console) -> int:
    """Print the plan of every account, or of one workspace's; nothing is enqueued."""
    paused = {f"{state.workspace}/{state.channel}": state.reason for state in given.paused()}
    plans = bootstrap.plans(given, given.settings.narrowed(workspace).accounts)
    full = whole({each.account.name: each.full for each in plans})
    changed = whole({each.account.name: each.changed for each in plans})
    now = given.clock.now()
    ways = {"full": _whole(full), "changed": _whole(changed)}
    for name, way in (("full", full), ("changed", changed)):
        ways[name]["finish_at"] = to_text(way.finish(now))
    console.document({"accounts": [_account(each, paused) for each in plans], **ways})
    console.table(
        ["account", "leads", "full", "min", "changed", "min", "remarks"],
        [_row(each, paused) for each in plans],
    )
    _say(console, "every lead (`enqueue-all`)", full, ways["full"]["finish_at"])
    _say(console, "what changed (`enqueue-all --changed`)", changed, ways["changed"]["finish_at"])
    return 0


def _account(plan: AccountPlan, paused: dict[str, Any]) -> dict[str, Any]:
    name = plan.account.name
    return {
        "account": name,
        "provider": plan.account.provider,
        "rate": str(plan.account.rate),
        "paused": name in paused,
        "leads": plan.load.leads,
        "unread_leads": plan.load.unread,
        "messages": plan.load.messages,
        "full": _way(plan.full),
        "changed": _way(plan.changed) | {"first_walk": plan.fills},
    }


def _way(way: Way) -> dict[str, Any]:
    return {"requests": way.requests, "minutes": _minutes(way.seconds)}


def _whole(way: Whole) -> dict[str, Any]:
    minutes = _minutes(way.seconds)
    return {"requests": way.requests, "minutes": minutes, "bottleneck": way.bottleneck}


def _minutes(seconds: float) -> float:
    return round(seconds / 60, 1)


def _row(plan: AccountPlan, paused: dict[str, Any]) -> list[object]:
    name = plan.account.name
    remarks = [f"paused: {paused[name]}"] if name in paused else []
    remarks += ["first walk"] if plan.fills else []
    return [
        name,
        plan.load.leads,
        plan.full.requests,
        _minutes(plan.full.seconds),
        plan.changed.requests,
        _minutes(plan.changed.seconds),
        ", ".join(remarks),
    ]


def _say(console: Console, what: str, way: Whole, finish_at: str) -> None:
    if way.bottleneck is None:
        console.wrapped(f"{what}: no requests needed", "  ")
        return
    console.wrapped(
        f"{what}: {way.requests} requests, at least {_minutes(way.seconds)} min for"
        f" {way.bottleneck}, done at {finish_at} if started now",
        "  ",
    )
