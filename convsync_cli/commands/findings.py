"""Findings as people read them: a line each, and the remedy below it."""

from collections.abc import Iterator, Sequence

from convsync_cli.sync.model.finding import Finding, Level

_MARKS = {Level.OK: "ok", Level.WARNING: "warning", Level.PROBLEM: "PROBLEM"}


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """What to print for each finding."""
    for each in findings:
        yield f"{_MARKS[each.level]:8} {each.subject}: {each.message}"
        if each.remedy:
            yield f"{'':8} -> {each.remedy}"
