"""`export`: write out any number of messages: one per line, or one conversation per page."""

import csv
import os
from collections.abc import Iterable
from enum import StrEnum
from typing import IO, Annotated, Any

import typer

from convsync_cli import bootstrap
from convsync_cli.bootstrap import Services
from convsync_cli.commands import outfile
from convsync_cli.commands.filters import OfChannel, OfDirection, OfLeads, Since, Until, wanted
from convsync_cli.commands.options import Json, Quiet, Workspace
from convsync_cli.console import Console, as_json, clean
from convsync_cli.sync.document import COLUMNS, document
from convsync_cli.sync.errors import UsageError
from convsync_cli.sync.model.reading import MessageFilter

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # OWASP, "CSV Injection"


class Format(StrEnum):
    """How an export is written."""

    JSONL = "jsonl"
    CSV = "csv"
    HTML = "html"


@app.command()
def command(
    context: typer.Context,
    form: Annotated[Format, typer.Option("--format", help="Output format.")] = Format.JSONL,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Output file (default: stdout); html: a folder."
        ),
    ] = None,
    lead: OfLeads = None,
    channel: OfChannel = None,
    direction: OfDirection = None,
    since: Since = None,
    until: Until = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="CSV: do not escape what looks like a formula.")
    ] = False,
    workspace: Workspace = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Write messages as JSONL, CSV or HTML. HTML is a folder with an index and a page per lead, or
    just one page with one --lead; JSONL and CSV are in the order of storing. A file appears only
    once it is complete.

    Example: convsync export --format html --output archive
    """
    if as_json and output is None:
        raise UsageError("--json prints a summary, so the data needs a file", "add --output FILE")
    given = bootstrap.services(context.obj, accounts=False)
    given.output(output)
    message_filter = wanted(given, workspace, lead, channel, direction, since, until)
    console = Console(as_json, quiet)
    if form == Format.HTML:
        return _export_pages(console, given, output, message_filter)
    rows = map(document, given.store.archive.messages(message_filter))
    with outfile.opened(output) as stream:
        count = _write_csv(stream, rows, raw) if form == Format.CSV else _write_jsonl(stream, rows)
    console.document({"messages": count, "format": form, "output": output})
    if output is not None:
        console.say(f"{count} messages written to {output}")
    return 0


def _export_pages(
    console: Console, given: Services, output: str | None, message_filter: MessageFilter
) -> int:
    from convsync_cli.commands import pages

    one = message_filter.leads is not None and len(message_filter.leads) == 1
    if one and not (output and (output.endswith("/") or os.path.isdir(output))):
        [lead] = filter(None, map(given.store.leads.lead, message_filter.leads or ()))
        with outfile.opened(output) as stream:
            done = pages.write_page(stream, given, lead, message_filter)
    elif output is None:
        raise UsageError("many pages need a folder", "add --output FOLDER, or name one --lead")
    else:
        done = pages.write_folder(output, given, message_filter)
    console.document(
        {"messages": done.messages, "format": Format.HTML, "output": output, "pages": done.pages}
    )
    if output is not None:
        pages_ = "1 page" if done.pages == 1 else f"{done.pages} pages"
        console.say(f"{done.messages} messages on {pages_} written to {output}")
    return 0


def _write_jsonl(stream: IO[str], messages: Iterable[dict[str, Any]]) -> int:
    count = 0
    for each in messages:
        count += 1
        stream.write(as_json(each, ascii_only=False) + "\n")
    return count


def _write_csv(stream: IO[str], messages: Iterable[dict[str, Any]], raw: bool) -> int:
    count, writer = 0, csv.writer(stream)
    seen = stream.isatty()  # there the bytes are for eyes; elsewhere they are data, and stay exact
    writer.writerow(COLUMNS)
    for each in messages:
        count += 1
        cells = [clean(c) if seen and isinstance(c, str) else c for c in each.values()]
        writer.writerow([cell if raw else _harmless(cell) for cell in cells])
    return count


def _harmless(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
