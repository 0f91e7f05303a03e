"""What people who watch a run see: how far each account is, and what went wrong."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from convsync_cli.bootstrap import Services
from convsync_cli.console import one_line
from convsync_cli.sync.forecast import Forecast
from convsync_cli.sync.telemetry import JobStopped, Listener

FAILURES = 5
_ENDS = ("done", "failed")
_TROUBLES = ("failed", "retry")


@contextmanager
def progress_board(given: Services, shown: bool) -> Iterator[tuple[Listener, ...]]:
    """Listeners that draw the run's progress on stderr; none where it is not to be shown."""
    forecasts = _forecasts(given) if shown else {}
    if not forecasts:
        yield ()
        return
    from convsync_cli.view.board import board

    failures: deque[str] = deque(maxlen=FAILURES)

    def listen(event: JobStopped) -> None:
        if event.outcome in _TROUBLES:
            failures.append(_trouble(event))
        for name, forecast in forecasts.items():
            if name.rpartition("/")[0] == event.workspace:
                forecast.add(event.asked.get(name, 0), ended=event.outcome in _ENDS)

    with board(forecasts, failures, given.clock):
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
