"""`cron`: what a scheduler should run, and whether it does."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer

from convsync_cli import bootstrap, credentials, users
from convsync_cli.bootstrap import Services
from convsync_cli.commands.options import Json, Quiet
from convsync_cli.console import Console, write
from convsync_cli.schedule import crontab, firing, launchd, observed, systemd
from convsync_cli.schedule.installation import Installation, named_credentials, this_installation
from convsync_cli.schedule.observed import Entry
from convsync_cli.sync.errors import CredentialUnavailable, Exit, OutputError
from convsync_cli.sync.model.credential import Credential, FromEnv
from convsync_cli.sync.model.finding import Finding, Level
from convsync_cli.sync.wholefile import write_whole
from convsync_cli.view.findings import print_findings

CREDENTIAL_S = 5.0
_REMEMBERED = timedelta(days=1)
_READABLE = 0o644  # schedulers read them as another user; no secret is in them

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    help="Schedule convsync, and check that it runs.",
    no_args_is_help=True,
)


class Format(StrEnum):
    """Whose format is written."""

    CRONTAB = "crontab"
    SYSTEMD = "systemd"
    LAUNCHD = "launchd"


_WRITERS = {
    Format.CRONTAB: (crontab.render, crontab.files),
    Format.SYSTEMD: (systemd.render, systemd.files),
    Format.LAUNCHD: (launchd.render, launchd.files),
}


@app.command("print")
def print_(
    context: typer.Context,
    form: Annotated[Format, typer.Option("--format", help="Output format.")] = Format.CRONTAB,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Write the files to this folder."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Print the cron lines or units for this installation; installs nothing.

    Example: convsync cron print --format systemd --output units
    """
    installation = this_installation(bootstrap.services(context.obj).settings, os.environ)
    render, files_of = _WRITERS[form]
    files = files_of(installation)
    if output is not None:
        _write(output, files)
    console = Console(as_json, quiet)
    documents = [{"name": name, "text": text} for name, text in files.items()]
    console.document({"format": form, "output": output, "files": documents})
    if output is not None:
        console.say(f"{len(files)} files written to {output}")
    elif not as_json:
        write(render(installation))
    return 0


@app.command()
def check(context: typer.Context, as_json: Json = False, quiet: Quiet = False) -> int:
    """Check that a scheduler really runs convsync, as the right user. Exits 20 if not, 3 if unsure.

    Example: convsync cron check
    """
    given = bootstrap.services(context.obj)
    installation = this_installation(given.settings, os.environ)
    findings = _look(given, installation)
    console = Console(as_json, quiet)
    console.document({"findings": [asdict(each) for each in findings]})
    print_findings(console, findings, (Level.PROBLEM, Level.WARNING))
    levels = {each.level for each in findings}
    if Level.PROBLEM in levels:
        return Exit.BREACHED
    return Exit.INCOMPLETE if Level.WARNING in levels else Exit.DONE


def _look(given: Services, installation: Installation) -> list[Finding]:
    now = given.clock.now()
    recent = given.store.runs.recent(now - _REMEMBERED)
    fired = firing.runs(recent, socket.gethostname(), now, installation)
    entries = observed.entries(os.path.expanduser("~"))
    in_file = observed.variables_in(installation.environment_file)
    environ = firing.environment(entries, in_file, installation)
    return [
        *firing.asked_by(users.current(), installation),
        fired,
        firing.same_user(recent, installation),
        firing.scheduled(
            entries, installation, fired.level is not Level.PROBLEM, observed.cron_daemon()
        ),
        firing.works_bare(observed.trial(installation)),
        *firing.secret_file(
            installation.environment_file, observed.mode_of(installation.environment_file)
        ),
        *(
            _credential(name, credential, environ, entries, installation)
            for name, credential in named_credentials(given.settings)
        ),
    ]


def _credential(
    name: str,
    credential: Credential,
    environ: Mapping[str, str],
    entries: Sequence[Entry],
    installation: Installation,
) -> Finding:
    wrong, variable = "", None
    try:
        credentials.read(credential, environ, timeout=CREDENTIAL_S)
    except CredentialUnavailable as problem:
        wrong = problem.message
        if isinstance(credential, FromEnv) and credential.name not in environ:
            variable = credential.name
    return firing.credential(name, wrong, variable, entries, installation)


def _write(folder: str, files: Mapping[str, str]) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {folder}: {error.strerror}", "name another with --output"
        ) from None
    for name, text in files.items():
        write_whole(os.path.join(folder, name), text, _READABLE)
