"""Queuing leads by their names, one or a stream of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from convsync_cli.sync import reference
from convsync_cli.sync.model.placing import Placement, Terms
from convsync_cli.sync.model.query import Found

if TYPE_CHECKING:
    from convsync_cli.sync.ports import Store

BATCH = 2_000  # leads to a transaction: long enough to be fast, short enough to let others in


class Answer(NamedTuple):
    """What became of some leads as typed: placed, unknown, or meaning several."""

    placed: tuple[Placement, ...] = ()
    unknown: tuple[str, ...] = ()
    ambiguous: tuple[tuple[str, tuple[Found, ...]], ...] = ()


def resolve(
    store: "Store", typed: Sequence[str], regions: reference.Regions, workspace: str | None = None
) -> Iterator[tuple[str, tuple[Found, ...]]]:
    """The leads that each text can mean: several if it is ambiguous, none if it is unknown.

    A lead of a workspace that is no longer configured is meant only where no other can be.
    """
    asked = [reference.queries(text, regions, workspace) for text in typed]
    found = iter(store.directory.find([query for queries in asked for query in queries]))
    for text, queries in zip(typed, asked, strict=True):
        matches: set[Found] = set().union(*islice(found, len(queries)))
        configured = {each for each in matches if each.workspace in regions}
        yield text, tuple(sorted(configured or matches))


def enqueue(
    store: "Store",
    typed: Iterable[str],
    regions: reference.Regions,
    workspace: str | None,
    terms: Callable[[], Terms],
) -> Iterator[Answer]:
    """Queue the leads that a stream of texts names, batch by batch, each on the terms of then."""
    stream = iter(typed)
    while batch := list(islice(stream, BATCH)):
        leads: list[str] = []
        unknown: list[str] = []
        ambiguous: list[tuple[str, tuple[Found, ...]]] = []
        for text, found in resolve(store, batch, regions, workspace):
            if not found or found[0].workspace not in regions:  # no run could read it
                unknown.append(text)
            elif len(found) > 1:
                ambiguous.append((text, found))
            else:
                leads.append(found[0].lead)
        placed = store.intake.enqueue(leads, terms())
        yield Answer(tuple(placed), tuple(unknown), tuple(ambiguous))
