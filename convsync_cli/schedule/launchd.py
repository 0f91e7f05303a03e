"""An installation as property lists of launchd (launchd.plist(5))."""

import plistlib
import shlex
from typing import Any

from convsync_cli.schedule.crontab import sourced
from convsync_cli.schedule.installation import Installation
from convsync_cli.schedule.tasks import Rhythm, Task, tasks

FOLDER = "~/Library/LaunchAgents"
_PRIVATE = 0o077  # the umask

# (Two hyphens may not stand in a comment of XML, so an option is named without them.)
_NOTE = """\
<!-- {path}
     Printed by `convsync cron print`, whose option `output` writes the files. When it is there:
     launchctl bootstrap gui/$(id -u) {path}
     {credentials} -->
"""


def files(installation: Installation) -> dict[str, str]:
    """Every property list by the name of its file."""
    return {
        f"convsync.{task.name}.plist": _agent(task, installation) for task in tasks(installation)
    }


def render(installation: Installation) -> str:
    """All property lists, one behind the other; each has to become a file of its own."""
    return "\n".join(files(installation).values())


def _agent(task: Task, installation: Installation) -> str:
    arguments = [*installation.program, *task.arguments]
    line = sourced(shlex.join(arguments), task, installation)
    told: dict[str, Any] = {
        "Label": f"convsync.{task.name}",
        "ProgramArguments": arguments if line == shlex.join(arguments) else ["/bin/sh", "-c", line],
        "EnvironmentVariables": installation.environment,
        **_rhythm(task.rhythm),
        "ProcessType": "Background",
        "StandardErrorPath": f"{installation.folder}/convsync.log",
        "StandardOutPath": f"{installation.folder}/convsync.log",
        "Umask": _PRIVATE,
    }
    head, _, body = plistlib.dumps(told, sort_keys=False).decode().partition("<plist")
    return head + _note(task, installation) + "<plist" + body


def _note(task: Task, installation: Installation) -> str:
    needed = installation.variables if task.connected else ()
    told = "It needs no credential from the environment."
    if needed:
        told = f"Write as NAME='value' into the file it reads: {', '.join(needed)}"
    return _NOTE.format(path=f"{FOLDER}/convsync.{task.name}.plist", credentials=told)


def _rhythm(rhythm: Rhythm) -> dict[str, Any]:
    if rhythm.minutes:
        return {"StartInterval": rhythm.minutes * 60}
    return {"StartCalendarInterval": {"Hour": rhythm.hour, "Minute": rhythm.minute}}
