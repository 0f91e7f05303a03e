"""`enqueue`: ask for the sync of some leads."""

import sys
from collections.abc import Iterator
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
            metavar="LEAD…", help="Lead id, email, phone or provider:id; - reads one a line."
        ),
    ],
    force: Annotated[bool, typer.Option("--force", help="Also what was synced just now.")] = False,
    wait: Annotated[
        float | None,
        typer.Option(metavar="[SECONDS]", min=0, help="Follow the jobs to their end."),
    ] = None,
    with_history: WithHistory = False,
    workspace: Workspace = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Ask for the sync of some leads. What is queued already is no error.

    Example: convsync enqueue lead@example.com +12025550123

    Example: cut -d, -f1 leads.csv | convsync enqueue -
    """
    if "-" in leads and len(leads) > 1:
        raise UsageError("- stands for all leads", "give leads, or - to read them from stdin")
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

        code = follow(given, console, answer, _document(answer), wait)
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
    console.document(counts | {"unknown": unknown, "ambiguous": ambiguous})
    _summarise(console, counts, missed)
    return Exit.INCOMPLETE if missed else Exit.DONE


def _words(placed: Placement) -> str:
    match placed.answer:
        case Placed.QUEUED:
            return "queued"
        case Placed.PROMOTED:
            return "moved to the front"
        case Placed.ALREADY_QUEUED:
            return f"already {placed.state}"
        case Placed.RECENT:
            return f"synced already: asked for {placed.age_s:.0f} s ago (--force to ask again)"


def _say_missed(console: Console, answer: Answer) -> None:
    """Say which texts named no lead, or several."""
    for text in answer.unknown:
        console.say(f"{text}  unknown: no lead has this id, email or phone")
    for text, candidates in answer.ambiguous:
        console.say(f"{text}  ambiguous: {', '.join(map(str, candidates))}")
    if missed := len(answer.unknown) + len(answer.ambiguous):
        note(f"convsync: {missed} of the given leads could not be queued")


def _summarise(console: Console, counts: dict[Placed, int], missed: int) -> None:
    console.say(", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items()))
    if missed:
        note(f"convsync: {missed} lines name no lead, or several; --json lists the first {LISTED}")
