"""`audit`: what is stored, compared with what the providers themselves count."""

from typing import Annotated, Any

import typer

from convsync_cli import bootstrap
from convsync_cli.commands.options import Json, Quiet, Workspace
from convsync_cli.console import Console, note
from convsync_cli.sync.audit import Counted, Verdict
from convsync_cli.sync.errors import Exit

AUDIT_S = 60.0
_WORDS = {
    Verdict.COMPLETE: "complete",
    Verdict.SHORT: "short",
    Verdict.UNPROVEN: "cannot be proven",
    Verdict.UNASKED: "could not be asked",
}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def command(
    context: typer.Context,
    lead: Annotated[
        str | None,
        typer.Argument(metavar="[LEAD]", help="Only this lead, in each of its accounts."),
    ] = None,
    workspace: Workspace = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Compare what is stored with the providers' own totals. Exits 3 if an account is
    short or could not be asked.

    Example: convsync audit --workspace acme
    """
    given = bootstrap.services(context.obj)
    only = given.workspace(workspace)
    found = given.lead(lead, only) if lead is not None else None
    chosen = given.settings.narrowed(given.workspace(found.workspace) if found else only)
    counted = bootstrap.audit(given, chosen.accounts, found, AUDIT_S)
    console = Console(as_json, quiet)
    only_lead = {"lead": found.id} if found else {}
    console.document(only_lead | {"accounts": [_document(each) for each in counted]})
    console.table(
        ["account", "provider", "here", "there", "unread leads", "verdict"],
        [_row(each) for each in counted],
    )
    for each in counted:
        _explain(each, quiet)
    short = any(each.verdict in (Verdict.SHORT, Verdict.UNASKED) for each in counted)
    return Exit.INCOMPLETE if short else Exit.DONE


def _document(counted: Counted) -> dict[str, Any]:
    return {
        "account": counted.account.name,
        "provider": counted.account.provider,
        "local": counted.local,
        "total": counted.total,
        "short": counted.short if counted.verdict in (Verdict.COMPLETE, Verdict.SHORT) else None,
        "unread_leads": counted.unread,
        "verdict": counted.verdict,
        "problem": counted.problem,
        "mend": _mend(counted),
    }


def _row(counted: Counted) -> list[object]:
    there = "?" if counted.total is None else counted.total
    numbers = (counted.local, there, counted.unread)
    return [counted.account.name, counted.account.provider, *numbers, _WORDS[counted.verdict]]


def _mend(counted: Counted) -> str | None:
    """The command that brings what is missing; None where nothing is known to be."""
    if counted.verdict == Verdict.UNASKED:
        return f"convsync accounts resume {counted.account.name}"
    if counted.verdict != Verdict.SHORT and not counted.unread:
        return None
    if counted.lead is not None:
        return f"convsync enqueue {counted.lead} --force"
    return f"convsync enqueue-all --workspace {counted.account.workspace}"


def _explain(counted: Counted, quiet: bool) -> None:
    name, mend = counted.account.name, _mend(counted)
    match counted.verdict:
        case Verdict.SHORT:
            note(f"convsync: {name} is short by {counted.short}; try `{mend}`")
        case Verdict.UNASKED:
            note(f"convsync: {name} could not be asked: {counted.problem}; try `{mend}`")
        case Verdict.UNPROVEN if not quiet:
            note(f"convsync: {name} cannot be proven: {_why(counted)}")


def _why(counted: Counted) -> str:
    if counted.total is None:
        return f"{counted.account.provider} gives no total that can be compared"
    return "its total includes people who are not leads (`discover` is off)"
