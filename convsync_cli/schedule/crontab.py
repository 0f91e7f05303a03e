"""An installation as the lines of a crontab(5), and such lines read again.

House rule: in a command, ``%`` is a line end to cron and is written ``\\%``; the rest is the
shell's. In an assignment nothing is special but quotes around the whole value.
"""

import re
import shlex
from dataclasses import dataclass
from textwrap import wrap

from convsync_cli.schedule.installation import Installation
from convsync_cli.schedule.tasks import Rhythm, Task, tasks

_WIDTH = 92
_ASSIGNMENT = re.compile(r"""\s*(["']?)(\w+)\1\s*=\s*(.*?)\s*""")
_ENTRY = re.compile(r"\s*(?:@(?:reboot|hourly|daily|midnight)|[\d*](?:\S*\s+){4}\S*)\s+(.*)")

_HEAD = """\
# convsync for cron: printed by `convsync cron print`, checked by `convsync cron check`.
# It goes in the crontab of the user {user}, who owns the database: `crontab -e`.
#
# cron starts commands with almost no environment, so what they need is set here. While all is well
# they print nothing, and cron sends no mail; what needs a person is printed, and mailed to MAILTO.

# MAILTO=you@example.com    (without it, mail goes to the user of the crontab)
"""
_TO_VARIABLES = """
# Credentials are not set here, where too many can read them. The configuration takes these from
# the environment: write them as NAME='value' lines into {file},
# which only {user} may read (chmod 600); the shell of the run reads that file.
"""
_TO_NOBODY = """
# The configuration takes no credential from the environment, so none is needed here.
"""
_TAIL = """
# For syslog instead of mail, append this to a command:  2>&1 | logger -t convsync
# To log every job to a file, add to the run:  --log-file /var/log/convsync.log --log-format json
"""

_PRUNE = Task(
    "prune",
    ("jobs", "prune", "--older-than", "2d", "--quiet"),
    Rhythm(hour=3, minute=31),
    "Runs delete finished jobs themselves, succeeded ones after 7 days and failed ones after 30."
    " To delete them sooner, remove the # in front of this line.",
)


def files(installation: Installation) -> dict[str, str]:
    """The one file."""
    return {"convsync.crontab": render(installation)}


def render(installation: Installation) -> str:
    """The whole text, explained, ready to be pasted."""
    assignments = [f"{name}={_value(value)}" for name, value in installation.environment.items()]
    parts = [
        _HEAD.format(user=installation.user),
        "\n".join(assignments) + "\n",
        _credentials(installation),
        *(f"\n{_why(task)}\n{_entry(task, installation)}\n" for task in tasks(installation)),
        f"\n{_why(_PRUNE)}\n# {_entry(_PRUNE, installation)}\n",
        _TAIL,
    ]
    return "".join(parts)


def _why(task: Task) -> str:
    return "\n".join(wrap(task.why, _WIDTH, initial_indent="# ", subsequent_indent="# "))


def _entry(task: Task, installation: Installation) -> str:
    return f"{task.rhythm.cron:<12} {command(task, installation)}"


def command(task: Task, installation: Installation) -> str:
    """A task as the sixth field of an entry."""
    line = shlex.join((*installation.program, *task.arguments))
    return sourced(line, task, installation).replace("%", r"\%")


def sourced(line: str, task: Task, installation: Installation) -> str:
    """A line of shell that has the credentials' variables where its task needs them.

    Where the file is not there yet, convsync says once what it misses; the shell would every time.
    """
    if not (task.connected and installation.variables):
        return line
    file = shlex.quote(installation.environment_file)
    return f"set -a; [ -r {file} ] && . {file}; {line}"


def _credentials(installation: Installation) -> str:
    if not installation.variables:
        return _TO_NOBODY
    told = _TO_VARIABLES.format(file=installation.environment_file, user=installation.user)
    return told + "".join(f"#   {name}\n" for name in installation.variables)


def _value(value: str) -> str:
    """A value that comes out as it is: quoted only where its ends would be taken off."""
    if value == value.strip() and value[:1] not in ("'", '"'):
        return value
    quote = "'" if '"' in value else '"'
    return f"{quote}{value}{quote}"


@dataclass(frozen=True, slots=True)
class Crontab:
    """What a crontab says: its variables, and the commands of its entries."""

    variables: dict[str, str]
    commands: tuple[str, ...]


def read(text: str, *, with_user: bool = False) -> Crontab:
    """Read a crontab; in those of the system an entry names its user before the command."""
    variables: dict[str, str] = {}
    commands = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        if entry := _ENTRY.fullmatch(line):
            command = entry[1].split(maxsplit=1)[-1] if with_user else entry[1]
            commands.append(command.replace(r"\%", "%"))
        elif found := _ASSIGNMENT.fullmatch(line):
            variables[found[2]] = _unquoted(found[3])
    return Crontab(variables, tuple(commands))


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
