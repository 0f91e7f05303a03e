"""Which failed texts were sent again: for display, so that nobody reads one message twice.

A provider whose people retry a failed text may delete it and make another under a new id
(GoHighLevel's own screen does). A missing id is no deletion, so both stay stored; shown is the
later one. House rule: only where the two are certain to be the same. Where a third could be meant,
all are shown.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from convsync_cli.sync.model.message import Channel, Direction, Message
from convsync_cli.sync.model.progress import Stored

WITHIN = timedelta(minutes=30)
FAILED = frozenset({"failed", "undelivered"})


def superseded(read: Callable[[], Iterable[Stored]]) -> set[int]:
    """The numbers of failed texts that were sent again.

    Such a text and its retry are of one lead and thread, ours, and the same to the letter; the
    first has failed, the other came within half an hour, and no third is as near to either.
    ``read`` gives the messages, of any leads, in any order; where one has failed it is asked twice,
    so that of all the others none is held.
    """
    failed = {_words(each) for each in read() if _has_failed(each.message)}
    if not failed:
        return set()
    alike: dict[object, list[Stored]] = defaultdict(list)
    for each in read():
        if _is_our_text(each.message) and _words(each) in failed:
            alike[_words(each)].append(each)
    return {first.id for group in alike.values() for first in _retried(group)}


def _words(stored: Stored) -> tuple[object, ...]:
    message = stored.message
    return stored.lead, message.provider, message.thread, message.body, message.attachments


def _retried(group: list[Stored]) -> Iterator[Stored]:
    """Those of some texts that are alike of which another is the retry."""
    dated = [(at, each) for each in group if (at := each.message.sent_at) is not None]
    if len(dated) < len(group):
        return  # one without a date could stand anywhere
    for run in _runs(sorted(dated, key=lambda pair: (pair[0], pair[1].id))):
        if len(run) == 2 and _is_retry(run[0].message, run[1].message):
            yield run[0]


def _runs(dated: list[tuple[datetime, Stored]]) -> Iterator[list[Stored]]:
    """The texts, cut wherever more than ``WITHIN`` lies between two."""
    run = [dated[0][1]]
    for (earlier, _), (later, each) in pairwise(dated):
        if later - earlier > WITHIN:
            yield run
            run = []
        run.append(each)
    yield run


def _is_retry(first: Message, then: Message) -> bool:
    return (
        _has_failed(first)
        and first.external_id is not None
        and then.external_id is not None
        and first.sent_at != then.sent_at
        and _agree(first.sender, then.sender)
        and _agree(first.recipient, then.recipient)
    )


def _agree(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _has_failed(message: Message) -> bool:
    return _is_our_text(message) and (message.status or "").lower() in FAILED


def _is_our_text(message: Message) -> bool:
    return (message.channel, message.direction) == (Channel.SMS, Direction.OUTBOUND)
