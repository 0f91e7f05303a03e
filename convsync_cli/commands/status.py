"""`status`: is everything all right?"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import typer

from convsync_cli import bootstrap
from convsync_cli.bootstrap import Services
from convsync_cli.commands.options import Json, Quiet, Workspace, duration
from convsync_cli.console import Console, ago, can_show, columns, is_terminal, note
from convsync_cli.settings import Settings
from convsync_cli.sync.errors import Exit, UsageError
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.model.overview import QueueDepth
from convsync_cli.sync.model.pastrun import PastRun
from convsync_cli.sync.rhythm import RUNS
from convsync_cli.view.verdict import Channel, judge

SPARKS = "▁▂▃▄▅▆▇█"
MINUTES = 60
_CHANNEL_COLUMNS = (
    *("workspace", "channel", "provider", "leads"),
    *("median age", "95 % within", "never", "account"),
)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True, slots=True)
class _Page:
    """All that one look at the database tells."""

    now: datetime
    depth: QueueDepth
    runs: list[PastRun]
    channels: list[Channel]
    leads: dict[str, int]
    strays: dict[str, int]


@app.command()
def command(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh every 2 s until Ctrl-C.")] = False,
    workspace: Workspace = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 20 if a channel is older than --max-age.")
    ] = False,
    max_age: Annotated[
        str, typer.Option(metavar="DURATION", help="Median age that --check allows.")
    ] = "15m",
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show the queue, the last run and how fresh channels are.

    Example: convsync status --check --max-age 15m
    """
    limit = duration(max_age, "--max-age")
    if watch and (check or as_json or quiet):
        raise UsageError("--watch cannot be combined with --check, --json or --quiet", "")
    given = bootstrap.services(context.obj)
    only = given.workspace(workspace)
    console = Console(as_json, quiet)
    if watch:
        from convsync_cli.view.watching import watch as watching

        return watching(partial(_show, console, given, only), partial(_line, console, given, only))
    page = look(given, only)
    console.document(document(page))
    if not as_json and not quiet:
        _print(console, given, page)
    return _checked(page.channels, limit) if check else 0


def look(given: Services, only: str | None) -> _Page:
    """Ask the database for everything that is shown, about one workspace or all."""
    now = given.clock.now()
    chosen = given.settings.narrowed(only)
    return _Page(
        now,
        given.store.overview.queue(now),
        given.store.runs.newest(RUNS),
        _channels(given, chosen, now),
        {each.name: given.store.leads.count(each.name) for each in chosen.workspaces},
        given.strays(),
    )


def _channels(given: Services, chosen: Settings, now: datetime) -> list[Channel]:
    paused = {(state.workspace, state.channel): state for state in given.paused()}
    return [
        Channel(
            workspace.name,
            channel,
            provider,
            given.store.overview.ages(workspace.name, channel, now),
            paused.get((workspace.name, channel)),
        )
        for workspace in chosen.workspaces
        for channel, provider in workspace.providers.items()
    ]


def document(page: _Page) -> dict[str, Any]:
    """The page under the names that scripts rely on."""
    return {
        "jobs": page.depth.by_state,
        "due": page.depth.due,
        "oldest_due_s": page.depth.oldest_due_s,
        "last_run": page.runs[0].document() if page.runs else None,
        "workspaces": [
            {
                "name": name,
                "leads": leads,
                "channels": [_channel(each) for each in page.channels if each.workspace == name],
            }
            for name, leads in page.leads.items()
        ],
    }


def _channel(channel: Channel) -> dict[str, Any]:
    until = channel.state.paused_until if channel.state else None
    return {
        "channel": channel.channel,
        "provider": channel.provider,
        "synced_at": channel.ages.newest,
        "age_p50_s": channel.ages.p50_s,
        "age_p95_s": channel.ages.p95_s,
        "never_synced": channel.ages.never_synced,
        "paused_until": to_text(until) if until else None,
        "pause_reason": str(channel.state.reason) if channel.state else None,
    }


def _line(console: Console, given: Services, only: str | None) -> None:
    """Print the verdict with its time, for a log of them."""
    page = look(given, only)
    verdict = judge(page.depth, page.runs, page.channels, page.strays, page.now)
    console.say(f"{to_text(page.now)} {verdict.mark}{verdict.facts}")


def _show(console: Console, given: Services, only: str | None) -> None:
    _print(console, given, look(given, only))


def _print(console: Console, given: Services, page: _Page) -> None:
    verdict = judge(page.depth, page.runs, page.channels, page.strays, page.now)
    colour = "green" if verdict.well else "yellow"
    console.wrapped(verdict.facts, "  ", mark=verdict.mark, colour=colour)
    for remedy in verdict.remedies:
        console.wrapped(remedy, "    ", mark="  - ")
    console.say()
    _print_queue(console, page.depth)
    console.say()
    words, bars = _sparkline(given.store.overview.throughput(page.now, MINUTES))
    console.wrapped(words)
    if bars:
        console.say(bars)
    console.say()
    _print_channels(console, page)


def _print_queue(console: Console, depth: QueueDepth) -> None:
    states = list(depth.by_state)
    kinds = sorted({kind for kind, _ in depth.by_kind})
    console.table(
        ["job", *states],
        [[kind, *(depth.by_kind.get((kind, state), 0) for state in states)] for kind in kinds],
        nothing="No job yet.",
    )


def _print_channels(console: Console, page: _Page) -> None:
    console.table(
        _CHANNEL_COLUMNS,
        [
            [
                each.workspace,
                each.channel,
                each.provider,
                page.leads[each.workspace],
                ago(each.ages.p50_s),
                ago(each.ages.p95_s),
                each.ages.never_synced,
                f"paused: {each.state.reason}" if each.state else "ok",
            ]
            for each in page.channels
        ],
    )


def _sparkline(counts: list[int]) -> tuple[str, str]:
    """Jobs a minute over the last hour: in words, and as bars, the newest at the right."""
    most = max(counts, default=0)
    words = f"{sum(counts)} jobs done in the last hour"
    if not most:
        return words, ""
    words += f", at most {most} a minute"
    if not can_show(SPARKS):
        return words, ""
    if is_terminal() and columns() < len(counts) + 2:  # two minutes in one bar
        counts = [sum(counts[i : i + 2]) for i in range(0, len(counts), 2)]
        most = max(counts)
    # The lowest bar is nothing; whatever was done is seen.
    bars = [SPARKS[-(-count * (len(SPARKS) - 1) // most)] for count in counts]
    return f"{words}:", "".join(bars)


def _checked(channels: list[Channel], limit: float) -> int:
    """Breached where a channel is older than ``limit`` seconds, unknown, or paused."""
    stale = [
        each
        for each in channels
        if each.state is not None or each.ages.p50_s is None or each.ages.p50_s > limit
    ]
    for each in stale:
        age = "never synced" if each.ages.p50_s is None else f"{ago(each.ages.p50_s)} old"
        note(f"convsync: {each.account} is {'paused' if each.state else age}")
    return Exit.BREACHED if stale else Exit.DONE
