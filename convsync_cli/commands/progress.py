"""A board for people who watch a run: a bar for each account, and below it what went wrong."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from convsync_cli.bootstrap import Services
from convsync_cli.console import ago, one_line
from convsync_cli.sync.forecast import Forecast
from convsync_cli.sync.telemetry import JobStopped, Listener

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress

FAILURES = 5
REFRESHES = 4  # a second; each is written at once, so nothing flickers
_ENDS = ("done", "failed")
_TROUBLES = ("failed", "retry")


@contextmanager
def progress_board(given: Services, shown: bool) -> Iterator[tuple[Listener, ...]]:
    """Listeners that draw the run's progress on stderr; none where it is not to be shown."""
    forecasts = _forecasts(given) if shown else {}
    if not forecasts:
        yield ()
        return
    failures: deque[str] = deque(maxlen=FAILURES)
    with _board(given, forecasts, failures):

        def listen(event: JobStopped) -> None:
            if event.outcome in _TROUBLES:
                failures.append(_trouble(event))
            for name, forecast in forecasts.items():
                if name.rpartition("/")[0] == event.workspace:
                    forecast.add(event.asked.get(name, 0), ended=event.outcome in _ENDS)

        yield (listen,)


def _forecasts(given: Services) -> dict[str, Forecast]:
    """What lies before each account, by its name: all that is due in its workspace."""
    now = given.clock.now()
    due = {name: given.store.queue.due((name,), now) for name in given.regions}
    return {
        account.name: Forecast(account.rate, due[account.workspace])
        for account in given.settings.accounts
        if due[account.workspace]
    }


def _trouble(event: JobStopped) -> str:
    whom = f"lead {event.lead}" if event.lead else f"job {event.job}"
    return one_line(f"{event.outcome}: {event.workspace}, {whom}: {event.code}")


def in_words(forecast: Forecast, elapsed_s: float, now: datetime) -> tuple[str, str, str]:
    """The pace, what is left, and when it will be done, in local time."""
    allowed = forecast.rate.requests / forecast.rate.seconds
    pace = f"{forecast.pace(elapsed_s):.1f} of {allowed:g}/s"
    if not forecast.remaining:
        return pace, "0 left", "done"
    seconds = forecast.seconds_left(elapsed_s)
    if seconds > timedelta(days=1).total_seconds():
        return pace, f"{forecast.remaining} left", f"in {ago(seconds)}"
    finish = (now + timedelta(seconds=seconds)).astimezone()
    return pace, f"{forecast.remaining} left", f"~{finish:%H:%M}, in {ago(seconds)}"


def _board(given: Services, forecasts: dict[str, Forecast], failures: Iterable[str]) -> "Progress":
    """A drawing that asks its forecasts again whenever it is drawn; it is gone when it ends."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.text import Text

    class Told(ProgressColumn):
        """Text that is made anew for every drawing."""

        def __init__(self, words: Callable[[Task], str]) -> None:
            super().__init__()
            self._words = words

        def render(self, task: Task) -> "RenderableType":
            return Text(self._words(task), no_wrap=True, overflow="ellipsis")

    class Board(Progress):
        """The bars, and the failures below them."""

        def get_renderables(self) -> "Iterator[RenderableType]":
            for task in self.tasks:
                each = forecasts[task.description]
                task.total, task.completed = each.total, each.done
            yield self.make_tasks_table(self.tasks)
            for line in list(failures):
                yield Text(line, style="red", no_wrap=True, overflow="ellipsis")

    def word(place: int) -> Callable[[Task], str]:
        return lambda task: in_words(
            forecasts[task.description], task.elapsed or 0.0, given.clock.now()
        )[place]

    board = Board(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        Told(lambda task: f"{task.completed:.0f}/{task.total or 0:.0f}"),
        *(Told(word(place)) for place in range(3)),
        console=Console(stderr=True),
        transient=True,
        refresh_per_second=REFRESHES,
        expand=True,
    )
    for name, forecast in forecasts.items():
        board.add_task(name, total=forecast.total)
    return board
