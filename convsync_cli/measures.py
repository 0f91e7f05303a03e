"""What a monitor wants to know, as metrics; leads appear as counts only."""

import platform
from collections.abc import Iterable, Iterator
from datetime import datetime

from convsync_cli import __version__
from convsync_cli.bootstrap import Services
from convsync_cli.exposition import Metric, Sample
from convsync_cli.sync.clock import seconds_between
from convsync_cli.sync.instant import from_text
from convsync_cli.sync.limits import Bucket
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.job import JobState
from convsync_cli.sync.model.overview import ChannelAges
from convsync_cli.sync.model.pastrun import PastRun
from convsync_cli.sync.model.pause import PauseReason
from convsync_cli.sync.model.placing import Kind
from convsync_cli.sync.ports import Store

OUTCOMES = ("succeeded", "retried", "snoozed", "failed", "released", "rescued")
CHANGES = ("new", "changed", "unchanged")


def measures(given: Services, now: datetime) -> Iterator[Metric]:
    """Everything at a moment; each query behind it runs on an index."""
    yield _gauge(
        "build_info",
        "Version of convsync and Python; always 1.",
        _one(1, version=__version__, python=platform.python_version()),
    )
    yield from _queue(given.store, now)
    yield from _last_run(given.store.runs.last(), now)
    yield from _channels(given, now)
    yield from _accounts(given, now)
    yield from _archive(given)


def _queue(store: Store, now: datetime) -> Iterator[Metric]:
    depth = store.overview.queue(now)
    yield _gauge(
        "jobs",
        "Jobs by kind and state; those that ended are deleted after some days.",
        (
            Sample(depth.by_kind.get((kind, state), 0), {"kind": kind, "state": state})
            for kind in sorted({*Kind, *(kind for kind, _ in depth.by_kind)})
            for state in JobState
        ),
    )
    yield _gauge("jobs_due", "Pending jobs that could run now.", _one(depth.due))
    yield _gauge(
        "jobs_oldest_due_seconds",
        "Seconds that the oldest due job has waited; 0 if there is none.",
        _one(depth.oldest_due_s or 0),
    )


def _last_run(last: PastRun | None, now: datetime) -> Iterator[Metric]:
    if last is None:
        return
    yield _gauge(
        "last_run_start_timestamp_seconds",
        "When the newest run began, seconds since the epoch.",
        _one(last.started_at.timestamp()),
    )
    yield _gauge(
        "last_run_age_seconds",
        "Seconds since the newest run began, when this was written.",
        _one(max(0.0, seconds_between(last.started_at, now))),
    )
    yield _gauge(
        "last_run_active",
        "1 while the newest run is active, or if it was killed; 0 otherwise.",
        _one(0 if last.ended_at else 1),
    )
    if not last.ended_at:
        return
    yield _gauge(
        "last_run_duration_seconds",
        "Seconds that the newest run took.",
        _one(last.counts["elapsed_s"]),
    )
    yield _gauge(
        "last_run_jobs",
        "Jobs of the newest run by outcome.",
        (Sample(last.counts[outcome], {"outcome": outcome}) for outcome in OUTCOMES),
    )
    yield _gauge("last_run_requests", "Requests of the newest run.", _one(last.counts["requests"]))
    yield _gauge(
        "last_run_messages",
        "Messages that the newest run read, by what storing them changed.",
        (Sample(last.counts["messages"][change], {"change": change}) for change in CHANGES),
    )


def _channels(given: Services, now: datetime) -> Iterator[Metric]:
    ages_of = given.store.overview.ages
    known = [
        (_named(workspace.name, channel, provider), ages_of(workspace.name, channel, now))
        for workspace in given.settings.workspaces
        for channel, provider in workspace.providers.items()
    ]
    yield _gauge(
        "channel_age_seconds",
        "Seconds since the leads of a channel were read to the end: the median and 95 % of them.",
        (
            Sample(age, {**labels, "quantile": quantile})
            for labels, ages in known
            for quantile, age in _quantiles(ages)
        ),
    )
    yield _gauge(
        "channel_synced_timestamp_seconds",
        "When a lead of the channel was last read to the end, seconds since the epoch.",
        (
            Sample(from_text(ages.newest).timestamp(), labels)
            for labels, ages in known
            if ages.newest
        ),
    )
    yield _gauge(
        "channel_never_synced_leads",
        "Leads that can be read on the channel and never were.",
        (Sample(ages.never_synced, labels) for labels, ages in known),
    )


def _quantiles(ages: ChannelAges) -> Iterator[tuple[str, float]]:
    for quantile, age in (("0.5", ages.p50_s), ("0.95", ages.p95_s)):
        if age is not None:
            yield quantile, age


def _accounts(given: Services, now: datetime) -> Iterator[Metric]:
    accounts = [(each, given.store.accounts.state(each)) for each in given.settings.accounts]
    yield _gauge(
        "account_paused",
        "1 while an account is not used for this reason, 0 otherwise.",
        (
            Sample(
                int(state.paused(now) and state.reason is reason),
                {**_labels(account), "reason": str(reason)},
            )
            for account, state in accounts
            for reason in PauseReason
        ),
    )
    yield _gauge(
        "rate_limit_requests",
        "Requests that an account may send within its window.",
        (Sample(account.rate.requests, _labels(account)) for account, _ in accounts),
    )
    yield _gauge(
        "rate_limit_window_seconds",
        "The window of an account's rate limit.",
        (Sample(account.rate.seconds, _labels(account)) for account, _ in accounts),
    )
    yield _gauge(
        "rate_limit_wait_seconds",
        "Seconds that a request of an account would wait for its rate limit now.",
        (
            Sample(Bucket(account.rate, state.next_at).backlog(now.timestamp()), _labels(account))
            for account, state in accounts
        ),
    )


def _archive(given: Services) -> Iterator[Metric]:
    sizes = given.store.overview.sizes()
    yield _gauge(
        "leads",
        "Leads of a workspace.",
        (
            Sample(given.store.leads.count(each.name), {"workspace": each.name})
            for each in given.settings.workspaces
        ),
    )
    yield _gauge("messages", "Messages in the archive.", _one(given.store.overview.messages()))
    yield _gauge("database_bytes", "Bytes of the database file.", _one(sizes.database))
    yield _gauge(
        "database_wal_bytes", "Bytes of the log that is not yet folded into it.", _one(sizes.log)
    )


def _gauge(name: str, what: str, samples: Iterable[Sample]) -> Metric:
    return Metric(f"convsync_{name}", "gauge", what, tuple(samples))


def _one(value: float, **labels: str) -> tuple[Sample, ...]:
    return (Sample(value, labels),)


def _labels(account: Account) -> dict[str, str]:
    return _named(account.workspace, account.channel, account.provider)


def _named(workspace: str, channel: str, provider: str) -> dict[str, str]:
    return {"workspace": workspace, "channel": channel, "provider": provider}
