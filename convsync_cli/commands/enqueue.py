"""`enqueue`: queue some leads to be synced."""

import sys
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import IO, Annotated, Any

import typer

from convsync_cli import bootstrap
from convsync_cli.commands.options import Json, Quiet, WithHistory, Workspace
from convsync_cli.console import Console, note
from convsync_cli.sync.enqueue import Answer, enqueue
from convsync_cli.sync.errors import Exit, UsageError
from convsync_cli.sync.model.placing import Placed, Placement, Priority

LONGEST_LEAD = 1024  # bytes; what is longer names no lead
LISTED = 100

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def command(
    context: typer.Context,
    leads: Annotated[
        list[str],
        typer.Argument(
            metavar="LEAD…", help="Lead id, email, phone or provider:id; - reads one per line."
        ),
    ],
    force: Annotated[bool, typer.Option("--force", help="Sync again even if just synced.")] = False,
    wait: Annotated[
        float | None,
        typer.Option(
            metavar="[SECONDS]", min=0, help="Wait for the jobs to end (at most SECONDS)."
        ),
    ] = None,
    with_history: WithHistory = False,
    workspace: Workspace = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Queue leads to be synced. A lead that is already queued is not an error.

    Example: convsync enqueue lead@example.com +12025550123

    Example: cut -d, -f1 leads.csv | convsync enqueue -
    """
    if "-" in leads and len(leads) > 1:
        raise UsageError(
            "- cannot be combined with leads", "give leads, or - to read them from stdin"
        )
    given = bootstrap.services(context.obj, accounts=False)
    from_stream = leads == ["-"]
    answers = enqueue(
        given.store,
        _lines(sys.stdin.buffer) if from_stream else leads,
        given.regions,
        given.workspace(workspace),
        partial(
            given.terms,
            Priority.LISTED if from_stream else Priority.MANUAL,
            force=force,
            with_history=with_history,
        ),
    )
    console = Console(as_json, quiet)
    if from_stream and wait is None:
        return _count(console, answers)
    answer = _joined(answers)
    if wait is not None:
        from convsync_cli.commands.waiting import follow

        document = _counts([answer])[0] if from_stream else _document(answer)
        code = follow(given, console, answer, document, wait)
        _say_missed(console, answer)
        return code
    console.document(_document(answer))
    for placed in answer.placed:
        console.say(f"{placed.lead}  job {placed.job}  {_words(placed)}")
    _say_missed(console, answer)
    return Exit.INCOMPLETE if answer.unknown or answer.ambiguous else Exit.DONE


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """The texts of a stream, one a line; blank lines are none."""
    while line := stream.readline(LONGEST_LEAD):
        while not line.endswith(b"\n") and (rest := stream.readline(LONGEST_LEAD)):
            line = line[:LONGEST_LEAD] + (b"\n" if rest.endswith(b"\n") else b"")
        if text := line.decode("utf-8", "replace").strip("\ufeff \t\r\n\0"):
            yield text


def _joined(answers: Iterator[Answer]) -> Answer:
    every = list(answers)
    return Answer(
        tuple(placed for each in every for placed in each.placed),
        tuple(text for each in every for text in each.unknown),
        tuple(pair for each in every for pair in each.ambiguous),
    )


def _document(answer: Answer) -> dict[str, Any]:
    """The answer under the names that scripts rely on."""
    return {
        "queued": [_named(each) for each in answer.placed if each.answer == Placed.QUEUED],
        "promoted": [_named(each) for each in answer.placed if each.answer == Placed.PROMOTED],
        "already_queued": [
            _named(each) | {"state": each.state}
            for each in answer.placed
            if each.answer == Placed.ALREADY_QUEUED
        ],
        "recent": [
            _named(each) | {"age_s": each.age_s}
            for each in answer.placed
            if each.answer == Placed.RECENT
        ],
        "unknown": list(answer.unknown),
        "ambiguous": _ambiguous(answer),
    }


def _named(placed: Placement) -> dict[str, Any]:
    return {"lead": placed.lead, "job": placed.job}


def _ambiguous(answer: Answer) -> list[dict[str, Any]]:
    return [
        {"lead": text, "candidates": [str(each) for each in candidates]}
        for text, candidates in answer.ambiguous
    ]


def _count(console: Console, answers: Iterator[Answer]) -> int:
    """Print how many, and of those that found no lead the first hundred as they were typed."""
    counts, missed = _counts(answers)
    console.document(counts)
    _summarise(console, counts, missed)
    return Exit.INCOMPLETE if missed else Exit.DONE


def _counts(answers: Iterable[Answer]) -> tuple[dict[str, Any], int]:
    """What a stream gets for an answer, and how many of its texts found no lead."""
    counts = dict.fromkeys(Placed, 0)
    unknown: list[str] = []
    ambiguous: list[dict[str, Any]] = []
    missed = 0
    for answer in answers:
        for placed in answer.placed:
            counts[placed.answer] += 1
        unknown += islice(answer.unknown, LISTED - len(unknown))
        ambiguous += islice(_ambiguous(answer), LISTED - len(ambiguous))
        missed += len(answer.unknown) + len(answer.ambiguous)
    return counts | {"unknown": unknown, "ambiguous": ambiguous}, missed


def _words(placed: Placement) -> str:
    match placed.answer:
        case Placed.QUEUED:
            return "queued"
        case Placed.PROMOTED:
            return "moved to the front"
        case Placed.ALREADY_QUEUED:
            return f"already {placed.state}"
        case Placed.RECENT:
            return f"already synced: queued {placed.age_s:.0f} s ago (--force to sync again)"


def _say_missed(console: Console, answer: Answer) -> None:
    """Say which texts named no lead, or several."""
    for text in answer.unknown:
        console.say(f"{text}  unknown: no lead has this id, email or phone")
    for text, candidates in answer.ambiguous:
        console.say(f"{text}  ambiguous: {', '.join(map(str, candidates))}")
    if missed := len(answer.unknown) + len(answer.ambiguous):
        note(f"convsync: {missed} of the given leads could not be queued")


def _summarise(console: Console, counts: dict[str, Any], missed: int) -> None:
    console.say(", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in Placed))
    if missed:
        note(f"convsync: {missed} lines match no lead, or several; --json lists the first {LISTED}")
