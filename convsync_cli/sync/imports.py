"""Which imported messages are new, and which a sync has brought already; pure, like ``merge``.

House rule: importing after a sync gives what importing before it would have given, so the same
rules decide which message is which. What was imported before is known by its fingerprint, healed or
not; a synced message that one import has been found to be is nobody else's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from convsync_cli.sync.merge import Known, completed, matches
from convsync_cli.sync.model.message import Message


@dataclass(frozen=True, slots=True)
class KnownHere:
    """A stored message; ``fingerprint`` is set where it was imported, or found by an import."""

    known: Known
    fingerprint: str | None


@dataclass(frozen=True, slots=True)
class Intake:
    """What to store, by fingerprint: messages to insert, and rows to complete."""

    new: Mapping[str, Message]
    matched: Mapping[str, Known]


def plan(stored: Iterable[KnownHere], imported: Mapping[str, Message]) -> Intake:
    """Work out what imported messages, by their fingerprints, change.

    ``stored`` holds at least what one of them could be: by fingerprint, by Message-ID, or by time.
    """
    stored = tuple(stored)
    before = {each.fingerprint for each in stored}
    mails: dict[tuple[str | None, str], KnownHere] = {
        (each.known.message.message_id, each.known.message.direction): each
        for each in stored
        if each.known.message.message_id and each.known.message.external_id
    }
    matched: dict[str, Known] = {}
    left: dict[str, Message] = {}
    for key, message in imported.items():
        same = mails.get((message.message_id, message.direction))
        if same is not None and same.fingerprint is None and key not in before:
            matched[key] = _completed(same.known, message)
        elif same is None and key not in before:
            left[key] = message
    free = [
        each.known
        for each in stored
        if each.fingerprint is None
        and each.known.message.external_id is not None
        and each.known.row not in {known.row for known in matched.values()}
    ]
    keys = list(left)
    for one, other in matches(list(left.values()), [known.message for known in free]):
        matched[keys[one]] = _completed(free[other], left.pop(keys[one]))
    return Intake(left, matched)


def _completed(known: Known, message: Message) -> Known:
    return Known(known.row, completed(known.message, message))
