"""`run`: work through the queue within a budget of seconds."""

import sys
from typing import Annotated

import typer

from convsync_cli import bootstrap
from convsync_cli.commands.options import Json, Quiet
from convsync_cli.commands.progress import progress_bar
from convsync_cli.commands.stopping import Stopping
from convsync_cli.console import Console, note
from convsync_cli.sync import loop
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.errors import UsageError
from convsync_cli.sync.model.pause import NEED_A_PERSON, AccountState
from convsync_cli.sync.model.progress import Saved
from convsync_cli.sync.runner import Report

LONGEST_RUN_S = 86_400.0
_PATIENCE_MS = 250  # the worker asks again as long as its deadline allows

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def command(
    context: typer.Context,
    max_seconds: Annotated[
        float, typer.Option(metavar="N", help="The run has ended after so many seconds.")
    ] = 50.0,
    concurrency: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=128, help="Jobs at once.")
    ] = None,
    progress: Annotated[
        bool | None, typer.Option(help="Show progress (default: on a terminal).")
    ] = None,
    parallel: Annotated[bool, typer.Option("--parallel", help="Work beside another run.")] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit 3 if a job failed, 12 if a credential is refused."),
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Work until nothing is due or the budget is spent. A signal ends it softly.

    Example: convsync run --max-seconds 50
    """
    if not 0 < max_seconds <= LONGEST_RUN_S:
        raise UsageError("--max-seconds must be more than 0 and at most a day", "e.g. 50")
    console = Console(as_json, quiet)
    given = bootstrap.services(context.obj, patience_ms=_PATIENCE_MS)
    deadline = Deadline.after(given.clock, max_seconds)
    lock = given.store.lock_run(parallel)
    if lock is None:
        _tell(console, Report(None, "locked"))
        return 0
    shown = progress is not False and sys.stderr.isatty() and not (quiet or as_json)
    with progress_bar(given, shown) as listeners:
        stopping = Stopping(max_seconds)
        report = loop.run(
            stopping.around(bootstrap.runner(given, concurrency, listeners).run, lock, deadline)
        )
    lock.release()
    _tell(console, report)
    return stopping.exit_code or _verdict(given.paused(), report, strict)


def _tell(console: Console, report: Report) -> None:
    console.document({"run": report.run, "reason": report.reason, **report.counts()})
    if report.reason == "locked":
        return  # quietly: cron starts a run every minute, and one that is long is no news
    tally, messages = report.tally, report.tally.messages
    console.say(
        f"{report.reason} after {report.elapsed_s:.1f} s: {tally.done} done, {tally.failed} failed,"
        f" {tally.retry + tally.snooze + tally.released} to go on with, {report.due_left} due;"
        f" {messages.new} new messages, {messages.changed} changed{_healed(messages)}"
        f" ({tally.requests} requests)"
    )


def _healed(messages: Saved) -> str:
    return f" ({messages.healed} of them imported before)" if messages.healed else ""


def _verdict(paused: list[AccountState], report: Report, strict: bool) -> int:
    """Say which accounts need a person; with ``strict`` that, and failed jobs, decide the code."""
    refused = [state for state in paused if state.reason in NEED_A_PERSON]
    for state in refused:
        note(f"convsync: {state.workspace}/{state.channel} is not read: {state.message}")
    if not strict:
        return 0
    return 12 if refused else 3 if report.tally.failed else 0
