"""How progress is drawn; imported only where there is a terminal to draw on, for it needs rich."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from rich.console import Console, RenderableType
from rich.constrain import Constrain
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from convsync_cli.console import ago, colourless
from convsync_cli.sync.clock import Clock
from convsync_cli.sync.forecast import Forecast

REFRESHES = 4  # a second; each is written at once, so nothing flickers
WIDE = 64  # columns that it takes to show more than what is left
MARGIN = 4  # for the ^C of whoever has seen enough: it must not begin a new line


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


def board(forecasts: Mapping[str, Forecast], failures: Iterable[str], clock: Clock) -> Progress:
    """A drawing that asks its forecasts again whenever it is drawn; it is gone when it ends."""

    def word(place: int) -> Callable[[Task], str]:
        return lambda task: in_words(forecasts[task.description], task.elapsed or 0.0, clock.now())[
            place
        ]

    console = Console(stderr=True, no_color=colourless())
    drawn = _Board(
        console,
        forecasts,
        failures,
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        _Told(lambda task: f"{task.completed:.0f}/{task.total or 0:.0f}"),
        *(_Told(word(place)) for place in (range(3) if console.width >= WIDE else (1,))),
    )
    for name, forecast in forecasts.items():
        drawn.add_task(name, total=forecast.total)
    return drawn


class _Told(ProgressColumn):
    """Text that is made again for every drawing."""

    def __init__(self, words: Callable[[Task], str]) -> None:
        super().__init__()
        self._words = words

    def render(self, task: Task) -> RenderableType:
        return Text(self._words(task), no_wrap=True, overflow="ellipsis")


class _Board(Progress):
    """The bars, and the failures below them."""

    def __init__(
        self,
        console: Console,
        forecasts: Mapping[str, Forecast],
        failures: Iterable[str],
        *columns: ProgressColumn,
    ) -> None:
        self._console, self._forecasts, self._failures = console, forecasts, failures
        super().__init__(  # which asks for what is to be drawn already
            *columns, console=console, transient=True, refresh_per_second=REFRESHES, expand=True
        )

    def get_renderables(self) -> Iterator[RenderableType]:
        for task in self.tasks:
            forecast = self._forecasts[task.description]
            task.total, task.completed = forecast.total, forecast.done
        width = max(1, self._console.width - MARGIN)
        yield Constrain(self.make_tasks_table(self.tasks), width)
        for line in list(self._failures):
            yield Constrain(Text(line, style="red", no_wrap=True, overflow="ellipsis"), width)
