"""`jobs`: inspect and repair the queue."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from convsync_cli import bootstrap
from convsync_cli.bootstrap import Services
from convsync_cli.commands.options import Json, Quiet, Workspace, count, duration
from convsync_cli.console import Console, ago, confirmed, note
from convsync_cli.sync.clock import seconds_between
from convsync_cli.sync.errors import Exit, NotFound, UsageError
from convsync_cli.sync.instant import from_text
from convsync_cli.sync.model.job import Job, JobFilter, JobState, Overrun
from convsync_cli.sync.model.placing import Kind

BATCH = 500  # jobs to a transaction, so that no enqueuer waits long

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    help="Inspect and repair the queue.",
    no_args_is_help=True,
)

Number = Annotated[int, typer.Argument(metavar="JOB", parser=count, help="Job number.")]
Numbers = Annotated[
    list[int] | None, typer.Argument(metavar="JOB…", parser=count, help="Job numbers.")
]
All = Annotated[bool, typer.Option("--all", help="All jobs that match the filters.")]
OfKind = Annotated[Kind | None, typer.Option("--kind", help="Only jobs of this kind.")]
OfLead = Annotated[
    str | None, typer.Option("--lead", metavar="LEAD", help="Only this lead's jobs.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


@app.command("list")
def list_(
    context: typer.Context,
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    kind: OfKind = None,
    lead: OfLead = None,
    workspace: Workspace = None,
    limit: Annotated[int, typer.Option(metavar="N", parser=count, help="At most N jobs.")] = 50,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """List the newest jobs.

    Example: convsync jobs list --state failed
    """
    given = bootstrap.services(context.obj)
    wanted = JobFilter(state, kind, *_whose(given, workspace, lead))
    jobs = given.store.queue.jobs(wanted, limit)
    console = Console(as_json, quiet)
    console.document({"jobs": [asdict(job) for job in jobs]})
    console.table(
        ["job", "workspace", "for", "state", "tries", "when", "error"],
        [_row(job, given.clock.now()) for job in jobs],
        nothing="No matching jobs.",
    )
    return 0


def _row(job: Job, now: datetime) -> list[object]:
    """A job for people: most are a lead's, so that only of the others the kind is told."""
    what = (
        job.lead if job.kind == Kind.CONVERSATION_SYNC else f"{job.kind} {job.subject or job.lead}"
    )
    tries = f"{job.attempts}/{job.max_attempts}"
    return [job.id, job.workspace, what, job.state, tries, _when(job, now), job.error]


def _when(job: Job, now: datetime) -> str:
    """How long it has waited, run or been over; or until it is due."""
    if job.state == JobState.PENDING:
        left = seconds_between(now, from_text(job.run_at))
        return f"in {ago(left)}" if left > 0 else f"due {ago(-left)}"
    since = seconds_between(from_text(job.finished_at or job.started_at or job.run_at), now)
    return f"{ago(max(0.0, since))}" + ("" if job.state == JobState.RUNNING else " ago")


@app.command()
def show(
    context: typer.Context,
    job: Number,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show one job with all its attempts.

    Example: convsync jobs show 42
    """
    given = bootstrap.services(context.obj)
    found = given.store.queue.job(job)
    if found is None:
        raise NotFound(f"there is no job {job}", "see `convsync jobs list`")
    attempts = given.store.queue.attempts(job)
    console = Console(as_json, quiet)
    console.document(asdict(found) | {"tries": [asdict(each) for each in attempts]})
    _show(console, found)
    console.say()
    console.table(
        ["try", "run", "started", "ended", "outcome", "error", "requests", "http ms", "slowest"],
        [list(asdict(each).values()) for each in attempts],
    )
    return 0


def _show(console: Console, job: Job) -> None:
    for name, value in asdict(job).items():
        if value is not None and value is not False:
            console.say(f"{name.replace('_', ' ')}: {value}")


@app.command()
def retry(
    context: typer.Context,
    jobs: Numbers = None,
    every: All = False,
    kind: OfKind = None,
    lead: OfLead = None,
    workspace: Workspace = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Queue failed jobs again with fresh attempts; cancelled ones only by number.

    Example: convsync jobs retry --all --workspace acme
    """
    given = bootstrap.services(context.obj)
    wanted = JobFilter(JobState.FAILED, kind, *_whose(given, workspace, lead))
    _check(jobs, every, wanted)
    done = _act(given, given.store.queue.retry, jobs, wanted)
    return _report(Console(as_json, quiet), "retried", done, jobs)


@app.command()
def cancel(
    context: typer.Context,
    jobs: Numbers = None,
    every: All = False,
    kind: OfKind = None,
    lead: OfLead = None,
    workspace: Workspace = None,
    yes: Yes = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Cancel pending jobs; running ones continue.

    Example: convsync jobs cancel 41 42
    """
    given = bootstrap.services(context.obj)
    wanted = JobFilter(JobState.PENDING, kind, *_whose(given, workspace, lead))
    _check(jobs, every, wanted)
    if every:
        confirmed("Cancel all matching pending jobs?", yes)
    done = _act(given, given.store.queue.cancel, jobs, wanted)
    return _report(Console(as_json, quiet), "cancelled", done, jobs)


def _whose(
    given: Services, workspace: str | None, lead: str | None
) -> tuple[str | None, str | None]:
    """The workspace and the lead's id of a filter; jobs may be of a workspace that is gone."""
    gone = workspace is not None and workspace in given.strays()
    return (
        workspace if gone else given.workspace(workspace),
        None if lead is None else given.lead(lead, None if gone else workspace).id,
    )


def _check(jobs: list[int] | None, every: bool, wanted: JobFilter) -> None:
    """Refuse what may mean other jobs than it says."""
    if bool(jobs) == every:
        raise UsageError("give either the numbers of jobs or --all", "see `convsync jobs list`")
    if jobs and (wanted.kind or wanted.workspace or wanted.lead):
        raise UsageError("--kind, --lead and --workspace go only with --all", "leave them out")


def _act(
    given: Services,
    act: Callable[[Sequence[int], datetime], list[int]],
    jobs: list[int] | None,
    wanted: JobFilter,
) -> list[int]:
    """Do something to jobs in batches; returns to which."""
    batches = [jobs] if jobs else _batches(given, wanted)
    return [job for batch in batches for job in act(batch, given.clock.now())]


def _batches(given: Services, wanted: JobFilter) -> Iterator[list[int]]:
    after = 0
    while batch := given.store.queue.ids(wanted, after, BATCH):
        yield batch
        after = batch[-1]


def _report(console: Console, did: str, done: list[int], asked: list[int] | None) -> int:
    left = sorted(set(asked or ()) - set(done))
    console.document({did: done, "left": left})
    console.say(f"{len(done)} {did}")
    if left:
        note(f"convsync: not {did}, because unknown or in another state: {left}")
    return Exit.INCOMPLETE if left else Exit.DONE


@app.command()
def prune(
    context: typer.Context,
    older_than: Annotated[
        str, typer.Option(metavar="DURATION", help="Only jobs that ended longer ago.")
    ] = "7d",
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Delete jobs that ended long ago. Runs do this too: after 7 days, failed jobs after 30.

    Example: convsync jobs prune --older-than 2d
    """
    age = duration(older_than, "--older-than")
    given = bootstrap.services(context.obj)
    before = given.clock.now() - timedelta(seconds=age)
    deleted = 0
    for state in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED):
        while batch := given.store.queue.prune(state, before, BATCH):
            deleted += batch
    console = Console(as_json, quiet)
    console.document({"deleted": deleted})
    console.say(f"{deleted} deleted")
    return 0


@app.command()
def timeouts(
    context: typer.Context,
    since: Annotated[str, typer.Option(metavar="DURATION", help="How far back to look.")] = "24h",
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show where timeouts and network errors came from: kinds, endpoints, accounts and leads.

    Example: convsync jobs timeouts --since 24h
    """
    age = duration(since, "--since")
    given = bootstrap.services(context.obj)
    overruns = given.store.queue.timeouts(given.clock.now() - timedelta(seconds=age))
    groups = _grouped(overruns)
    console = Console(as_json, quiet)
    console.document({"timeouts": groups})
    console.table(
        ["workspace", "kind", "endpoint", "error", "count", "p50 ms", "p95 ms", "leads"],
        [[*list(each.values())[:-1], len(each["leads"])] for each in groups],
        nothing="No timeouts in that time.",
    )
    return 0


def _grouped(overruns: list[Overrun]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str, str | None, str], list[Overrun]] = defaultdict(list)
    for each in overruns:
        groups[each.workspace, each.kind, each.endpoint, each.code].append(each)
    return [
        {
            "workspace": workspace,
            "kind": kind,
            "endpoint": endpoint,
            "error_code": code,
            "count": len(group),
            "http_p50_ms": _share(group, 0.5),
            "http_p95_ms": _share(group, 0.95),
            "leads": sorted({each.lead for each in group if each.lead}),
        }
        for (workspace, kind, endpoint, code), group in sorted(
            groups.items(), key=lambda pair: -len(pair[1])
        )
    ]


def _share(group: list[Overrun], share: float) -> int:
    taken = sorted(each.http_ms for each in group)
    return taken[min(len(taken) - 1, int(len(taken) * share))]
