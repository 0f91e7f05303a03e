"""What this machine reveals about its schedulers: crontabs, timers, processes, and a trial run.

Nothing here decides. What cannot be looked at is None or missing, and no trouble of its own.
"""

import json
import os
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from convsync_cli.schedule import crontab
from convsync_cli.schedule.installation import Installation

LOOK_S = 5.0
TRIAL_S = 30.0
TIMER = "convsync-run.timer"
AGENT = "convsync.run"
_SYSTEM = ("/etc/crontab", "/etc/cron.d")
_DAEMONS = {"cron", "crond", "fcron", "busybox"}
_SHELLS_OWN = {"PWD", "OLDPWD", "SHLVL", "_"}
_CRON_GIVES = {"SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A place that was told to run convsync's queue, as people call it.

    ``command`` is empty, and ``variables`` is None, where only the scheduler knows them.
    """

    place: str
    command: str = ""
    variables: Mapping[str, str] | None = None


def entries(home: str) -> list[Entry]:
    """Every place on this machine that can be seen to run the queue; ``home`` is cron's $HOME."""
    found = _entries("your crontab", _said("crontab", "-l") or "", home)
    for path in _system_files():
        found += _entries(path, _read(path), home, with_user=True)
    if _timer_is_active():
        found.append(Entry(f"the timer {TIMER}"))
    if _said("launchctl", "list", AGENT) is not None:
        found.append(Entry(f"the agent {AGENT}"))
    return found


def cron_daemon() -> bool | None:
    """Whether a process that is called like a cron daemon runs; None where /proc does not tell."""
    try:
        processes = [each for each in os.listdir("/proc") if each.isdecimal()]
    except OSError:
        return None
    return any(_read(f"/proc/{each}/comm").strip() in _DAEMONS for each in processes)


def trial(installation: Installation) -> str:
    """Start the installed command with an empty environment; what went wrong, or nothing."""
    command = [
        *installation.program,
        *("--config", installation.config, "--db", installation.database),
        *("status", "--json"),
    ]
    try:
        ended = subprocess.run(
            command, env={}, cwd="/", capture_output=True, timeout=TRIAL_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"it did not end within {TRIAL_S:g} s"
    except OSError as error:
        return f"it cannot be started: {error.strerror}"
    try:
        json.loads(ended.stdout)
    except ValueError:
        return _sentence(ended.stderr) or f"it ended with {ended.returncode} and printed nothing"
    return f"it ended with {ended.returncode}" if ended.returncode else ""


def variables_in(path: str) -> dict[str, str]:
    """What a shell has after reading a file, as a scheduled run does; nothing if it cannot."""
    said = _said("/bin/sh", "-c", '[ -r "$1" ] && set -a && . "$1" && env -0', "sh", path, env={})
    pairs = (each.partition("=") for each in (said or "").split("\0") if each)
    return {name: value for name, _, value in pairs if name not in _SHELLS_OWN}


def mode_of(path: str) -> int | None:
    """The permission bits of a file; None where there is none."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return None


def _entries(place: str, text: str, home: str, *, with_user: bool = False) -> list[Entry]:
    tab = crontab.read(text, with_user=with_user)
    variables = {"HOME": home, **_CRON_GIVES, **tab.variables}
    return [
        Entry(place, command, variables)
        for command in tab.commands
        if "convsync" in command and " run" in command
    ]


def _system_files() -> list[str]:
    folder = _SYSTEM[1]
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        names = []
    return [_SYSTEM[0], *(os.path.join(folder, name) for name in names if "." not in name)]


def _timer_is_active() -> bool:
    return any(
        (_said("systemctl", *of, "is-active", TIMER) or "").strip() == "active"
        for of in ((), ("--user",))
    )


def _said(*command: str, env: Mapping[str, str] | None = None) -> str | None:
    """What a command prints; None where it does not work."""
    try:
        ended = subprocess.run(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LOOK_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stdout.decode("utf-8", "replace") if ended.returncode == 0 else None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _sentence(stderr: bytes) -> str:
    """The first line of what convsync said: its error."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[0].removeprefix("convsync: ") if lines else ""
