"""`import-messages`: history from elsewhere, which a later sync heals instead of doubling it."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from convsync_cli import bootstrap
from convsync_cli.commands.infile import opened
from convsync_cli.commands.options import Json, Quiet
from convsync_cli.console import Console, note
from convsync_cli.sync.errors import Exit
from convsync_cli.sync.messagefile import messages
from convsync_cli.sync.takein import TakeIn, Tally

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def command(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSONL; - reads stdin.")],
    workspace: Annotated[
        str, typer.Option("--workspace", "-w", metavar="W", help="Target workspace.")
    ],
    add_leads: Annotated[
        bool, typer.Option("--add-leads", help="Add unknown people as leads.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Import messages from a file. Importing again changes nothing.

    Each line has lead, channel, direction and body, and may have sent_at, subject and message_id.

    Example: convsync import-messages history.jsonl --workspace acme
    """
    given = bootstrap.services(context.obj)
    channels = given.configured(workspace).channels
    taking = TakeIn(given.store, given.clock, workspace, given.regions, channels, add_leads)
    with opened(file) as stream:
        tally = taking.run(messages(stream))
    console = Console(as_json, quiet)
    console.document(_document(tally))
    taken = tally.taken
    console.say(
        f"{taken.added} added, {taken.matched} known from a sync,"
        f" {taken.unchanged} imported before; {tally.leads_added} leads added"
    )
    _explain(tally, add_leads)
    return Exit.INCOMPLETE if tally.rejected or tally.unknown else Exit.DONE


def _document(tally: Tally) -> dict[str, Any]:
    return {
        **asdict(tally.taken),
        "leads_added": tally.leads_added,
        "unknown_leads": tally.unknown,
        "rejected": tally.rejected,
        "reasons": [asdict(each) for each in tally.reasons],
    }


def _explain(tally: Tally, add_leads: bool) -> None:
    for each in tally.reasons:
        note(f"convsync: line {each.line} is left out: {each.reason}")
    if (more := tally.unknown + tally.rejected - len(tally.reasons)) > 0:
        note(f"convsync: … and {more} more")
    if tally.unknown and not add_leads:
        note(f"convsync: {tally.unknown} messages belong to people who are not leads (--add-leads)")
