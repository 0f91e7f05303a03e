"""`doctor`: check everything, and say how to fix it."""

import os
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import typer

from convsync_cli import bootstrap, bundle, settings
from convsync_cli.bootstrap import Invocation, Services
from convsync_cli.checkup import Examination, examine, versions
from convsync_cli.commands import status
from convsync_cli.commands.options import Json, Quiet
from convsync_cli.console import Console
from convsync_cli.sync.errors import ConfigError, ConvsyncError
from convsync_cli.sync.model.finding import Level
from convsync_cli.sync.rhythm import RUNS
from convsync_cli.view.findings import print_findings

_ERRORS_OF = timedelta(days=1)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def command(
    context: typer.Context,
    bundle_file: Annotated[
        str | None,
        typer.Option("--bundle", metavar="FILE", help="Write a redacted report for support."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Check everything and say how to fix it. Sends one cheap request to each account.

    Exits 12 if a credential is the problem, 3 if something else is.

    Example: convsync doctor
    """
    invocation: Invocation = context.obj
    if bundle_file is not None:
        _refuse_own(invocation, bundle_file)
    examination = examine(invocation)
    console = Console(as_json, quiet)
    console.document({"findings": [asdict(each) for each in examination.findings]})
    print_findings(console, examination.findings, (Level.PROBLEM,))
    if bundle_file is not None:
        bundle.write(bundle_file, _redacted(_collected(examination), invocation))
        console.say(f"\n{bundle_file} holds all of this, redacted; check it before you send it")
    return examination.exit_code


def _refuse_own(invocation: Invocation, path: str) -> None:
    with suppress(ConfigError):  # which is a finding
        loaded = settings.load(invocation.config, os.environ, database=invocation.database)
        bootstrap.refuse_own(loaded, path)


def _collected(examination: Examination) -> dict[str, Any]:
    """What goes into the bundle, before redaction; what cannot be had is left out."""
    files: dict[str, Any] = {"findings": [asdict(each) for each in examination.findings]}
    try:
        files["versions"] = versions()
        if examination.services is not None:
            files |= _numbers(examination.services)
    except (ConvsyncError, ImportError):
        files["incomplete"] = "the database or the installation could not be read"
    return files


def _numbers(given: Services) -> dict[str, Any]:
    runs = given.store.runs.newest(RUNS)
    return {
        "status": status.document(status.look(given, None)),
        "runs": [each.document() for each in runs],
        "errors": given.store.overview.errors(given.clock.now() - _ERRORS_OF),
    }


def _redacted(files: dict[str, Any], invocation: Invocation) -> dict[str, Any]:
    """The files without hosts and the names of clients and of the user; and the configuration."""
    try:
        tables = settings.tables(invocation.config, os.environ)
    except ConvsyncError:
        tables = {}
    for run in (*files.get("runs", ()), files.get("status", {}).get("last_run") or {}):
        run["host"] = bundle.HIDDEN
    workspaces = tables.get("workspaces")
    names = tuple(workspaces) if isinstance(workspaces, dict) else ()
    anonymous: dict[str, Any] = bundle.anonymous(files, names, os.environ.get("HOME"))
    return anonymous | {"configuration": bundle.redacted(tables)}
