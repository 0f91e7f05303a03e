"""`export`: messages out, one a line, as many as there are."""

import csv
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import IO, Annotated, Any

import typer

from convsync_cli import bootstrap
from convsync_cli.commands.options import Json, Quiet, Workspace
from convsync_cli.console import Console, as_json
from convsync_cli.sync.errors import OutputError, UsageError
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.model.progress import Stored

app = typer.Typer(add_completion=False, rich_markup_mode=None)

COLUMNS = (
    "id",
    "workspace",
    "lead",
    "channel",
    "provider",
    "external_id",
    "direction",
    "sent_at",
    "sender",
    "recipient",
    "subject",
    "body",
    "status",
    "thread",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # OWASP, "CSV Injection"


class Format(StrEnum):
    """How an export is written."""

    JSONL = "jsonl"
    CSV = "csv"


@app.command()
def command(
    context: typer.Context,
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.JSONL,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Default: stdout.")
    ] = None,
    lead: Annotated[
        list[str] | None, typer.Option(metavar="LEAD", help="Only this lead; repeatable.")
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="CSV: leave cells that look like formulas as they are.")
    ] = False,
    workspace: Workspace = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Write all messages as JSONL or CSV. They come in the order of storing.

    Example: convsync export --format csv --output messages.csv
    """
    if as_json and output is None:
        raise UsageError("--json prints a summary, so the data needs a file", "add --output FILE")
    given = bootstrap.services(context.obj)
    only = given.workspace(workspace)
    leads = None if lead is None else [given.lead(each, only).id for each in lead]
    messages = given.store.archive.messages(only, leads)
    with _opened(output) as stream:
        write = _write_jsonl if form == Format.JSONL else _write_csv
        count = write(stream, map(document, messages), raw)
    console = Console(as_json, quiet)
    console.document({"messages": count, "format": form, "output": output})
    if output is not None:
        console.say(f"{count} messages written to {output}")
    return 0


def document(stored: Stored) -> dict[str, Any]:
    """A message under the names that scripts rely on."""
    message = stored.message
    own = {"id": stored.id, "workspace": stored.workspace, "lead": stored.lead}
    sent_at = message.sent_at and to_text(message.sent_at)
    return {
        name: own[name] if name in own else sent_at if name == "sent_at" else getattr(message, name)
        for name in COLUMNS
    }


def _write_jsonl(stream: IO[str], messages: Iterable[dict[str, Any]], raw: bool) -> int:
    count = 0
    for each in messages:
        count += 1
        stream.write(as_json(each, ascii_only=False) + "\n")
    return count


def _write_csv(stream: IO[str], messages: Iterable[dict[str, Any]], raw: bool) -> int:
    count, writer = 0, csv.writer(stream)
    writer.writerow(COLUMNS)
    for each in messages:
        count += 1
        writer.writerow([cell if raw else _harmless(cell) for cell in each.values()])
    return count


def _harmless(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


@contextmanager
def _opened(output: str | None) -> Iterator[IO[str]]:
    """Stdout, or a private file that is there only once it is whole.

    Raises:
        OutputError: the file cannot be written.
    """
    if output is None:
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
        yield sys.stdout
        return
    try:
        if os.path.exists(output) and not os.path.isfile(output):  # /dev/stdout, a named pipe
            with open(output, "w", encoding="utf-8", newline="") as stream:
                yield stream
            return
        with _whole(output) as stream:
            yield stream
    except OSError as error:
        raise OutputError(f"cannot write {output}: {error.strerror}", "nothing was kept") from None


@contextmanager
def _whole(output: str) -> Iterator[IO[str]]:
    folder = os.path.dirname(os.path.abspath(output))
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=folder, prefix=".convsync-", delete=False
    ) as stream:
        try:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            os.replace(stream.name, output)
        except BaseException:
            os.unlink(stream.name)
            raise
