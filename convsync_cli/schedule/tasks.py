"""What should run unattended, and how often; the formats differ only in how they write it."""

import os
from dataclasses import dataclass

from convsync_cli.schedule.installation import Installation


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often: every ``minutes`` (a divisor of 60), or daily at ``hour``:``minute``."""

    minutes: int = 0
    hour: int = 0
    minute: int = 0

    @property
    def cron(self) -> str:
        """The five fields of crontab(5)."""
        if self.minutes:
            return f"{'*' if self.minutes == 1 else f'*/{self.minutes}'} * * * *"
        return f"{self.minute} {self.hour} * * *"

    @property
    def calendar(self) -> str:
        """An event of systemd.time(7)."""
        if self.minutes:
            return f"*-*-* *:0/{self.minutes}:00"
        return f"*-*-* {self.hour:02}:{self.minute:02}:00"


@dataclass(frozen=True, slots=True)
class Task:
    """A command that runs by itself; ``why`` is for those who read what was printed.

    Only a task that is ``connected`` talks to providers and needs credentials.
    """

    name: str
    arguments: tuple[str, ...]
    rhythm: Rhythm
    why: str
    connected: bool = False


def tasks(installation: Installation) -> tuple[Task, ...]:
    """What an installation does by itself."""
    backup = os.path.join(installation.folder, "convsync-backup.db")
    return (
        Task(
            "run",
            ("run", "--max-seconds", "50", "--quiet"),
            Rhythm(minutes=1),
            "Every minute: work through the queue. The budget is less than a minute, and a run that"
            " finds another one active ends at once, so runs never pile up. It prints one line when"
            " something starts to need a person, and does not repeat it every minute.",
            connected=True,
        ),
        Task(
            "changes",
            ("enqueue-all", "--changed", "--quiet"),
            Rhythm(minutes=5),
            "Every five minutes: ask each provider what has changed. This only adds jobs to the"
            " queue; if nothing changed, they cost one request per channel.",
        ),
        Task(
            "sweep",
            ("enqueue-all", "--not-synced-for", "20h", "--quiet"),
            Rhythm(hour=2, minute=17),
            "Every night: read all conversations again, in case a provider did not report a"
            " change. Runs work through the queue within each provider's rate limit.",
        ),
        Task(
            "reminder",
            ("status", "--check", "--max-age", "6h", "--quiet"),
            Rhythm(hour=7, minute=43),
            "Every morning: one mail about what still needs a person: a paused account, or a"
            " channel of which half the leads have not been read for six hours.",
        ),
        Task(
            "backup",
            ("backup", backup, "--quiet"),
            Rhythm(hour=3, minute=41),
            "Every night: a consistent copy while everything runs, for your file backup to pick"
            " up. Never copy the database file itself: what is in its write-ahead log would be"
            " missing.",
        ),
    )
