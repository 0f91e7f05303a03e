"""An installation as services and timers of systemd, shut in as far as convsync allows.

House rule: what systemd would take for its own is doubled or escaped: ``%`` in every setting, ``$``
in commands (systemd.service(5), "Command lines"; systemd.syntax(7), "Quoting").
"""

import os
import re

from convsync_cli.schedule.installation import Installation
from convsync_cli.schedule.tasks import Task, tasks

FOLDER = "/etc/systemd/system"
STOP_S = 60  # a run with a budget of 50 s has ended by then
_PLAIN = re.compile(r"[A-Za-z0-9_@+=:,./-]+")
_HOMES = ("/home/", "/root/", "/run/user/")

_HARDENED = """\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome={home}
ReadWritePaths={folder}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
CapabilityBoundingSet=
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077
"""
_HEAD = """\
# convsync for systemd: printed by `convsync cron print --format systemd`, checked by
# `convsync cron check`. With --output FOLDER the files are written; copy them to
# {folder}, then `systemctl daemon-reload` and, for each of the timers,
# `systemctl enable --now NAME.timer`. What the commands say is in `journalctl -t convsync`.
"""


def files(installation: Installation) -> dict[str, str]:
    """Every unit by the name of its file."""
    found = {}
    for task in tasks(installation):
        found[f"convsync-{task.name}.service"] = _service(task, installation)
        found[f"convsync-{task.name}.timer"] = _timer(task)
    return found


def render(installation: Installation) -> str:
    """All units as one text, each under the path where it belongs."""
    units = files(installation).items()
    return _HEAD.format(folder=FOLDER) + "".join(
        f"\n# {FOLDER}/{name}\n{text}" for name, text in units
    )


def _service(task: Task, installation: Installation) -> str:
    environment = "".join(
        f"Environment={_quoted(f'{name}={value}')}\n"
        for name, value in installation.environment.items()
    )
    command = _command((*installation.program, *task.arguments))
    return (
        f"[Unit]\nDescription=convsync: {' '.join(task.arguments[:1])} ({task.name})\n"
        + "After=network-online.target\nWants=network-online.target\n" * task.connected
        + f"\n[Service]\nType=oneshot\nUser={installation.user}\nSyslogIdentifier=convsync\n"
        + environment
        + (_credentials(installation) + f"TimeoutStartSec={STOP_S}\n") * task.connected
        + f"ExecStart={command}\n"
        + "SuccessExitStatus=143\n" * task.connected
        + "\n"
        + _HARDENED.format(
            home=_home(installation), folder=" ".join(map(_quoted, installation.written))
        )
    )


def _command(words: tuple[str, ...]) -> str:
    """A command line; systemd starts no program whose own name has a quote or the like in it."""
    safe = not set(words[0]) & set("\"'\\$")
    program, *arguments = words if safe else ("/usr/bin/env", *words)
    return " ".join((_quoted(program), *(_quoted(each, "$") for each in arguments)))


def _credentials(installation: Installation) -> str:
    """Where the credentials come from: their names, never their values."""
    told = (
        "# A token may also come as LoadCredential=NAME:/path/to/token, with token = "
        '{ file = "NAME" }\n# in the configuration: it is then looked up in'
        " $CREDENTIALS_DIRECTORY.\n"
    )
    if not installation.variables:
        return told
    names = "\n".join(f"#   {name}" for name in installation.variables)
    path = installation.environment_file.replace("%", "%%")
    return (
        f"{told}# This file, mode 0600, gives as NAME='value':\n{names}\nEnvironmentFile={path}\n"
    )


def _home(installation: Installation) -> str:
    """Home folders are out of sight, unless something of the installation lies in one."""
    needed = (*installation.program[:1], installation.config, installation.database)
    further = (*installation.files, *installation.token_files, *installation.hooks)
    paths = [os.path.realpath(each) for each in (*needed, *further)]
    return "read-only" if any(each.startswith(_HOMES) for each in paths) else "yes"


def _timer(task: Task) -> str:
    rhythm = task.rhythm
    pace = "AccuracySec=1s\n" if rhythm.minutes else "Persistent=yes\n"
    return (
        f"[Unit]\nDescription=When convsync-{task.name} is started\n"
        f"\n[Timer]\nOnCalendar={rhythm.calendar}\n{pace}"
        "\n[Install]\nWantedBy=timers.target\n"
    )


def _quoted(text: str, doubled: str = "") -> str:
    """One word of a setting."""
    for special in ("%", *doubled):
        text = text.replace(special, special * 2)
    if _PLAIN.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
