"""Run the operator's program for one new inbound message, which it reads as JSON from its stdin.

Exit status 0 is done, 75 (EX_TEMPFAIL of sysexits.h) means try again, anything else has failed. A
program that is ended halfway, because the run is over or its process died, is run once more.
"""

import asyncio
import json
import re
from datetime import timedelta

from convsync_cli.sync import program
from convsync_cli.sync.document import document
from convsync_cli.sync.model.hook import Hook
from convsync_cli.sync.model.job import Claim
from convsync_cli.sync.model.message import Message
from convsync_cli.sync.model.outcome import Discard, Done, Outcome, Retry, Snooze
from convsync_cli.sync.model.progress import Stored
from convsync_cli.sync.program import Ended
from convsync_cli.sync.work import Work

TRY_AGAIN = 75
UNHURRIED_S = 10.0  # with less time left, a program that has not begun waits for the next run
LONGEST_LINE = 200
_ADDRESSES = re.compile(r"\S+@\S+|\+?\d(?:[ ().-]{0,2}\d){6,}")
_SHORTEST_QUOTE = 3


async def perform(claim: Claim, work: Work) -> Outcome:
    """Run the workspace's hook for the message that the job is about."""
    if work.hook is None:
        return Discard("no_hook", "the workspace has no inbound_hook any more")
    stored = await work.call(work.store.archive.message, int(claim.subject or 0))
    if stored is None:  # forgotten since
        return Done()
    if claim.token == 1 and not work.deadline.allows(min(work.hook.timeout_s, UNHURRIED_S)):
        # Only once: a run may never have more time than this.
        later = work.clock.now() + timedelta(seconds=work.deadline.remaining)
        return Snooze(later, "budget", "too little of the run was left to begin")
    return await _run(work.hook, stored)


async def _run(hook: Hook, stored: Stored) -> Outcome:
    told = json.dumps(document(stored)).encode() + b"\n"
    try:
        async with asyncio.timeout(hook.timeout_s):
            ended = await program.run(hook.command, hook.environment, told)
    except TimeoutError:
        return Discard("hook_timeout", f"took longer than {hook.timeout_s:g} s and was stopped")
    except OSError as error:
        return Retry("hook_unstartable", f"cannot be started: {error.strerror}")
    return _outcome(ended, stored.message)


def _outcome(ended: Ended, message: Message) -> Outcome:
    if ended.status == 0:
        return Done()
    how = f"exit status {ended.status}" if ended.status > 0 else f"signal {-ended.status}"
    said = _shown(ended.last_line, message)
    reason = f"{how}: {said}" if said else how
    return (
        Retry("hook_retry", reason) if ended.status == TRY_AGAIN else Discard("hook_failed", reason)
    )


def _shown(line: str, message: Message) -> str:
    """A line of the program as an error may hold it: nothing that could be personal data.

    Taken out are addresses, and whatever stands in the message itself.
    """
    quotes = [message.sender, message.recipient, message.subject, message.body.strip()]
    quotes += [part.strip() for part in message.body.splitlines()]
    for quote in sorted({q for q in quotes if q and len(q) >= _SHORTEST_QUOTE}, key=len)[::-1]:
        line = line.replace(quote, "…")
    printable = "".join(c if c.isprintable() else " " for c in _ADDRESSES.sub("…", line))
    return " ".join(printable.split())[:LONGEST_LINE]
