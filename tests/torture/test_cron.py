"""A real cron daemon: a minute after jobs were enqueued they are done, no mail where all is well,
and one mail where something begins to need a person.

It takes some minutes, root, namespaces and Debian's cron package, so it runs only where it is asked
for: ``CONVSYNC_CRON=1 pytest tests/torture/test_cron.py``.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.torture.harness import PROGRAM, Harness, eventually, installed

SCRIPT = Path(__file__).parent / "crond.sh"
NEEDED = ("cron", "crontab", "unshare", "nsenter")
MINUTES_S = 150.0  # the next full minute, a run, and another one for machines that are slow


def why_not() -> str:
    """Why there can be no cron daemon of our own here; nothing where there can."""
    if not os.environ.get("CONVSYNC_CRON"):
        return "takes minutes: asked for by CONVSYNC_CRON=1"
    if missing := [name for name in NEEDED if not shutil.which(name)]:
        return f"not installed: {', '.join(missing)} (on Debian: apt install cron util-linux)"
    if os.geteuid() != 0:
        return "needs root, for namespaces"
    bare = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], check=False)
    return "this machine allows no namespaces" if bare.returncode else ""


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@dataclass(frozen=True, slots=True)
class Daemon:
    """A cron daemon that runs, and the letters it has sent."""

    process: "subprocess.Popen[bytes]"
    mailbox: Path

    @property
    def mails(self) -> list[str]:
        return [file.read_text() for file in sorted(self.mailbox.iterdir())]

    def asks(self, harness: Harness, *arguments: str) -> dict[str, Any]:
        """The document of a command that sees the same crontab and processes as the daemon."""
        (child,) = (
            Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        )
        ended = subprocess.run(
            ["nsenter", "--target", child, "--mount", "--pid", *PROGRAM, *arguments],
            env=harness.environment,
            capture_output=True,
            check=False,
        )
        told: dict[str, Any] = json.loads(ended.stdout)
        return told


@contextlib.contextmanager
def cron(harness: Harness, crontab: str) -> Iterator[Daemon]:
    """A cron daemon over one crontab, until the test has ended."""
    file, mailbox = harness.folder / "crontab", harness.folder / "mails"
    file.write_text(crontab)
    mailbox.mkdir()
    process = subprocess.Popen(
        [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--mount-proc",
            "--kill-child",
            SCRIPT,
            file,
            mailbox,
        ]
    )
    try:
        yield Daemon(process, mailbox)
    finally:
        process.kill()  # which ends all that is in its namespaces, too
        process.wait()


def every_minute(harness: Harness) -> str:
    """What `cron print` prints, less the entries that a test of minutes cannot wait for."""
    printed = harness.runs("cron", "print").well().out
    kept = [
        line for line in printed.splitlines() if not re.match(r"[\d*]", line) or " run " in line
    ]
    assert sum(line.startswith("* * * * *") for line in kept) == 1
    return "\n".join(kept) + "\n"


def credentials(harness: Harness) -> None:
    """Write the tokens where the crontab says that they belong."""
    file = harness.folder / "convsync.env"
    lines = [f"{n}='{value}'" for n, value in harness.environment.items() if n.endswith("_TOKEN")]
    file.write_text("\n".join(lines) + "\n")
    file.chmod(0o600)


def test_jobs_are_done_a_minute_later_and_mail_tells_of_each_trouble_once(tmp_path: Path) -> None:
    with installed(tmp_path) as harness:
        harness.takes_in_leads()
        credentials(harness)
        harness.runs("enqueue-all").well()
        with cron(harness, every_minute(harness)) as daemon:
            eventually(lambda: set(harness.states()) == {"succeeded"}, MINUTES_S)
            found = {
                each["subject"]: each
                for each in daemon.asks(harness, "cron", "check", "--json")["findings"]
            }
            levels = {subject: each["level"] for subject, each in found.items()}
            assert levels.pop("runs") == "warning"  # it has not been there for ten minutes yet
            assert set(levels.values()) == {"ok"}, found
            assert found["schedule"]["message"] == "your crontab runs it"
            assert daemon.mails == []

            harness.suffers("unauthorized", workspace="acme", provider="gohighlevel")
            harness.runs("enqueue-all", "--workspace", "acme", "--not-synced-for", "0s").well()
            harness.tampers("UPDATE jobs SET requested_at = '2020-01-01T00:00:00.000Z'")
            harness.runs("enqueue-all", "--workspace", "acme").well()
            eventually(lambda: daemon.mails, MINUTES_S)
            told = len(harness.asks("SELECT 1 FROM runs WHERE ended_at IS NOT NULL"))
            eventually(
                lambda: (
                    len(harness.asks("SELECT 1 FROM runs WHERE ended_at IS NOT NULL")) >= told + 2
                ),
                2 * MINUTES_S,
            )
            (mail,) = daemon.mails
            head, _, body = mail.partition("\n\n")
            assert " run --max-seconds 50" in head
            assert body.startswith("convsync: acme/sms is not read: ")
            assert body.count("\n") == 1
