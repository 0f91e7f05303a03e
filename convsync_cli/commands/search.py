"""`search`: messages by their words, the best first."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from convsync_cli import bootstrap
from convsync_cli.bootstrap import Services
from convsync_cli.commands.filters import OfChannel, OfDirection, OfLeads, Since, Until, wanted
from convsync_cli.commands.options import Json, Quiet, Workspace
from convsync_cli.console import Console, clean
from convsync_cli.sync.document import document
from convsync_cli.sync.errors import UsageError
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.reading import Findings, Hit
from convsync_cli.sync.searchtext import MOST_PHRASES, parse
from convsync_cli.view import thread
from convsync_cli.view.canvas import Canvas, canvas

MOST_HITS = 1_000

_BLANKS = re.compile(r"\s+")

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def command(
    context: typer.Context,
    query: Annotated[
        list[str], typer.Argument(metavar="QUERY…", help='Words, "a phrase", or begin*.')
    ],
    channel: OfChannel = None,
    direction: OfDirection = None,
    since: Since = None,
    until: Until = None,
    lead: OfLeads = None,
    workspace: Workspace = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=MOST_HITS, help="At most N messages.")
    ] = 20,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Find messages that contain all the words. Case and accents do not matter. The best matches
    come first, equal ones newest first. Chinese, Japanese, Thai and emoji are found anywhere in a
    text.

    Example: convsync search 'price list' --direction inbound --since 30d
    """
    typed = " ".join(query)
    phrases = parse(typed)
    if not phrases:
        raise UsageError("the query contains no word to look for", "e.g. convsync search invoice")
    if len(phrases) > MOST_PHRASES:
        raise UsageError(f"the query has more than {MOST_PHRASES} words", "leave some out")
    given = bootstrap.services(context.obj, accounts=False)
    message_filter = wanted(given, workspace, lead, channel, direction, since, until)
    findings = given.store.archive.search(phrases, message_filter, limit)
    console = Console(as_json, quiet)
    if as_json:
        console.document(_document(typed, findings))
    elif not quiet:
        with canvas(console) as drawn:
            _draw(given, drawn, findings)
    return 0


def _document(typed: str, findings: Findings) -> dict[str, Any]:
    return {
        "query": typed,
        "matches": findings.matches,
        "all_ranked": not findings.partly,
        "hits": [_hit(each) for each in findings.hits],
    }


def _hit(hit: Hit) -> dict[str, Any]:
    """A message as in an export, its excerpt, and from where to where that matches."""
    places: list[list[int]] = []
    text = ""
    for piece, matches in hit.excerpt:
        if matches:
            places.append([len(text), len(text) + len(piece)])
        text += piece
    return document(hit.stored) | {"score": hit.score, "excerpt": text, "highlights": places}


def _draw(given: Services, drawn: Canvas, findings: Findings) -> None:
    for hit in findings.hits:
        lead = given.store.leads.lead(hit.stored.lead) or Lead(
            hit.stored.lead, hit.stored.workspace
        )
        pieces = [(_BLANKS.sub(" ", clean(text)), matches) for text, matches in hit.excerpt]
        drawn.found("  ".join(_heading(hit, lead)), pieces)
    if findings.hits:
        drawn.line()
    drawn.line(_count(findings))


def _heading(hit: Hit, lead: Lead) -> Iterator[str]:
    entry = thread.entry(hit.stored, lead)
    day = f"{entry.moment:%Y-%m-%d}"
    yield f"{day} {entry.hour}" if entry.dated else f"no date (first seen {day})"
    yield f"{thread.ARROWS[entry.direction]} {thread.title(lead)}, {entry.channel}"
    if entry.subject:
        yield f"“{entry.subject}”"
    yield f"{lead.workspace}/{lead.id}"


def _count(findings: Findings) -> str:
    shown = len(findings.hits)
    if not shown:
        return "No stored message contains all of that."
    if findings.partly:
        return (
            f"The best {shown} of the newest {findings.matches:,} matches; there are"
            " more. Narrow the search with another word, --since or --lead."
        )
    if shown < findings.matches:
        return f"The best {shown} of {findings.matches:,} messages; --limit shows more."
    return f"{shown} message{'' if shown == 1 else 's'}."
