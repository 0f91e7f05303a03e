"""`leads list`: all leads, or those who wait, are quiet or were never read; streamed."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Annotated, Any

import typer

from convsync_cli import bootstrap
from convsync_cli.bootstrap import Services
from convsync_cli.commands.options import Json, Quiet, Workspace, count, duration
from convsync_cli.console import (
    Console,
    ago,
    as_json,
    columns,
    is_terminal,
    note,
    one_line,
    write,
)
from convsync_cli.sync.clock import seconds_between
from convsync_cli.sync.errors import UsageError
from convsync_cli.sync.instant import from_text
from convsync_cli.sync.model.address import Address, AddressKind
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.listing import LeadFilter, Listed, Place
from convsync_cli.sync.model.message import Channel

BATCH = 500  # leads to a query, so that no reader holds the log for as long as somebody reads
_WIDTHS = (19, 25, 7, 8, 6, 5)  # with two spaces between them 80 columns
_WHO, _WIDEST_WHO = 1, 60  # the place of what takes the room that a terminal has beyond those
_NARROWEST = 64  # columns; with less there is no room for a table
_HEAD = ("LEAD", "WHO", "LAST IN", "LAST OUT", "READ", "MSGS")


def list_(
    context: typer.Context,
    awaiting_reply: Annotated[
        bool, typer.Option("--awaiting-reply", help="The last message came from the lead.")
    ] = False,
    quiet_for: Annotated[
        str | None, typer.Option(metavar="DURATION", help="No message for this long, e.g. 3d.")
    ] = None,
    replied: Annotated[
        bool | None,
        typer.Option("--replied/--no-reply", help="The lead has written, or never has."),
    ] = None,
    never_synced: Annotated[
        bool, typer.Option("--never-synced", help="Some channel was never read to the end.")
    ] = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="The last read of some channel failed.")
    ] = False,
    channel: Annotated[Channel | None, typer.Option(help="Consider only this channel.")] = None,
    workspace: Workspace = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", parser=count, help="At most N leads.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """List leads: longest waiting or quiet first, otherwise oldest first.

    --quiet-for and --no-reply list only leads that were read since: unknown is not silence.

    Example: convsync leads list --awaiting-reply --channel sms
    """
    given = bootstrap.services(context.obj)
    now = given.clock.now()
    wanted = LeadFilter(
        given.workspace(workspace),
        channel,
        awaiting_reply,
        now - timedelta(seconds=duration(quiet_for, "--quiet-for")) if quiet_for else None,
        never_synced,
        failed,
        replied,
    )
    if awaiting_reply and replied is False:
        raise UsageError(
            "--awaiting-reply and --no-reply exclude each other", "leave one of them out"
        )
    found = islice(_listed(given, wanted), limit)
    if as_json:
        _stream(found)
    elif not quiet:
        _tabulate(Console(), found, now)
    if not quiet and given.store.listing.any_unread(wanted):
        note("convsync: some leads were not read since and are left out; see `convsync status`")
    return 0


def _listed(given: Services, wanted: LeadFilter) -> Iterator[Listed]:
    after = Place()
    while batch := given.store.listing.leads(wanted, after, BATCH):
        yield from batch
        after = batch[-1].place


def _stream(found: Iterator[Listed]) -> None:
    """Print one document, a lead a line, without ever holding it whole."""
    ahead = next(found, None)
    write('{"leads":[')
    while ahead is not None:
        each, ahead = ahead, next(found, None)
        write(as_json(_summary(each)) + ("," if ahead else ""))
    write("]}")


def _tabulate(console: Console, found: Iterator[Listed], now: datetime) -> None:
    def age(moment: str | None) -> str:
        return ago(max(0.0, seconds_between(from_text(moment), now)) if moment else None)

    def row(each: Listed) -> tuple[object, ...]:
        ages = map(age, (each.last_inbound_at, each.last_outbound_at, each.synced_at))
        return each.lead.id, _who(each.lead), *ages, each.messages

    rows = map(row, found)
    widths = _widths()
    if widths is None:
        for cells in rows:
            console.table(_HEAD, [cells])
        return
    for cells in chain([_HEAD], rows):
        texts = (one_line(str(cell)) for cell in cells)
        fitted = (_fit(cell, width) for cell, width in zip(texts, widths, strict=True))
        console.say("  ".join(fitted).rstrip())


def _widths() -> list[int] | None:
    """How wide each column is, or None where each lead had better be a list of its own."""
    widths = list(_WIDTHS)
    if is_terminal():
        if columns() < _NARROWEST:
            return None
        widths[_WHO] = min(_WIDEST_WHO, widths[_WHO] + columns() - 80)
    return widths


def _fit(cell: str, width: int) -> str:
    return cell.ljust(width) if len(cell) <= width else cell[: width - 1] + "…"


def _who(lead: Lead) -> str:
    """What people call a lead: its name and company, or else what finds it."""
    named = ", ".join(filter(None, (lead.name, lead.company)))
    return named or next((each.raw for each in lead.addresses), "")


def _summary(listed: Listed) -> dict[str, Any]:
    return document(listed.lead) | {
        "messages": listed.messages,
        "last_inbound_at": listed.last_inbound_at,
        "last_outbound_at": listed.last_outbound_at,
        "synced_at": listed.synced_at,
    }


def document(lead: Lead) -> dict[str, Any]:
    """A lead under the names that scripts rely on."""
    return {
        "lead": lead.id,
        "workspace": lead.workspace,
        "name": lead.name,
        "company": lead.company,
        "emails": [_written(a) for a in lead.addresses if a.kind == AddressKind.EMAIL],
        "phones": [_written(a) for a in lead.addresses if a.kind == AddressKind.PHONE],
        "handles": [asdict(handle) for handle in lead.handles],
    }


def _written(address: Address) -> dict[str, Any]:
    return {"value": address.value, "raw": address.raw, "usable": address.value is not None}
