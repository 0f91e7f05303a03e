"""`jobs`: look at the queue."""

from dataclasses import asdict
from typing import Annotated

import typer

from convsync_cli import bootstrap
from convsync_cli.commands.options import Json, Quiet, Workspace
from convsync_cli.console import Console
from convsync_cli.sync.errors import NotFound
from convsync_cli.sync.model.job import Job, JobFilter, JobState

app = typer.Typer(rich_markup_mode=None, help="Look at the queue.", no_args_is_help=True)


@app.command("list")
def list_(
    context: typer.Context,
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Only jobs of this kind.")
    ] = None,
    lead: Annotated[str | None, typer.Option(metavar="ID", help="Only this lead's jobs.")] = None,
    workspace: Workspace = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="At most so many.")] = 50,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """List the newest jobs.

    Example: convsync jobs list --state failed
    """
    given = bootstrap.services(context.obj)
    wanted = JobFilter(state, kind, given.workspace(workspace), lead)
    jobs = given.store.queue.jobs(wanted, limit)
    console = Console(as_json, quiet)
    console.document({"jobs": [asdict(job) for job in jobs]})
    console.table(
        ["job", "workspace", "lead", "state", "attempts", "due", "error"],
        [
            [
                job.id,
                job.workspace,
                job.lead,
                job.state,
                f"{job.attempts}/{job.max_attempts}",
                job.run_at,
                job.error,
            ]
            for job in jobs
        ],
    )
    return 0


@app.command()
def show(
    context: typer.Context,
    job: Annotated[int, typer.Argument(metavar="JOB", help="The job's number.")],
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
    console.table(
        ["try", "run", "started", "ended", "outcome", "error", "requests", "http ms", "slowest"],
        [list(asdict(each).values()) for each in attempts],
    )
    return 0


def _show(console: Console, job: Job) -> None:
    for name, value in asdict(job).items():
        if value is not None:
            console.say(f"{name.replace('_', ' ')}: {value}")
