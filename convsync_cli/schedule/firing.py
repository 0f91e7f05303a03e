"""Whether convsync is really run by itself: rules over what was seen, as findings."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from shlex import join, quote

from convsync_cli.schedule.installation import Installation
from convsync_cli.schedule.observed import Entry
from convsync_cli.sync.model.finding import Finding, Level
from convsync_cli.sync.model.pastrun import PastRun

WINDOW = timedelta(minutes=10)
_MINUTE_S = 60.0
_ENOUGH = 0.7  # of the runs that one a minute would give: one that is long skips its successors


def runs(
    recent: Sequence[PastRun], host: str, now: datetime, installation: Installation
) -> Finding:
    """Whether runs without a terminal were started on this host within the window."""
    fired = [run for run in recent if not run.attended and now - run.started_at <= WINDOW]
    here = [run for run in fired if run.host == host]
    if not fired:
        last = next((run for run in recent if not run.attended), None)
        told = f"; the last began {last.started_at:%Y-%m-%d %H:%M} UTC" if last else ""
        return Finding(
            Level.PROBLEM,
            "runs",
            f"none was started by a scheduler in the last 10 minutes{told}",
            _install(installation),
        )
    told = f"{len(fired)} were started by a scheduler in the last 10 minutes, {_by_whom(fired)}"
    if not here:
        return Finding(Level.WARNING, "runs", f"{told}; none on this host", "check that host")
    pace = max(_MINUTE_S, -(-fired[0].budget_s // _MINUTE_S) * _MINUTE_S)
    if len(fired) < _ENOUGH * WINDOW.total_seconds() / pace:
        known = "wait until the schedule is ten minutes old, or let it run every minute"
        return Finding(Level.WARNING, "runs", f"{told}: fewer than one a minute", known)
    return Finding(Level.OK, "runs", told)


def same_user(recent: Sequence[PastRun], installation: Installation) -> Finding:
    """Whether the runs are those of the database's owner: another's files would lock it out."""
    owner = installation.user
    strangers = sorted({run.user or "unknown" for run in recent if not run.attended} - {owner})
    if strangers:
        return Finding(
            Level.WARNING if strangers == ["unknown"] else Level.PROBLEM,
            "user",
            f"runs were begun by {', '.join(strangers)}, but the database belongs to {owner}",
            f"put the lines into the crontab of {owner} and remove them from the other's",
        )
    if all(run.attended for run in recent):
        return Finding(
            Level.WARNING,
            "user",
            f"unknown until something has run; it should be {owner}",
            "check again after a run",
        )
    return Finding(Level.OK, "user", f"runs are begun by {owner}, who owns the database")


def scheduled(
    entries: Sequence[Entry], installation: Installation, fired: bool, daemon: bool | None
) -> Finding:
    """Whether a scheduler of this machine was told to run this very installation."""
    if not entries:
        if fired:
            return Finding(
                Level.WARNING,
                "schedule",
                "runs start by themselves, but no crontab that can be read, and no timer or agent"
                " of convsync, explains it",
                "check the crontab and timers of the user who starts them",
            )
        return Finding(
            Level.PROBLEM,
            "schedule",
            "no crontab that can be read, and no timer or agent of convsync, runs it",
            _install(installation),
        )
    entry = entries[0]
    if wrong := _differs(entry, installation):
        remedy = "compare with `convsync cron print`"
        return Finding(Level.WARNING, "schedule", f"{entry.place} {wrong}", remedy)
    if entry.variables is not None and daemon is False and not fired:
        return Finding(
            Level.PROBLEM,
            "schedule",
            f"{entry.place} has the lines, but no cron daemon seems to run on this machine",
            "start it: systemctl enable --now cron (crond on some systems)",
        )
    return Finding(Level.OK, "schedule", f"{entry.place} runs it")


def asked_by(user: str, installation: Installation) -> list[Finding]:
    """A warning if the user who checks is not the one who should run it."""
    if user == installation.user:
        return []
    return [
        Finding(
            Level.WARNING,
            "you",
            f"what follows was checked as {user}, but the database belongs to {installation.user}",
            f"check as that user: sudo -u {installation.user} convsync cron check",
        )
    ]


def works_bare(wrong: str) -> Finding:
    """Whether the installed command works with an empty environment."""
    if not wrong:
        return Finding(
            Level.OK, "environment", "the command works with an empty environment (env -i)"
        )
    return Finding(
        Level.PROBLEM,
        "environment",
        f"with an empty environment (env -i) the command does not work: {wrong}",
        "give absolute paths in the configuration, and install convsync for this user",
    )


def environment(
    entries: Sequence[Entry], given: Mapping[str, str], installation: Installation
) -> dict[str, str]:
    """What a scheduled run would find: the entry's variables, and those of the file it reads.

    ``given`` are the variables in the file for credentials.
    """
    entry = entries[0] if entries else None
    if entry is None or entry.variables is None:
        return {**installation.environment, **given}
    reads = installation.environment_file in entry.command
    return {**entry.variables, **(given if reads else {})}


def secret_file(path: str, mode: int | None) -> list[Finding]:
    """What is to be said of the file that holds credentials, where there is one."""
    if mode is None:
        return []
    if mode & 0o077:
        told = f"other users can use {path} (mode {mode:04o})"
        return [Finding(Level.PROBLEM, "credentials", told, f"chmod 600 {quote(path)}")]
    return [Finding(Level.OK, "credentials", f"only its owner may read {path}")]


def credential(
    name: str,
    wrong: str,
    variable: str | None,
    entries: Sequence[Entry],
    installation: Installation,
) -> Finding:
    """Whether a credential can be had by a scheduled run; ``wrong`` says why not, or nothing.

    A ``variable`` that is missing may still be set by a scheduler that does not tell.
    """
    if not wrong:
        return Finding(Level.OK, name, "a scheduled run can get its credential")
    if variable is None:
        return Finding(Level.PROBLEM, name, wrong, "fix the reference in the configuration")
    remedy = f"write {variable}='…' into {installation.environment_file} (chmod 600)"
    if entries and entries[0].variables is None:
        return Finding(
            Level.WARNING,
            name,
            f"{variable} is not in {installation.environment_file}; whether {entries[0].place} sets"
            " it cannot be seen",
            remedy,
        )
    return Finding(Level.PROBLEM, name, f"a scheduled run would not find {variable}", remedy)


def _install(installation: Installation) -> str:
    """The line that puts convsync into a crontab, beside what is there."""
    where = ("--config", installation.config, "--db", installation.database)
    command = join((*installation.program, *where, "cron", "print"))
    return f"as {installation.user}: (crontab -l; {command}) | crontab -"


def _differs(entry: Entry, installation: Installation) -> str:
    """How an entry runs something else than this installation."""
    if entry.variables is None:
        return ""
    program = installation.program[0]
    if program not in entry.command and os.path.basename(program) not in entry.command:
        return f"runs a program other than {program}"
    for variable, ours in (
        ("CONVSYNC_CONFIG", installation.config),
        ("CONVSYNC_DATABASE", installation.database),
    ):
        theirs = entry.variables.get(variable, ours)
        if theirs != ours and ours not in entry.command:
            return f"sets {variable}={theirs}, but here it is {ours}"
    return ""


def _by_whom(runs: Sequence[PastRun]) -> str:
    whom = sorted({f"{run.user or 'an unknown user'} on {run.host}" for run in runs})
    return "by " + " and ".join(whom)
