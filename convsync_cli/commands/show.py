"""`show`: one lead's conversation as a thread that can be read."""

from datetime import datetime
from typing import Annotated

import typer

from convsync_cli import bootstrap
from convsync_cli.commands.export import document
from convsync_cli.commands.options import Json, Quiet, Workspace
from convsync_cli.console import Console, clean, one_line
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Channel, Direction
from convsync_cli.sync.model.progress import LeadSync, Stored
from convsync_cli.sync.text import unquoted

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_ARROWS = {Direction.INBOUND: "<", Direction.OUTBOUND: ">", Direction.UNKNOWN: "?"}
_UNDELIVERED = frozenset({"failed", "undelivered", "bounced"})


@app.command()
def command(
    context: typer.Context,
    lead: Annotated[str, typer.Argument(metavar="LEAD", help="Id, email, phone or provider:id.")],
    full: Annotated[bool, typer.Option("--full", help="Quoted history too.")] = False,
    workspace: Workspace = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show a lead's conversation on all channels. The oldest message comes first.

    Example: convsync show lead@example.com
    """
    given = bootstrap.services(context.obj)
    found = given.lead(lead, workspace)
    syncs = given.store.archive.syncs(found.id)
    console = Console(as_json, quiet)
    messages = given.store.archive.conversation(found.id)
    if as_json:
        console.document({"lead": found.id, "messages": [document(each) for each in messages]})
        return 0
    console.say(f"{found.name or found.id}{f' ({found.company})' if found.company else ''}")
    day = ""
    for each in messages:
        heading = f"{_moment(each):%A, %d %B %Y}"
        if heading != day:
            console.say(f"\n{heading}")
            day = heading
        _print(console, each, found, full)
    _print_gaps(console, syncs)
    return 0


def _moment(stored: Stored) -> datetime:
    return stored.message.sent_at or stored.seen_at


def _print(console: Console, stored: Stored, lead: Lead, full: bool) -> None:
    message = stored.message
    writer = (lead.name or "lead") if message.direction == Direction.INBOUND else "we"
    hour = f"{message.sent_at:%H:%M}" if message.sent_at else "no date"
    status = f" [{message.status}]" if message.status in _UNDELIVERED else ""
    subject = f" “{one_line(message.subject)}”" if message.subject else ""
    arrow = _ARROWS[message.direction]
    console.say(f"  {hour} {arrow} {one_line(writer)}, {message.channel}{status}{subject}")
    new, quoted = (message.body, "") if full else unquoted(message.body)
    for line in clean(new).strip().splitlines():
        console.say(f"    {line}")
    if not message.body.strip() and not message.attachments:
        console.say("    (no text)")
    if quoted.strip():
        console.say(f"    … {len(quoted.splitlines())} quoted lines (--full)")
    for attachment in message.attachments:
        console.say(f"    [attachment: {one_line(attachment.rsplit('/', 1)[-1])}]")


def _print_gaps(console: Console, syncs: dict[Channel, LeadSync]) -> None:
    """Say what may be missing: unknown is not nothing."""
    console.say()
    if not syncs:
        console.say("No channel can be followed: the lead has no usable address.")
    for channel, sync in syncs.items():
        if sync.synced_at is None:
            console.say(f"{channel}: never read to its end; what is above may be incomplete.")
        elif sync.outcome == "not_found":
            console.say(f"{channel}: the provider does not know this lead.")
        else:
            failed = f" (the last try failed: {sync.error_code})" if sync.error_code else ""
            console.say(f"{channel}: complete as of {sync.synced_at:%Y-%m-%d %H:%M} UTC{failed}.")
