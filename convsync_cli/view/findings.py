"""Findings as people read them: a line each, the remedy below it, and at the end their sum."""

from collections import Counter
from collections.abc import Collection, Sequence

from convsync_cli.console import Console, note
from convsync_cli.sync.model.finding import Finding, Level

_MARKS = {
    Level.OK: ("ok", "green"),
    Level.WARNING: ("warning", "yellow"),
    Level.PROBLEM: ("PROBLEM", "red"),
}
_INDENT = " " * 9


def print_findings(
    console: Console, findings: Sequence[Finding], urgent: Collection[Level]
) -> None:
    """Print findings; quietly, only the ``urgent`` ones, on stderr, where cron finds them too."""
    if console.quiet and not console.json:
        for each in findings:
            if each.level in urgent:
                note(f"convsync: {_MARKS[each.level][0]}: {each.subject}: {each.message}")
                if each.remedy:
                    note(f"  {each.remedy}")
    for each in findings:
        mark, colour = _MARKS[each.level]
        sentence = f"{each.subject}: {each.message}"
        console.wrapped(sentence, _INDENT, mark=f"{mark:{len(_INDENT)}}", colour=colour)
        if each.remedy:
            console.wrapped(each.remedy, f"{_INDENT}   ", mark=f"{_INDENT}-> ")
    console.say()
    console.say(_sum(findings))


def _sum(findings: Sequence[Finding]) -> str:
    counts = Counter(each.level for each in findings)
    parts = [
        f"{counts[level]} {word}{'s' if counts[level] > 1 else ''}"
        for level, word in ((Level.PROBLEM, "problem"), (Level.WARNING, "warning"))
        if counts[level]
    ]
    return " and ".join(parts) or "All right."
