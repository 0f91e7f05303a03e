"""Importing history from elsewhere: lines of a file become messages of leads, batch by batch."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from convsync_cli.sync import reference
from convsync_cli.sync.clock import Clock
from convsync_cli.sync.enqueue import resolve
from convsync_cli.sync.filelines import BadLine
from convsync_cli.sync.messagefile import MessageRow
from convsync_cli.sync.model.address import Address, AddressKind
from convsync_cli.sync.model.imported import TakenIn
from convsync_cli.sync.model.lead import Contact, Handle, Learning
from convsync_cli.sync.model.message import Channel, Message
from convsync_cli.sync.ports import Store

BATCH = 500  # messages to a transaction
BATCH_SIZE = 4_000_000  # characters
LISTED = 100


@dataclass(slots=True)
class Tally:
    """What an import has done so far; of what is left out the first ``LISTED`` reasons are kept."""

    taken: TakenIn = field(default_factory=TakenIn)
    leads_added: int = 0
    unknown: int = 0
    rejected: int = 0
    reasons: list[BadLine] = field(default_factory=list)

    def leave_out(self, line: int, reason: str) -> None:
        """Keep why a line is not taken in."""
        if len(self.reasons) < LISTED:
            self.reasons.append(BadLine(line, reason))


@dataclass(frozen=True, slots=True)
class TakeIn:
    """An import into one workspace; with ``add_leads`` people who are unknown become leads.

    ``channels`` tells which channel each provider serves.
    """

    store: Store
    clock: Clock
    workspace: str
    regions: reference.Regions
    channels: Mapping[str, Channel]
    add_leads: bool
    tally: Tally = field(default_factory=Tally)

    def run(self, rows: Iterable[MessageRow | BadLine]) -> Tally:
        """Take in all messages, of whatever size; what was taken in before stays as it is."""
        for batch in _batches(rows):
            with self.store.transaction():
                self._take_in(batch)
        return self.tally

    def _take_in(self, batch: list[MessageRow | BadLine]) -> None:
        good = [row for row in batch if isinstance(row, MessageRow)]
        leads = self._leads({row.lead for row in good})
        told: dict[str, list[Message]] = defaultdict(list)
        for row in batch:
            if isinstance(row, BadLine):
                self.tally.rejected += 1
                self.tally.leave_out(row.line, row.reason)
            elif lead := leads.get(row.lead):
                told[lead].append(row.message)
            else:
                self.tally.unknown += 1
                self.tally.leave_out(row.line, self._why_unknown())
        now = self.clock.now()
        for lead, messages in told.items():
            self.tally.taken += self.store.history.take_in(self.workspace, lead, messages, now)

    def _leads(self, typed: set[str]) -> dict[str, str]:
        """The lead that each text means, where it means one."""
        found = resolve(self.store, sorted(typed), self.regions, self.workspace)
        leads: dict[str, str] = {}
        for text, candidates in list(found):
            if len(candidates) == 1:
                leads[text] = candidates[0].lead
            elif self.add_leads and not candidates and (lead := self._add(text)):
                leads[text] = lead
        return leads

    def _add(self, text: str) -> str | None:
        contact = _person(text, self.regions, self.workspace)
        if contact is None:
            return None
        now = self.clock.now()
        learnt = self.store.leads.learn(self.workspace, contact, self.channels, now)
        if learnt.answer == Learning.FORGOTTEN:
            return None
        self.tally.leads_added += learnt.answer == Learning.ADDED
        return learnt.lead

    def _why_unknown(self) -> str:
        if self.add_leads:
            return (
                "lead is not a usable email, phone or provider:id of one person, or was forgotten"
            )
        return "no lead has this id, email or phone"


def _person(text: str, regions: reference.Regions, workspace: str) -> Contact | None:
    """Who a LEAD as typed is, where nobody is known by it; None where it cannot be told."""
    asked = reference.queries(text, regions, workspace)
    if len(asked) != 1 or asked[0].by == "id":
        return None
    [query] = asked
    if query.by == "handle":
        return Contact(handles=(Handle(query.qualifier, query.value),))
    kind = AddressKind(query.qualifier)
    return Contact(addresses=(Address(kind, query.value, query.value),))


def _batches(
    rows: Iterable[MessageRow | BadLine],
) -> Iterator[list[MessageRow | BadLine]]:
    """Some rows at a time: neither many nor large, since others wait for the transaction."""
    batch: list[MessageRow | BadLine] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row.message.body) if isinstance(row, MessageRow) else 0
        if len(batch) >= BATCH or size >= BATCH_SIZE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
