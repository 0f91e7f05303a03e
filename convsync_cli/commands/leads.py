"""`leads`: import, inspect and forget leads."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Annotated

import typer

from convsync_cli import bootstrap
from convsync_cli.bootstrap import Services
from convsync_cli.commands.infile import opened
from convsync_cli.commands.leads_forget import forget
from convsync_cli.commands.leads_list import document, list_
from convsync_cli.commands.options import Into, Json, Quiet, Workspace
from convsync_cli.completion import providers
from convsync_cli.console import Console, note
from convsync_cli.sync import addresses
from convsync_cli.sync.errors import NeedsConfirmation, UsageError
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.leadfile import BadRow, Row, rows
from convsync_cli.sync.model.address import Address
from convsync_cli.sync.model.lead import Contact, Handle, Learnt
from convsync_cli.sync.model.message import Channel

BATCH = 500  # rows to a transaction
LISTED = 100

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    help="Import, inspect and forget leads.",
    no_args_is_help=True,
)


@dataclass(slots=True)
class _Import:
    """What an import has done so far."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    forgotten: int = 0
    conflicts: int = 0
    unusable: int = 0
    rejected: list[BadRow] = field(default_factory=list)

    def add(self, learnt: Learnt) -> None:
        setattr(self, learnt.answer, getattr(self, learnt.answer) + 1)
        self.conflicts += learnt.conflicts
        self.unusable += learnt.unusable


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV or JSONL; - reads stdin.")],
    workspace: Into,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Import leads from a file; importing again changes nothing.

    Columns are found by name: email, phone, name, company, gohighlevel_id, emailbison_id, and those
    of GoHighLevel's and EmailBison's own exports.

    Example: convsync leads import contacts.csv --workspace acme
    """
    given = bootstrap.services(context.obj)
    given.workspace(workspace)
    with opened(file) as stream:
        done = _import(given, workspace, rows(stream, given.regions[workspace]))
    console = Console(as_json, quiet)
    console.document(asdict(done))
    console.say(
        f"{done.added} added, {done.updated} updated, {done.unchanged} unchanged,"
        f" {len(done.rejected)} rejected"
    )
    _explain(done, quiet)
    return 3 if done.rejected else 0


def _import(given: Services, workspace: str, told: Iterator[Row | BadRow]) -> _Import:
    done, channels = _Import(), _channels(given, workspace)
    while batch := list(islice(told, BATCH)):
        with given.store.transaction():
            for row in batch:
                if isinstance(row, BadRow):
                    done.rejected.append(row)
                    continue
                now = given.clock.now()
                done.add(given.store.leads.learn(workspace, row.contact, channels, now))
    return done


def _channels(given: Services, workspace: str) -> dict[str, Channel]:
    configured = given.settings.workspace(workspace)
    providers = configured.providers if configured else {}
    return {provider: Channel(channel) for channel, provider in providers.items()}


def _explain(done: _Import, quiet: bool) -> None:
    for row in done.rejected[:LISTED]:
        note(f"convsync: line {row.line} is left out: {row.reason}")
    if len(done.rejected) > LISTED:
        note(f"convsync: … and {len(done.rejected) - LISTED} more")
    if done.forgotten and not quiet:
        note(f"convsync: {done.forgotten} rows belong to people who were forgotten; left out")
    if done.unusable and not quiet:
        note(
            f"convsync: {done.unusable} emails or phones cannot be used to match; kept as they are"
        )
    if done.conflicts and not quiet:
        note(f"convsync: {done.conflicts} emails, phones or ids stay with the lead that has them")


@app.command()
def add(
    context: typer.Context,
    workspace: Into,
    email: Annotated[
        list[str] | None, typer.Option(metavar="EMAIL", help="Email; repeatable.")
    ] = None,
    phone: Annotated[
        list[str] | None, typer.Option(metavar="PHONE", help="Phone; repeatable.")
    ] = None,
    handle: Annotated[
        list[str] | None,
        typer.Option(
            "--id",
            metavar="PROVIDER:ID",
            autocompletion=providers,
            help="Id at a provider; repeatable.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the person.")] = None,
    company: Annotated[
        str | None, typer.Option(metavar="COMPANY", help="Company of the person.")
    ] = None,
    even_if_forgotten: Annotated[
        bool, typer.Option("--even-if-forgotten", help="Add the lead even if it was forgotten.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Add a lead, or fill in what is missing in an existing one.

    Example: convsync leads add -w acme --email lead@example.com
    """
    given = bootstrap.services(context.obj)
    given.workspace(workspace)
    region = given.regions[workspace]
    told = Contact(
        name,
        company,
        (
            *(_usable(addresses.email(each), "--email") for each in email or ()),
            *(_usable(addresses.phone(each, region), "--phone") for each in phone or ()),
        ),
        tuple(map(_handle, handle or ())),
    )
    if not told.addresses and not told.handles:
        raise UsageError("a lead needs an address", "give --email, --phone or --id")
    with given.store.transaction():
        if even_if_forgotten:
            given.store.erasure.recall(workspace, told)
        learnt = given.store.leads.learn(
            workspace, told, _channels(given, workspace), given.clock.now()
        )
    if learnt.answer == "forgotten":
        raise NeedsConfirmation(
            "this person was forgotten; nothing was added",
            "use --even-if-forgotten to add them on purpose",
        )
    console = Console(as_json, quiet)
    console.document({"lead": learnt.lead, "answer": learnt.answer, "conflicts": learnt.conflicts})
    console.say(f"{learnt.lead}  {learnt.answer}")
    if learnt.conflicts:
        note("convsync: an email, phone or id stays with the lead that has it")
    if learnt.forgotten:
        note(
            "convsync: an email, phone or id was left out, because it belongs to somebody who was"
            " forgotten; --even-if-forgotten adds it"
        )
    return 0


def _usable(address: Address, option: str) -> Address:
    if address.value is None:
        raise UsageError(f"{option} is not a usable {address.kind}", "check how it is written")
    return address


def _handle(text: str) -> Handle:
    provider, colon, external_id = text.partition(":")
    if not colon or not provider.isidentifier() or not external_id:
        raise UsageError("--id must be PROVIDER:ID", "e.g. --id gohighlevel:ctcAAAA0000000000001")
    return Handle(provider.lower(), external_id)


app.command("list")(list_)


@app.command()
def show(
    context: typer.Context,
    lead: Annotated[str, typer.Argument(metavar="LEAD", help="Id, email, phone or provider:id.")],
    workspace: Workspace = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show everything known about a lead, and how fresh each channel is.

    Example: convsync leads show lead@example.com
    """
    given = bootstrap.services(context.obj)
    found = given.lead(lead, workspace)
    syncs = given.store.archive.syncs(found.id)
    console = Console(as_json, quiet)
    channels = {
        channel: {
            "synced_at": sync.synced_at and to_text(sync.synced_at),
            "outcome": sync.outcome,
            "error_code": sync.error_code,
            "left_out": sync.left_out,
        }
        for channel, sync in syncs.items()
    }
    console.document(document(found) | {"channels": channels})
    console.say(f"{found.id}  {found.workspace}  {found.name or ''}  {found.company or ''}")
    for address in found.addresses:
        flaw = "" if address.value else "  (cannot be used to match)"
        console.say(f"  {address.kind}: {address.value or address.raw}{flaw}")
    for handle in found.handles:
        console.say(f"  {handle.provider}: {handle.external_id}")
    for channel, told in channels.items():
        console.say(
            f"  {channel}: {told['outcome'] or 'never read'}, current as of {told['synced_at']}"
            f"{', ' + str(told['error_code']) if told['error_code'] else ''}"
        )
    return 0


app.command()(forget)
