"""An archive as HTML pages, one conversation at a time, however many there are."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import IO

from convsync_cli.bootstrap import Services
from convsync_cli.commands import outfile
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.progress import Stored
from convsync_cli.sync.model.reading import MessageFilter
from convsync_cli.view import page, thread
from convsync_cli.view.page import Listed
from convsync_cli.view.thread import Entry

_OURS = re.compile(rf"{re.escape(page.INDEX)}|L\w+\.html", re.ASCII)
_BATCH = 500  # leads


@dataclass(slots=True)
class Written:
    """What was written so far, and how many leads have no page: those never read among them."""

    messages: int = 0
    pages: int = 0
    silent: int = 0
    unread: int = 0


@dataclass(slots=True)
class _Counted:
    """The messages of one lead, counted on their way to its page."""

    lead: Lead
    messages: int = 0
    last: datetime | None = None

    def entries(self, messages: Iterable[Stored]) -> Iterator[Entry]:
        for each in messages:
            entry = thread.entry(each, self.lead)
            self.messages += 1
            self.last = entry.moment if entry.dated else self.last
            yield entry


def write_page(stream: IO[str], given: Services, lead: Lead, wanted: MessageFilter) -> Written:
    """Write the one page of a lead."""
    counted = _Counted(lead)
    entries = counted.entries(given.store.archive.conversation(lead.id, wanted))
    closing = thread.closing(given, lead, wanted)
    stream.writelines(page.conversation(lead, entries, closing, indexed=False))
    return Written(counted.messages, 1)


def write_folder(output: str, given: Services, wanted: MessageFilter) -> Written:
    """Write a page for each lead that has messages, or that was asked for, and their index.

    Raises:
        OutputError: the folder cannot be written, or holds other files.
    """
    done = Written()
    with outfile.folder(output, lambda name: _OURS.fullmatch(name) is not None) as folder:
        listed = _pages(folder, given, wanted, done)
        with outfile.new_file(os.path.join(folder, page.INDEX)) as stream:
            stream.writelines(page.index(listed, _summary(given, done)))
    return done


def _pages(folder: str, given: Services, wanted: MessageFilter, done: Written) -> Iterator[Listed]:
    for lead in _leads(given, wanted):
        messages = given.store.archive.conversation(lead.id, wanted)
        first = next(messages, None)
        if first is None and wanted.leads is None:
            syncs = given.store.archive.syncs(lead.id).values()
            done.silent += 1
            done.unread += any(sync.synced_at is None for sync in syncs)
            continue
        counted = _Counted(lead)
        entries = counted.entries(chain([] if first is None else [first], messages))
        closing = thread.closing(given, lead, wanted)
        with outfile.new_file(os.path.join(folder, page.page_name(lead.id))) as stream:
            stream.writelines(page.conversation(lead, entries, closing, indexed=True))
        done.messages += counted.messages
        done.pages += 1
        yield Listed(lead, counted.messages, counted.last)


def _leads(given: Services, wanted: MessageFilter) -> Iterator[Lead]:
    if wanted.leads is not None:
        yield from filter(None, map(given.store.leads.lead, dict.fromkeys(wanted.leads)))
        return
    after = ""
    while batch := given.store.leads.leads(wanted.workspace, after, _BATCH):
        yield from batch
        after = batch[-1].id


def _summary(given: Services, done: Written) -> Iterator[str]:
    """What the index says below its list, once all pages are written."""
    yield f"{done.messages:,} messages on {done.pages:,} pages."
    yield f"Written by convsync on {given.clock.now():%Y-%m-%d at %H:%M}."
    if done.silent:
        yield (
            f"{done.silent:,} more leads have no page, since none of their messages are here;"
            f" {done.unread:,} of them were never read to the end on one of their channels."
        )
