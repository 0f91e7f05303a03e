"""What `doctor` checks besides the database: configuration, accounts, clock, runs, versions.

House rule: what could not be looked at is a warning and never ok. Findings name accounts and files,
and never a person or a secret.
"""

import os
import platform
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from re import split
from statistics import median

from convsync_cli import bootstrap, settings
from convsync_cli.bootstrap import Invocation, Services
from convsync_cli.connections import Checkup
from convsync_cli.settings import Settings
from convsync_cli.sync.clock import SystemClock
from convsync_cli.sync.errors import (
    BudgetSpent,
    ConfigError,
    ConvsyncError,
    CredentialUnavailable,
    DatabaseError,
    Exit,
    Locked,
    Rejected,
    Unauthorized,
)
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.finding import Finding, Level
from convsync_cli.sync.model.pastrun import PastRun
from convsync_cli.sync.model.pause import AccountState, PauseReason
from convsync_cli.sync.rhythm import RUNS, at_work, late

CHECK_S = 20.0
SKEW_S = 60.0


@dataclass(frozen=True, slots=True)
class Examination:
    """All findings, whether a credential is among what is wrong, and what could be opened."""

    findings: tuple[Finding, ...]
    refused: bool = False
    services: Services | None = None

    @property
    def exit_code(self) -> Exit:
        """What `doctor` ends with: a credential that is refused outweighs all else."""
        if self.refused:
            return Exit.REFUSED
        wrong = any(each.level is Level.PROBLEM for each in self.findings)
        return Exit.INCOMPLETE if wrong else Exit.DONE


def examine(invocation: Invocation) -> Examination:
    """Look at everything; what one thing keeps from being looked at is said and not left out."""
    try:
        loaded = settings.load(invocation.config, os.environ, database=invocation.database)
    except ConfigError as error:
        first = Finding(Level.PROBLEM, "configuration", error.message, error.hint)
        rest = _unchecked(("database", "accounts", "clock", "runs"), "the configuration")
        return Examination((first, *rest, *_versions()))
    accounts, findings = _configuration(loaded)
    try:
        store = bootstrap.open_store(loaded.database, create=False, patience_ms=10_000)
    except ConvsyncError as error:
        level = Level.WARNING if isinstance(error, Locked) else Level.PROBLEM
        findings.append(Finding(level, "database", error.message, error.hint))
        findings += _unchecked(("accounts", "clock", "runs"), "the database")
        return Examination((*findings, *_versions()))
    given = Services(loaded, store, SystemClock())
    findings += _database(given)
    findings += _runs(given.store.runs.newest(RUNS), given.clock.now())
    findings += _strays(given.strays())
    try:
        checkups = bootstrap.check(given, accounts, CHECK_S)  # each request is counted
    except DatabaseError as error:
        findings.append(Finding(Level.PROBLEM, "database", error.message, error.hint))
        findings += _unchecked(("accounts", "clock"), "a database that can be written")
        return Examination((*findings, *_versions()), False, given)
    findings += [finding for each in checkups for finding in _account(given, each)]
    findings.append(_clock(checkups))
    refused = any(isinstance(c.error, CredentialUnavailable | Unauthorized) for c in checkups)
    return Examination((*findings, *_versions()), refused, given)


def _unchecked(subjects: Sequence[str], without: str) -> Iterator[Finding]:
    for subject in subjects:
        what = f"could not be checked without {without}"
        yield Finding(Level.WARNING, subject, what, "fix that first")


def _configuration(loaded: Settings) -> tuple[list[Account], list[Finding]]:
    """The accounts whose tables are right, and what is to be said about the file."""
    accounts: list[Account] = []
    findings: list[Finding] = []
    for workspace in loaded.workspaces:
        try:
            accounts += workspace.accounts
        except ConfigError as error:
            findings.append(Finding(Level.PROBLEM, "configuration", error.message, error.hint))
    try:
        _ = loaded.ping_url  # only runs read it, and end where they cannot
    except ConfigError as error:
        findings.append(Finding(Level.PROBLEM, "configuration", error.message, error.hint))
    if not findings:
        count = "1 account" if len(accounts) == 1 else f"{len(accounts)} accounts"
        told = f"{loaded.path} can be used; {count} in it"
        findings.append(Finding(Level.OK, "configuration", told))
    if not any(each.providers for each in loaded.workspaces):
        remedy = f"add [workspaces.NAME.sms] or [workspaces.NAME.email] to {loaded.path}"
        findings.append(Finding(Level.WARNING, "accounts", "none is configured", remedy))
    if os.stat(loaded.path).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        what = f"other users can change {loaded.path}, and so where credentials are sent"
        remedy = f"chmod go-w {loaded.path}"
        findings.append(Finding(Level.WARNING, "configuration", what, remedy))
    return accounts, findings


def _database(given: Services) -> list[Finding]:
    try:
        return list(given.store.examine())
    except ConvsyncError as error:
        return [Finding(Level.PROBLEM, "database", error.message, error.hint)]


def _account(given: Services, checkup: Checkup) -> Iterator[Finding]:
    account, error = checkup.account, checkup.error
    subject = f"account {account.name}"
    table = f"[workspaces.{account.workspace}.{account.channel}]"
    match error:
        case None:
            state = given.store.accounts.state(account)
            paused = state.paused(given.clock.now())
            yield (
                _paused(subject, account, state)
                if paused
                else Finding(Level.OK, subject, "the provider accepts the credential")
            )
            yield from _reading(given, account)
        case CredentialUnavailable() | Unauthorized():
            hint = f"fix the token, then `convsync accounts resume {account.name}`"
            yield Finding(Level.PROBLEM, subject, error.message, error.hint or hint)
        case Rejected():
            hint = f"check provider, base_url and ids in {table}"
            yield Finding(Level.PROBLEM, subject, error.message, error.hint or hint)
        case _:
            said = f"no answer within {CHECK_S:g} s"
            told = said if isinstance(error, BudgetSpent) else error.message
            hint = error.hint or f"try again later; check the network and base_url in {table}"
            yield Finding(Level.WARNING, subject, f"could not be checked: {told}", hint)


def _paused(subject: str, account: Account, state: AccountState) -> Finding:
    """The credential works, and still the account is not used."""
    if state.reason is PauseReason.RATE_LIMITED:
        what = f"the provider asked for a pause until {state.paused_until:%Y-%m-%d %H:%M:%S} UTC"
        return Finding(Level.WARNING, subject, what, "it ends by itself; a lower `rate` avoids it")
    by_hand = state.reason is PauseReason.OPERATOR
    what = "paused by hand" if by_hand else "still paused"
    remedy = f"`convsync accounts resume {account.name}`"
    return Finding(Level.WARNING, subject, f"the credential works, but it is {what}", remedy)


def _reading(given: Services, account: Account) -> Iterator[Finding]:
    """Whether scopes and workspace are right shows only in a conversation that was read."""
    ages = given.store.overview.ages(account.workspace, account.channel, given.clock.now())
    subject = f"reading {account.name}"
    if ages.newest is not None:
        yield Finding(Level.OK, subject, f"a conversation was read to its end at {ages.newest}")
        return
    what = "none has been read yet, so scopes and workspace could not be checked"
    yield Finding(Level.WARNING, subject, what, "read one: `convsync enqueue LEAD`, then `run`")


def _clock(checkups: Sequence[Checkup]) -> Finding:
    """Our clock against the providers': one of theirs may be wrong, half of them are not."""
    told = [each.ahead_s for each in checkups if each.ahead_s is not None]
    if not told:
        what = "could not be checked: no provider reported the time"
        return Finding(Level.WARNING, "clock", what, "try again when an account can be reached")
    ahead = median(told)
    if abs(ahead) <= SKEW_S:
        return Finding(Level.OK, "clock", "agrees with the providers' to the minute")
    what = f"is {abs(ahead):.0f} s {'behind' if ahead > 0 else 'ahead of'} the providers'"
    return Finding(Level.WARNING, "clock", what, "let NTP set it: timedatectl set-ntp true")


def _runs(recent: Sequence[PastRun], now: datetime) -> Iterator[Finding]:
    """Whether cron does its work, judged by the last runs, the newest first."""
    if not recent:
        remedy = "let cron run it every minute: `convsync cron print` prints the lines"
        yield Finding(Level.WARNING, "runs", "nothing has run yet", remedy)
        return
    starts = [each.started_at for each in recent]
    age = now - starts[0]
    told = f"the last one started {age.total_seconds():.0f} s ago"
    if late(starts, now):
        remedy = "`convsync cron check` finds out why"
        yield Finding(Level.PROBLEM, "runs", f"cron has stopped: {told}", remedy)
    else:
        yield Finding(Level.OK, "runs", told)
    killed = [each.run for each in recent if each.ended_at is None]
    if at_work(recent[0], now):
        killed = killed[1:]
    if killed:
        what = f"{len(killed)} of the last {len(recent)} did not end normally, e.g. {killed[0]}"
        remedy = (
            "nothing is lost; if it keeps happening, look for the out-of-memory killer and restarts"
        )
        yield Finding(Level.WARNING, "killed runs", what, remedy)


def _strays(strays: Mapping[str, int]) -> Iterator[Finding]:
    if strays:
        what = f"{sum(strays.values())} pending jobs belong to workspaces that are not configured"
        yield Finding(Level.WARNING, "queue", what, "`convsync status` names them")


def versions() -> dict[str, str]:
    """What is installed: convsync, Python, SQLite, the system, every dependency."""
    needed = [split(r"[^A-Za-z0-9_.-]", each)[0] for each in metadata.requires("convsync") or ()]
    told = {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.release()}",
    }
    return (
        {"convsync": metadata.version("convsync")} | told | {n: metadata.version(n) for n in needed}
    )


def _versions() -> Iterator[Finding]:
    try:
        told = versions()
    except metadata.PackageNotFoundError as error:
        what = f"could not be checked: {error.name} is not installed as a package"
        yield Finding(Level.WARNING, "versions", what, "install convsync with pip or pipx")
        return
    yield Finding(Level.OK, "versions", ", ".join(f"{name} {each}" for name, each in told.items()))
