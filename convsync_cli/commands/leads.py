"""`leads`: import, inspect and forget leads."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer

from convsync_cli import bootstrap
from convsync_cli.commands.infile import opened
from convsync_cli.commands.leads_forget import forget
from convsync_cli.commands.leads_list import document, list_
from convsync_cli.commands.options import Into, Json, Quiet, Workspace
from convsync_cli.completion import providers
from convsync_cli.console import Console, note
from convsync_cli.sync import addresses
from convsync_cli.sync.errors import Exit, NeedsConfirmation, UsageError
from convsync_cli.sync.leadfile import rows
from convsync_cli.sync.leadimport import Tally, bring_in
from convsync_cli.sync.model.address import Address
from convsync_cli.sync.model.lead import Contact, Handle, Learning
from convsync_cli.sync.providers import names as provider_names
from convsync_cli.view import standing

LISTED = 100

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    help="Import, inspect and forget leads.",
    no_args_is_help=True,
)


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV or JSONL; - reads stdin.")],
    workspace: Into,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Import leads from a file; importing again changes nothing.

    Columns are found by name: email, phone, name, company, those of GoHighLevel's and EmailBison's
    own exports, and a provider's id: gohighlevel_id, smartlead_id and so on.

    Example: convsync leads import contacts.csv --workspace acme
    """
    given = bootstrap.services(context.obj)
    into = given.configured(workspace)
    with opened(file) as stream:
        people = rows(stream, into.region, provider_names())
        tally = bring_in(given.store, given.clock, workspace, into.channels, people)
    counts = {answer: tally.answers[answer] for answer in Learning}
    console = Console(as_json, quiet)
    console.document(
        counts
        | {"conflicts": tally.conflicts, "unusable": tally.unusable}
        | {"rejected": [asdict(each) for each in tally.rejected]}
    )
    parts = (f"{counts[each]} {each}" for each in Learning if each is not Learning.FORGOTTEN)
    console.say(f"{', '.join(parts)}, {len(tally.rejected)} rejected")
    _explain(tally, quiet)
    return Exit.INCOMPLETE if tally.rejected else Exit.DONE


def _explain(tally: Tally, quiet: bool) -> None:
    for row in tally.rejected[:LISTED]:
        note(f"convsync: line {row.line} is left out: {row.reason}")
    if len(tally.rejected) > LISTED:
        note(f"convsync: … and {len(tally.rejected) - LISTED} more")
    if (forgotten := tally.answers[Learning.FORGOTTEN]) and not quiet:
        note(f"convsync: {forgotten} rows belong to people who were forgotten; left out")
    if tally.unusable and not quiet:
        note(
            f"convsync: {tally.unusable} emails or phones cannot be used to match; kept as they are"
        )
    if tally.conflicts and not quiet:
        note(f"convsync: {tally.conflicts} emails, phones or ids stay with the lead that has them")


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
    into = given.configured(workspace)
    found_by = _addresses(email or (), phone or (), into.region)
    contact = Contact(name, company, found_by, tuple(map(_handle, handle or ())))
    if not contact.addresses and not contact.handles:
        raise UsageError("a lead needs an address", "give --email, --phone or --id")
    with given.store.transaction():
        if even_if_forgotten:
            given.store.erasure.recall(workspace, contact)
        learnt = given.store.leads.learn(workspace, contact, into.channels, given.clock.now())
    if learnt.answer == Learning.FORGOTTEN:
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


def _addresses(
    emails: Iterable[str], phones: Iterable[str], region: str | None
) -> tuple[Address, ...]:
    return (
        *(_usable(addresses.email(each), "--email") for each in emails),
        *(_usable(addresses.phone(each, region), "--phone") for each in phones),
    )


def _usable(address: Address, option: str) -> Address:
    if address.value is None:
        raise UsageError(f"{option} is not a usable {address.kind}", "check how it is written")
    return address


def _handle(text: str) -> Handle:
    provider, colon, external_id = text.partition(":")
    if not colon or not external_id:
        raise UsageError("--id must be PROVIDER:ID", "e.g. --id gohighlevel:ctcAAAA0000000000001")
    known = provider_names()
    if provider.lower() not in known:
        raise UsageError("--id names no provider", f"known: {', '.join(known)}")
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
    channels = {channel: standing.document(sync) for channel, sync in syncs.items()}
    console.document(document(found) | {"channels": channels})
    console.say(f"{found.id}  {found.workspace}  {found.name or ''}  {found.company or ''}")
    for address in found.addresses:
        flaw = "" if address.value else "  (cannot be used to match)"
        console.say(f"  {address.kind}: {address.value or address.raw}{flaw}")
    for handle in found.handles:
        console.say(f"  {handle.provider}: {handle.external_id}")
    for channel, sync in syncs.items():
        console.say(f"  {channel}: {standing.words(sync, sync.synced_at, given.clock.now())}")
    return 0


app.command()(forget)
