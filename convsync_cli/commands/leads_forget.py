"""`leads forget`: erase people for good."""

from typing import Annotated, Any

import typer

from convsync_cli import bootstrap
from convsync_cli.bootstrap import Services
from convsync_cli.commands.looking import until
from convsync_cli.commands.options import Json, Quiet, Workspace
from convsync_cli.console import Console, confirmed, note, one_line
from convsync_cli.sync.errors import ConvsyncError, Exit, Locked, NotFound, UsageError
from convsync_cli.sync.model.belongings import Belongings
from convsync_cli.sync.ports import RunLock

FINISH = "convsync leads forget --finish"


def forget(
    context: typer.Context,
    leads: Annotated[
        list[str] | None, typer.Argument(metavar="LEAD…", help="Id, email, phone or provider:id.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    wait: Annotated[
        float,
        typer.Option(
            metavar="[SECONDS]", show_default=False, help="Wait for an active run to end."
        ),
    ] = 0.0,
    finish: Annotated[
        bool, typer.Option("--finish", help="Only finish an interrupted erasure.")
    ] = False,
    workspace: Workspace = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Erase leads with their messages and jobs for good; no sync or import brings them back.

    Rewrites the whole database file: the larger it is, the longer this takes, and other processes
    wait.

    Example: convsync leads forget lead@example.com
    """
    if bool(leads) == finish:
        raise UsageError("give either the leads to forget or --finish", "see `convsync leads list`")
    given = bootstrap.services(context.obj)
    console = Console(as_json, quiet)
    going = [_going(given, lead, workspace) for lead in leads or ()]
    going = list({each.lead.id: each for each in going}.values())
    if finish and not given.store.erasure.unfinished:
        _print(console, [], clean=True)
        return 0
    if going:
        _ask(console, going, yes)
    lock = _alone(given, wait)
    try:
        gone = given.store.erasure.forget([each.lead.id for each in going])
        clean = _scrub(given)
    finally:
        lock.release()
    _print(console, [each for each in going if each.lead.id in gone], clean)
    return Exit.DONE if clean else Exit.INCOMPLETE


def _going(given: Services, typed: str, workspace: str | None) -> Belongings:
    going = given.store.erasure.belongings(given.lead(typed, workspace).id)
    if going is None:
        raise NotFound("the lead has just disappeared", "see `convsync leads list`")
    return going


def _ask(console: Console, going: list[Belongings], yes: bool) -> None:
    """Show what will go, and ask."""
    for each in () if yes else going:
        who = one_line(each.lead.name or "")
        console.say(f"{each.lead.id}  {each.lead.workspace}  {who}: {_amount(each)}")
    many = f"these {len(going)} leads" if len(going) > 1 else "this lead"
    confirmed(f"Erase {many} for good?", yes)


def _amount(going: Belongings) -> str:
    messages = [f"{count} {channel}" for channel, count in going.messages.items()]
    found = len(going.lead.addresses) + len(going.lead.handles)
    return f"{', '.join(messages) or 'no'} messages, {going.jobs} jobs, {found} addresses and ids"


def _alone(given: Services, wait: float) -> RunLock:
    """Take the place of the one run that may fold the log; while we hold it no other starts.

    Raises:
        Locked: a run is active and did not end in time.
    """
    lock = until(lambda: given.store.lock_run(parallel=False), given.clock, wait)
    if lock is None:
        raise Locked(
            "a run is active, and only one process may rewrite the database; nothing was erased",
            "add --wait 60, or try again when it has ended",
        )
    lock.share()
    return lock


def _scrub(given: Services) -> bool:
    """Leave no trace in the file; where that fails, say how it is gone on with."""
    try:
        clean = given.store.erasure.scrub()
    except ConvsyncError:
        note(f"convsync: erased, but the file may hold traces; once that is fixed, run: {FINISH}")
        raise
    if not clean:
        note(
            "convsync: erased, but another program has the database open, so its log still holds"
            " traces"
        )
        note(f"  once that program has ended, run: {FINISH}")
    return clean


def _print(console: Console, gone: list[Belongings], clean: bool) -> None:
    console.document({"forgotten": [_document(each) for each in gone], "clean": clean})
    for each in gone:
        console.say(f"{each.lead.id}  forgotten: {_amount(each)}")
    if clean and not gone:
        console.say("No trace of forgotten leads is left.")
    if gone and not (console.json or console.quiet):
        note(
            "Out of reach: earlier backups, exports and copies, what the providers have, and what"
            " other people wrote about them in their own conversations."
        )


def _document(gone: Belongings) -> dict[str, Any]:
    return {
        "lead": gone.lead.id,
        "workspace": gone.lead.workspace,
        "messages": gone.messages,
        "jobs": gone.jobs,
        "addresses": len(gone.lead.addresses),
        "handles": len(gone.lead.handles),
    }
