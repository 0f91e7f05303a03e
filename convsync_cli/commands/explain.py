"""`explain`: why one lead is or is not current, and the command that helps."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from convsync_cli import bootstrap
from convsync_cli.bootstrap import Services
from convsync_cli.commands.leads_list import document as lead_document
from convsync_cli.commands.options import Json, Quiet, Workspace
from convsync_cli.console import Console, ago
from convsync_cli.sync.clock import seconds_between
from convsync_cli.sync.diagnosis import Facts, Reach, next_step, summary, window_until
from convsync_cli.sync.instant import from_text, to_text
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.job import Attempt, Job, JobFilter, JobState
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.placing import Kind
from convsync_cli.sync.plainwords import in_words
from convsync_cli.sync.rhythm import RUNS, late
from convsync_cli.view import standing

_LIVE = (JobState.RUNNING, JobState.PENDING)
_OBSTACLES = {
    "not_configured": "does not apply: the workspace has no account for it",
    "no_address": "does not apply: the lead has no usable address for it, nor an id there",
}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def command(
    context: typer.Context,
    lead: Annotated[str, typer.Argument(metavar="LEAD", help="Id, email, phone or provider:id.")],
    workspace: Workspace = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Explain why a lead is or is not current, and what to do.

    Example: convsync explain lead@example.com
    """
    given = bootstrap.services(context.obj)
    found = given.lead(lead, workspace)
    facts = _facts(given, found)
    attempts = given.store.queue.attempts(facts.job.id) if facts.job else []
    console = Console(as_json, quiet)
    console.document(_document(found, facts, attempts))
    _print_lead(console, found, facts)
    for reach in facts.reaches:
        _print_channel(console, reach, facts)
    _print_job(console, facts, attempts)
    _print_next(console, facts)
    return 0


def _facts(given: Services, lead: Lead) -> Facts:
    now = given.clock.now()
    starts = [each.started_at for each in given.store.runs.newest(RUNS)]
    return Facts(
        lead.id,
        lead.workspace,
        _reaches(given, lead),
        _job(given, lead.id),
        late(starts, now),
        given.settings.dedupe_window,
        now,
    )


def _reaches(given: Services, lead: Lead) -> tuple[Reach, ...]:
    configured = given.settings.workspace(lead.workspace)
    providers = configured.providers if configured else {}
    syncs = {str(channel): sync for channel, sync in given.store.archive.syncs(lead.id).items()}
    paused = {each.channel: each for each in given.paused() if each.workspace == lead.workspace}
    return tuple(
        Reach(
            channel,
            providers.get(channel),
            syncs.get(channel),
            paused.get(channel),
            _feed_at(given, lead.workspace, channel),
        )
        for channel in dict.fromkeys([*providers, *syncs])
    )


def _feed_at(given: Services, workspace: str, channel: str) -> datetime | None:
    """Up to when the change feed of a channel was read; None as long as there is none."""
    configured = given.settings.workspace(workspace)
    account = configured.account(channel) if configured else None
    return given.store.feeds.feed(account).synced_at if account else None


def _job(given: Services, lead: str) -> Job | None:
    """The live job of a lead, or else the last one."""
    for state in (*_LIVE, None):
        wanted = JobFilter(state, Kind.CONVERSATION_SYNC, None, lead)
        if jobs := given.store.queue.jobs(wanted, 1):
            return jobs[0]
    return None


def _document(lead: Lead, facts: Facts, attempts: list[Attempt]) -> dict[str, Any]:
    current, why = summary(facts)
    step = next_step(facts)
    until = window_until(facts)
    return lead_document(lead) | {
        "current": current,
        "why": why,
        "channels": [_channel(each, facts) for each in facts.reaches],
        "job": asdict(facts.job) if facts.job else None,
        "attempts": [asdict(each) | {"words": _words(each)} for each in attempts],
        "window_until": until and to_text(until),
        "next": {"what": step.what, "when": step.when and to_text(step.when)},
        "command": step.command,
    }


def _channel(reach: Reach, facts: Facts) -> dict[str, Any]:
    current_as_of = reach.current_as_of
    paused = reach.state
    return {
        "channel": reach.channel,
        "provider": reach.provider,
        "applies": reach.obstacle is None,
        "obstacle": reach.obstacle,
        "current_as_of": current_as_of and to_text(current_as_of),
        "age_s": current_as_of and round(max(0.0, seconds_between(current_as_of, facts.now)), 3),
        "outcome": reach.sync.outcome if reach.sync else None,
        "error_code": reach.sync.error_code if reach.sync else None,
        "left_out": reach.sync.left_out if reach.sync else 0,
        "pause_reason": str(paused.reason) if paused else None,
        "paused_until": to_text(paused.paused_until) if paused and paused.paused_until else None,
        "words": _state_of(reach, facts.now),
    }


def _words(attempt: Attempt) -> str:
    return in_words(attempt.outcome, attempt.error_code)


def _print_lead(console: Console, lead: Lead, facts: Facts) -> None:
    current, why = summary(facts)
    console.say(f": {why}", mark=lead.id, colour="green" if current else "yellow")
    console.say()
    who = [lead.name or "no name", *([lead.company] if lead.company else [])]
    console.say(f"  {', '.join(who)}, in the workspace {lead.workspace}")
    for kind in AddressKind:
        if values := [a.value or f"{a.raw} (unusable)" for a in lead.addresses if a.kind == kind]:
            console.say(f"  {kind}: {', '.join(values)}")
    for handle in lead.handles:
        console.say(f"  at {handle.provider}: {handle.external_id}")
    console.say()


def _print_channel(console: Console, reach: Reach, facts: Facts) -> None:
    via = f" ({reach.provider})" if reach.provider else ""
    console.wrapped(_state_of(reach, facts.now), "  ", mark=f"{reach.channel}{via}: ")


def _state_of(reach: Reach, now: datetime) -> str:
    """How a channel of a lead stands, in a sentence or two."""
    if reach.obstacle:
        return _OBSTACLES[reach.obstacle]
    assert reach.sync is not None  # else there were an obstacle
    paused = f"; the account is paused: {reach.state.message}" if reach.state else ""
    return standing.words(reach.sync, reach.current_as_of, now) + paused


def _print_job(console: Console, facts: Facts, attempts: list[Attempt]) -> None:
    job = facts.job
    console.say()
    if job is None:
        console.say("No job: the lead was never queued, or so long ago that the job was deleted.")
        return
    asked = ago(max(0.0, seconds_between(from_text(job.requested_at), facts.now)))
    tries = f", {job.attempts} of {job.max_attempts} attempts used" if job.attempts else ""
    console.say(f"Job {job.id}: {job.state}, requested {asked} ago{tries}")
    for each in attempts:
        at = f" ({each.slowest})" if each.error_code and each.slowest else ""
        what = f"{each.requests} requests: {_words(each)}{at}"
        console.wrapped(f"{_moment(from_text(each.started_at))}, {what}", "    ", mark="  ")
    if until := window_until(facts):
        console.wrapped(
            f"Until {_moment(until)} queuing it again returns this job (--force queues a new one).",
            "    ",
            mark="  ",
        )


def _print_next(console: Console, facts: Facts) -> None:
    step = next_step(facts)
    console.say()
    when = ""
    if step.when and step.when > facts.now:
        when = f", in {ago(seconds_between(facts.now, step.when))} ({_moment(step.when)})"
    console.wrapped(f"{step.what}{when}", "  ", mark="Next: ")
    if step.command:
        console.say(step.command, mark="Try: ", colour="green")


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
