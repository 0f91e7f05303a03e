"""`status`: is everything all right?"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import typer

from convsync_cli import bootstrap
from convsync_cli.bootstrap import Services
from convsync_cli.commands.options import Json, Quiet, Workspace, duration
from convsync_cli.console import Console, ago, note
from convsync_cli.sync.instant import from_text, to_text
from convsync_cli.sync.model.overview import ChannelAges, QueueDepth
from convsync_cli.sync.model.pause import AccountState

SPARKS = "▁▂▃▄▅▆▇█"
MINUTES = 60

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True, slots=True)
class _Channel:
    """How one channel of one workspace stands."""

    workspace: str
    channel: str
    provider: str
    ages: ChannelAges
    state: AccountState | None

    def document(self) -> dict[str, Any]:
        until = self.state.paused_until if self.state else None
        return {
            "channel": self.channel,
            "provider": self.provider,
            "synced_at": self.ages.newest,
            "age_p50_s": self.ages.p50_s,
            "age_p95_s": self.ages.p95_s,
            "never_synced": self.ages.never_synced,
            "paused_until": to_text(until) if until else None,
            "pause_reason": str(self.state.reason) if self.state else None,
        }


@app.command()
def command(
    context: typer.Context,
    workspace: Workspace = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 20 if a channel is older than --max-age.")
    ] = False,
    max_age: Annotated[
        str, typer.Option(metavar="DURATION", help="What --check allows (median age).")
    ] = "15m",
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show the queue, the last run, and how old what is known is.

    Example: convsync status --check --max-age 15m
    """
    limit = duration(max_age, "--max-age")
    given = bootstrap.services(context.obj)
    only = given.workspace(workspace)
    now = given.clock.now()
    depth = given.store.overview.queue(now)
    last = given.store.runs.last()
    channels = _channels(given, only, now)
    console = Console(as_json, quiet)
    console.document(_document(given, depth, last, channels))
    if not as_json and not quiet:
        _show(console, given, depth, last, channels, now)
    return _checked(channels, limit) if check else 0


def _channels(given: Services, only: str | None, now: datetime) -> list[_Channel]:
    paused = {(state.workspace, state.channel): state for state in given.paused()}
    return [
        _Channel(
            workspace.name,
            channel,
            provider,
            given.store.overview.ages(workspace.name, channel, now),
            paused.get((workspace.name, channel)),
        )
        for workspace in given.settings.workspaces
        if only in (None, workspace.name)
        for channel, provider in workspace.providers.items()
    ]


def _document(
    given: Services, depth: QueueDepth, last: dict[str, Any] | None, channels: list[_Channel]
) -> dict[str, Any]:
    names = dict.fromkeys(channel.workspace for channel in channels)
    return {
        "jobs": depth.by_state,
        "due": depth.due,
        "oldest_due_s": depth.oldest_due_s,
        "last_run": last,
        "workspaces": [
            {
                "name": name,
                "leads": given.store.leads.count(name),
                "channels": [each.document() for each in channels if each.workspace == name],
            }
            for name in names
        ],
    }


def _show(
    console: Console,
    given: Services,
    depth: QueueDepth,
    last: dict[str, Any] | None,
    channels: list[_Channel],
    now: datetime,
) -> None:
    console.say(_verdict(depth, last, channels, now))
    console.say()
    states = list(depth.by_state)
    kinds = sorted({kind for kind, _ in depth.by_kind})
    console.table(
        ["job", *states],
        [[kind, *(depth.by_kind.get((kind, state), 0) for state in states)] for kind in kinds],
    )
    console.say(f"jobs done a minute, last hour: {_sparkline(given, now)}")
    console.say()
    console.table(
        ["workspace", "channel", "provider", "median age", "95 % within", "never", "account"],
        [
            [
                each.workspace,
                each.channel,
                each.provider,
                ago(each.ages.p50_s),
                ago(each.ages.p95_s),
                each.ages.never_synced,
                f"paused: {each.state.message}" if each.state else "ok",
            ]
            for each in channels
        ],
    )


def _verdict(
    depth: QueueDepth, last: dict[str, Any] | None, channels: list[_Channel], now: datetime
) -> str:
    """The first line: what a person wants to know before anything else."""
    ran = "no run yet: put `convsync run` into cron"
    if last:
        seconds = (now - from_text(last["started_at"])).total_seconds()
        ended = "" if last["ended_at"] else " (not ended)"
        ran = f"last run {ago(seconds)} ago{ended}"
    due = f"{depth.due} due"
    if depth.oldest_due_s is not None:
        due += f", the oldest for {ago(depth.oldest_due_s)}"
    failed = depth.by_state["failed"]
    paused = [f"{each.workspace}/{each.channel}" for each in channels if each.state]
    return "; ".join(
        [
            ran,
            due,
            *([f"{failed} failed (convsync jobs list --state failed)"] if failed else []),
            *([f"paused: {', '.join(paused)}"] if paused else []),
        ]
    )


def _sparkline(given: Services, now: datetime) -> str:
    counts = given.store.overview.throughput(now, MINUTES)
    most = max(counts, default=0)
    if not most:
        return "none"
    return "".join(SPARKS[round(count / most * (len(SPARKS) - 1))] for count in counts)


def _checked(channels: list[_Channel], limit: float) -> int:
    """20 where a channel is older than ``limit`` seconds, unknown, or paused."""
    stale = [
        each
        for each in channels
        if each.state is not None or each.ages.p50_s is None or each.ages.p50_s > limit
    ]
    for each in stale:
        age = "never synced" if each.ages.p50_s is None else f"{ago(each.ages.p50_s)} old"
        note(f"convsync: {each.workspace}/{each.channel} is {'paused' if each.state else age}")
    return 20 if stale else 0
