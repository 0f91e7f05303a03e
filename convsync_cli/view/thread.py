"""A conversation as people read it, whatever it is drawn on: a terminal, a pipe or a page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import unquote, urlsplit

from convsync_cli.bootstrap import Services
from convsync_cli.console import clean, one_line
from convsync_cli.sync.addresses import mail_value
from convsync_cli.sync.model.address import AddressKind
from convsync_cli.sync.model.lead import Lead
from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.model.progress import LeadSync, Stored, WalkEnd
from convsync_cli.sync.model.reading import EVERY, MessageFilter
from convsync_cli.sync.quotes import unquoted

ARROWS = {Direction.INBOUND: "<", Direction.OUTBOUND: ">", Direction.UNKNOWN: "?"}

_TROUBLE = frozenset({"failed", "undelivered", "partially_delivered", "bounced", "canceled"})
_WORTH_TELLING = _TROUBLE | {"automated_reply", "pending", "queued", "scheduled"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One message, cleaned of what could drive a terminal.

    ``moment`` places it (UTC); ``dated`` is false where that is only when it was first seen.
    ``sender`` is told where ``writer`` does not say it, ``status`` where it matters; in ``trouble``
    the message did not arrive. ``quoted`` is the history that ``text`` was followed by.
    """

    direction: Direction
    channel: Channel
    moment: datetime
    dated: bool
    writer: str
    sender: str | None
    status: str | None
    trouble: bool
    subject: str | None
    text: str
    quoted: str
    attachments: tuple[str, ...]

    @property
    def day(self) -> str:
        """The heading under which it appears."""
        return f"{self.moment:%A, %d %B %Y}"

    @property
    def hour(self) -> str:
        """The time at which it was sent."""
        return f"{self.moment:%H:%M}" if self.dated else "no date"

    @property
    def folded(self) -> str:
        """What replaces the quoted history."""
        count = len(self.quoted.splitlines())
        return f"{count} quoted line{'' if count == 1 else 's'}"

    @property
    def remarks(self) -> list[str]:
        """What is to be said about it beside who wrote and when."""
        placed = None if self.dated else f"placed where it was first seen, {self.moment:%H:%M}"
        return [remark for remark in (self.sender, placed) if remark]


def entry(stored: Stored, lead: Lead) -> Entry:
    """Tell a message of a lead for people."""
    message = stored.message
    text, quoted = unquoted(message.body)
    status = (message.status or "").lower()
    return Entry(
        direction=message.direction,
        channel=message.channel,
        moment=message.sent_at or stored.seen_at,
        dated=message.sent_at is not None,
        writer=_writer(message, lead),
        sender=one_line(message.sender) if message.sender and _says_more(message, lead) else None,
        status=status.replace("_", " ") if status in _WORTH_TELLING else None,
        trouble=status in _TROUBLE,
        subject=one_line(message.subject) if message.subject else None,
        text=clean(text).strip(),
        quoted=clean(quoted).strip(),
        attachments=tuple(one_line(_file_name(each)) for each in message.attachments),
    )


def title(lead: Lead) -> str:
    """A lead's name, as far as it is known."""
    company = f" ({one_line(lead.company)})" if lead.company else ""
    return f"{one_line(lead.name or '') or lead.id}{company}"


def addresses(lead: Lead) -> list[str]:
    """What reaches a lead, with its workspace and id in front."""
    return [lead.workspace, lead.id, *(one_line(each.value or each.raw) for each in lead.addresses)]


def closing(
    given: Services, lead: Lead, wanted: MessageFilter, last: int | None = None
) -> Iterator[str]:
    """Say below a conversation what may be missing from it: unknown is not nothing."""
    if replace(wanted, workspace=None, leads=None) != EVERY or last is not None:
        yield "The options limit what is shown above; without them it is the whole conversation."
    workspace = given.settings.workspace(lead.workspace)
    configured = workspace.providers if workspace else None
    yield from _gaps(given.store.archive.syncs(lead.id), configured)


def _gaps(syncs: Mapping[Channel, LeadSync], configured: Mapping[str, str] | None) -> Iterator[str]:
    """How complete each channel is; ``configured`` are those with an account, None if unknown."""
    if not syncs:
        yield "No channel can be followed: the lead has no usable address."
        return
    for channel, sync in syncs.items():
        accounted = configured is None or channel in configured
        yield f"{channel}: {_completeness(sync, accounted)}"
        if sync.left_out:
            yield f"{channel}: left out, not being messages (calls and the like): {sync.left_out}."
    for unknown in sorted((configured or {}).keys() - syncs.keys()):
        yield f"{unknown}: cannot be followed, the lead has no address for it."


def _completeness(sync: LeadSync, accounted: bool) -> str:
    failed = f" (the last try failed: {sync.error_code})" if sync.error_code else ""
    if sync.synced_at is None and not accounted:
        return "never read: the workspace has no account for it."
    if sync.synced_at is None:
        return f"never read to its end{failed}; the conversation above may be incomplete."
    if sync.outcome == WalkEnd.NOT_FOUND:
        return "the provider does not know this lead."
    newer = ", a newer read is unfinished" if sync.cursor else ""
    return f"complete as of {sync.synced_at:%Y-%m-%d %H:%M} UTC{newer}{failed}."


def _writer(message: Message, lead: Lead) -> str:
    direction = message.direction
    if direction == Direction.INBOUND:
        if message.status == "bounced":
            return "mail system"
        return one_line(lead.name or "") or "lead"
    return "we" if direction == Direction.OUTBOUND else "unknown"


def _says_more(message: Message, lead: Lead) -> bool:
    """Whether a sender says more than the writer: which of our mailboxes, or another person."""
    if message.channel == Channel.SMS:
        known = lead.values(AddressKind.PHONE)
        return message.direction != Direction.OUTBOUND and message.sender not in known
    own = mail_value(message.sender or "") in lead.values(AddressKind.EMAIL)
    return message.direction != Direction.INBOUND or not own


def _file_name(attachment: str) -> str:
    """The name of a file, of which often only the address is known."""
    if "://" not in attachment:
        return attachment
    try:
        path = urlsplit(attachment).path
    except ValueError:  # what calls itself an address need not be one
        return attachment
    return unquote(path.rstrip("/").rsplit("/", 1)[-1]) or attachment
