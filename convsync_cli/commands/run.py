"""`run`: work through the queue within a budget of seconds."""

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

from convsync_cli import bootstrap
from convsync_cli.bootstrap import Services
from convsync_cli.commands.options import Json, Quiet
from convsync_cli.commands.stopping import Stopping
from convsync_cli.console import Console, note
from convsync_cli.monitoring import Monitor, kept
from convsync_cli.runlog import LogFormat, RunLog, run_log
from convsync_cli.sync import loop
from convsync_cli.sync.alerts import QUIET, Trouble, alerts, trouble
from convsync_cli.sync.deadline import Deadline
from convsync_cli.sync.errors import Exit, UsageError
from convsync_cli.sync.model.pause import NEED_A_PERSON
from convsync_cli.sync.model.progress import Saved
from convsync_cli.sync.ports import RunLock
from convsync_cli.sync.runner import Report, Runner
from convsync_cli.view.progress import progress_board

LONGEST_RUN_S = 86_400.0
_PATIENCE_MS = 250  # the worker asks again as long as its deadline allows

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def command(
    context: typer.Context,
    max_seconds: Annotated[
        float, typer.Option(metavar="N", help="Stop after N seconds, N + 2 at the very latest.")
    ] = 50.0,
    concurrency: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=128, help="Number of jobs at once.")
    ] = None,
    progress: Annotated[
        bool | None, typer.Option(help="Show progress (default: on a terminal).")
    ] = None,
    parallel: Annotated[
        bool, typer.Option("--parallel", help="Run even while another run is active.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit 3 if a job failed, 12 if a credential is refused."),
    ] = False,
    log_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Append one line per job to this file.")
    ] = None,
    log_format: Annotated[
        LogFormat | None, typer.Option(help="Log format (on stderr without --log-file).")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Work until nothing is due or the budget is spent. A signal stops it cleanly.

    Example: convsync run --max-seconds 50
    """
    if not 0 < max_seconds <= LONGEST_RUN_S:
        raise UsageError("--max-seconds must be more than 0 and at most a day", "e.g. 50")
    console = Console(as_json, quiet)
    given = bootstrap.services(context.obj, patience_ms=_PATIENCE_MS)
    given.output(log_file)
    deadline = Deadline.after(given.clock, max_seconds, context.obj.began)
    stopping = Stopping(deadline)
    verdict = partial(_verdict, given, stopping, strict)
    watched = sys.stderr.isatty()
    shown = progress is not False and watched and not (quiet or as_json)
    with run_log(log_file, log_format, given.clock) as log:
        lock = given.store.lock_run(parallel)
        if lock is None:
            _print(console, Report(None, "locked"))
            return 0
        known = Trouble() if watched else _known(given)
        with progress_board(given, shown) as listeners:
            runner = bootstrap.runner(
                given, concurrency, (*listeners, log.job_stopped), attended=watched
            )
            monitor = bootstrap.monitor(given, partial(_warn, console, log))
            log.write("info", "run.start", budget_s=max_seconds)
            report = loop.run(stopping.around(_work, runner, monitor, lock, deadline, verdict))
        lock.release()
        _print(console, report)
        _log_end(log, report)
        for line in alerts(known, given.paused(), report.tally.failed):
            note(f"convsync: {line}")
            log.write("warning", "news", message=line)
    return verdict(report)


async def _work(
    runner: Runner,
    monitor: Monitor | None,
    lock: RunLock,
    deadline: Deadline,
    verdict: Callable[[Report], int],
    stop: asyncio.Event,
) -> Report:
    """Run; where a monitor is told of it, a little of the budget is kept for that."""
    if monitor is None:
        return await runner.run(lock, deadline, stop)
    work = deadline.less(kept(deadline.remaining))
    return await monitor.around(runner.run(lock, work, stop), verdict, deadline, stop)


def _known(given: Services) -> Trouble:
    """What cron has mailed already."""
    return trouble(given.paused(), given.store.runs.recent(given.clock.now() - QUIET))


def _warn(console: Console, log: RunLog, sentence: str) -> None:
    """Say that the monitor was not notified; it notices that itself, so cron need not mail it."""
    log.write("warning", "monitor", message=sentence)
    if not console.quiet:
        note(f"convsync: {sentence}")


def _print(console: Console, report: Report) -> None:
    console.document({"run": report.run, "reason": report.reason, **report.counts()})
    if report.reason == "locked":
        return  # quietly: cron starts a run every minute, and one that is long is no news
    tally, messages = report.tally, report.tally.messages
    console.say(
        f"{report.reason} after {report.elapsed_s:.1f} s: {tally.done} done, {tally.failed} failed,"
        f" {tally.retry + tally.snooze + tally.released} to continue, {report.due_left} due;"
        f" {messages.new} new messages, {messages.changed} changed{_healed(messages)}"
        f" ({tally.requests} requests)"
    )


def _log_end(log: RunLog, report: Report) -> None:
    counts: dict[str, Any] = report.counts()
    messages = counts.pop("messages")
    log.write("info", "run.stop", run=report.run, reason=report.reason, **counts, **messages)


def _healed(messages: Saved) -> str:
    return f" ({messages.healed} of them imported before)" if messages.healed else ""


def _verdict(given: Services, stopping: Stopping, strict: bool, report: Report) -> int:
    """With ``strict``, an account that needs a person, or a failed job, is not all right."""
    if stopping.exit_code or not strict:
        return stopping.exit_code
    if any(state.reason in NEED_A_PERSON for state in given.paused()):
        return Exit.REFUSED
    return Exit.INCOMPLETE if report.tally.failed else Exit.DONE
