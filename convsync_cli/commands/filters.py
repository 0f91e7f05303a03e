"""The options that say which messages are meant, for all commands that read the archive."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

import typer

from convsync_cli.bootstrap import Services
from convsync_cli.commands.options import duration
from convsync_cli.sync import instant
from convsync_cli.sync.errors import UsageError
from convsync_cli.sync.model.message import Channel, Direction
from convsync_cli.sync.model.reading import MessageFilter

OfChannel = Annotated[Channel | None, typer.Option("--channel", help="Only this channel.")]
OfDirection = Annotated[
    Direction | None,
    typer.Option(
        "--direction", metavar="inbound|outbound", help="Only received or only sent messages."
    ),
]
Since = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="From 2026-03-01, 2026-03-01T09:30 or 7d ago."),
]
Until = Annotated[
    str | None, typer.Option(metavar="WHEN", help="Before this time; written like --since.")
]
OfLeads = Annotated[
    list[str] | None, typer.Option("--lead", metavar="LEAD", help="Only this lead; repeatable.")
]


def wanted(
    given: Services,
    workspace: str | None = None,
    leads: Sequence[str] | None = None,
    channel: Channel | None = None,
    direction: Direction | None = None,
    since: str | None = None,
    until: str | None = None,
) -> MessageFilter:
    """The filter that options as typed ask for.

    Raises:
        NotFound: there is no such workspace or lead.
        UsageError: a moment cannot be read, or nothing lies between the two.
    """
    now = given.clock.now()
    begin, end = moment(since, "--since", now), moment(until, "--until", now)
    if begin and end and begin >= end:
        raise UsageError("--since is not before --until", "no message can be between them")
    only = given.workspace(workspace)
    ids = None if leads is None else [given.lead(each, only).id for each in leads]
    return MessageFilter(
        only, None if ids is None else tuple(dict.fromkeys(ids)), channel, direction, begin, end
    )


def moment(text: str | None, option: str, now: datetime) -> datetime | None:
    """A moment as typed: a date (its beginning, UTC), a date and time, or how long ago.

    Raises:
        UsageError: it is none of these.
    """
    if text is None:
        return None
    if found := instant.parse(text):
        return found
    try:
        return now - timedelta(seconds=duration(text, option))
    except UsageError:
        raise UsageError(
            f"{option} is not a time",
            "write a date (2026-03-01), a date and time (2026-03-01T09:30), or how long ago (7d)",
        ) from None
