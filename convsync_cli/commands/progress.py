"""A bar for people who watch a run."""

from collections.abc import Iterator
from contextlib import contextmanager

from convsync_cli.bootstrap import Services
from convsync_cli.sync.telemetry import JobStopped, Listener

_ENDS = ("done", "failed")


@contextmanager
def progress_bar(given: Services, shown: bool) -> Iterator[tuple[Listener, ...]]:
    """Listeners that draw the run's progress on stderr; none where it is not to be shown."""
    if not shown:
        yield ()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    due = given.store.queue.due(tuple(given.regions), given.clock.now())
    columns = (BarColumn(), MofNCompleteColumn(), "{task.fields[news]}", TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
        bar = drawn.add_task("run", total=due, news="")

        def listen(event: JobStopped) -> None:
            if event.outcome in _ENDS:
                drawn.advance(bar)
            elif event.code:
                drawn.update(bar, news=f"{event.workspace}: {event.code}")

        yield (listen,)
