"""A conversation as an HTML page of its own: opens offline, loads nothing, runs nothing.

House rules: whatever is not ours goes through ``_plain`` and is text, never markup, an address to
load or a link to follow. And should that ever fail, the page's policy still allows no script, no
picture and no style but the one that stands in it.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files

from convsync_cli.console import clean
from convsync_cli.sync.instant import to_text
from convsync_cli.sync.model.lead import Lead
from convsync_cli.view import thread
from convsync_cli.view.thread import Entry

INDEX = "index.html"


@dataclass(frozen=True, slots=True)
class Listed:
    """A lead as the index lists it: how many messages its page holds, and when the last one was."""

    lead: Lead
    messages: int
    last: datetime | None


def page_name(lead: str) -> str:
    """The file of a lead's page."""
    return f"{lead}.html"


def conversation(
    lead: Lead, entries: Iterable[Entry], closing: Iterable[str], *, indexed: bool
) -> Iterator[str]:
    """The pieces of a lead's page; ``indexed`` when an index stands beside it."""
    yield _head(thread.title(lead))
    if indexed:
        yield f'<p class="back faint"><a href="{INDEX}">All conversations</a></p>\n'
    yield f'<h1 dir="auto">{_plain(thread.title(lead))}</h1>\n'
    yield f'<p class="faint">{_plain(" · ".join(thread.addresses(lead)))}</p>\n'
    day = ""
    for entry in entries:
        if entry.day != day:
            day = entry.day
            yield f"<h2>{_plain(day)}</h2>\n"
        yield from _article(entry)
    if not day:
        yield "<h2>No message</h2>\n"
    yield "<footer><p>What may be missing</p><ul>\n"
    yield from (f"<li>{_plain(each)}</li>\n" for each in closing)
    yield _FOOT


def index(listed: Iterable[Listed], closing: Iterable[str]) -> Iterator[str]:
    """The pieces of the page that lists all others; ``closing`` is read last."""
    yield _head("Conversations")
    yield (
        "<h1>Conversations</h1>\n<table><thead><tr><th>Lead</th><th>Workspace</th>"
        '<th class="number">Messages</th><th>Last</th></tr></thead><tbody>\n'
    )
    for each in listed:
        last = f"{each.last:%Y-%m-%d %H:%M}" if each.last else ""
        yield (
            f'<tr><td dir="auto"><a href="{_plain(page_name(each.lead.id))}">'
            f"{_plain(thread.title(each.lead))}</a></td><td>{_plain(each.lead.workspace)}</td>"
            f'<td class="number">{each.messages:,}</td><td>{last}</td></tr>\n'
        )
    yield "</tbody></table>\n<footer><ul>\n"
    yield from (f"<li>{_plain(each)}</li>\n" for each in closing)
    yield _FOOT


_FOOT = '</ul><p class="faint">Times are UTC.</p></footer>\n</body></html>\n'


def _article(entry: Entry) -> Iterator[str]:
    trouble = " trouble" if entry.trouble else ""
    yield f'<article class="{_plain(entry.direction)}{trouble}"><header>'
    yield f"<b><bdi>{_plain(entry.writer)}</bdi></b>"
    remarks = "".join(f" · <bdi>{_plain(each)}</bdi>" for each in entry.remarks)
    yield f'<span class="channel">{_plain(entry.channel)}{remarks}</span>'
    moment = f' datetime="{to_text(entry.moment)}"' if entry.dated else ""
    yield f"<time{moment}>{entry.hour}</time>"
    if entry.status:
        yield f"<mark>{_plain(entry.status)}</mark>"
    yield "</header>\n"
    if entry.subject:
        yield f'<p class="subject" dir="auto">{_plain(entry.subject)}</p>\n'
    if entry.text:
        yield f'<p class="text" dir="auto">{_plain(entry.text)}</p>\n'
    elif not entry.attachments:
        yield '<p class="faint">(no text)</p>\n'
    if entry.quoted:
        yield f"<details><summary>{entry.folded}</summary>"
        yield f'<p class="text" dir="auto">{_plain(entry.quoted)}</p></details>\n'
    if entry.attachments:
        items = "".join(f"<li><bdi>{_plain(each)}</bdi></li>" for each in entry.attachments)
        yield f'<ul class="files">{items}</ul>\n'
    yield "</article>\n"


def _head(title: str) -> str:
    style = _style()
    allowed = b64encode(sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="robots" content="noindex">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_plain(title)}</title>\n<style>{style}</style></head>\n<body>\n"
    )


@cache
def _style() -> str:
    return files("convsync_cli.view").joinpath("page.css").read_text(encoding="utf-8")


def _plain(text: str) -> str:
    """Text that a browser shows as it is."""
    return escape(clean(text))
