"""`show`: one lead's conversation as a thread that can be read."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Annotated, Any

import typer

from convsync_cli import bootstrap
from convsync_cli.commands.filters import OfChannel, Since, Until, wanted
from convsync_cli.commands.options import Json, Quiet, Workspace, count
from convsync_cli.console import Console
from convsync_cli.sync.document import document
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Channel, Direction
from convsync_cli.sync.model.progress import LeadSync, Stored
from convsync_cli.sync.model.reading import MessageFilter
from convsync_cli.sync.retried import superseded
from convsync_cli.view import standing, thread
from convsync_cli.view.canvas import Canvas, canvas
from convsync_cli.view.thread import Entry

_OUR_TEXTS = MessageFilter(channel=Channel.SMS, direction=Direction.OUTBOUND)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def command(
    context: typer.Context,
    lead: Annotated[str, typer.Argument(metavar="LEAD", help="Id, email, phone or provider:id.")],
    full: Annotated[bool, typer.Option("--full", help="Include quoted history.")] = False,
    last: Annotated[
        int | None, typer.Option(metavar="N", parser=count, help="Only the last N messages.")
    ] = None,
    channel: OfChannel = None,
    since: Since = None,
    until: Until = None,
    workspace: Workspace = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show a lead's conversation on all channels. The oldest message comes first; what may be
    missing is listed at the end. Times are UTC. On a terminal it opens in $PAGER (default: less
    -FRX).

    Example: convsync show lead@example.com --last 10
    """
    given = bootstrap.services(context.obj, accounts=False)
    found = given.lead(lead, workspace)
    message_filter = wanted(given, channel=channel, since=since, until=until)
    messages = given.store.archive.conversation(found.id, message_filter, last)
    console = Console(as_json, quiet)
    if as_json:
        console.document(_document(found, messages, given.store.archive.syncs(found.id)))
    elif not quiet:
        hidden = superseded(partial(given.store.archive.conversation, found.id, _OUR_TEXTS))
        entries = (thread.entry(each, found) for each in messages if each.id not in hidden)
        closing = [*thread.closing(given, found, message_filter, last), *_unshown(len(hidden))]
        with canvas(console) as drawn:
            _draw(drawn, found, full, entries, closing)
    return 0


def _document(
    lead: Lead, messages: Iterator[Stored], syncs: dict[Channel, LeadSync]
) -> dict[str, Any]:
    return {
        "lead": lead.id,
        "messages": [document(each) for each in messages],
        "channels": {channel: standing.document(sync) for channel, sync in syncs.items()},
    }


def _unshown(texts: int) -> Iterator[str]:
    if texts:
        them = "A failed text that was" if texts == 1 else f"{texts} failed texts that were"
        yield f"{them} sent again is shown once; `convsync export` has every attempt."


def _draw(
    canvas: Canvas, lead: Lead, full: bool, entries: Iterator[Entry], closing: Iterable[str]
) -> None:
    canvas.title(thread.title(lead), thread.addresses(lead))
    day = ""
    for each in entries:
        if each.day != day:
            canvas.day(day := each.day)
        canvas.entry(each, full)
    canvas.line()
    if not day:
        canvas.line("No message.")
    for text in closing:
        canvas.line(text)
