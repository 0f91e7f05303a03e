"""Property lists that say what was meant."""

import plistlib
import subprocess
from pathlib import Path

from convsync_cli.schedule import launchd
from convsync_cli.schedule.tasks import tasks

from .installations import DEFAULT, awkward


def test_every_task_is_an_agent_of_its_own() -> None:
    files = launchd.files(DEFAULT)
    read = [plistlib.loads(text.encode()) for text in files.values()]
    assert [each["Label"] for each in read] == [f"convsync.{t.name}" for t in tasks(DEFAULT)]
    assert read[0]["StartInterval"] == 60
    assert read[2]["StartCalendarInterval"] == {"Hour": 2, "Minute": 17}
    assert read[0]["Umask"] == 0o077


def test_a_path_comes_out_as_it_is(tmp_path: Path) -> None:
    installation = awkward(tmp_path)
    for task, text in zip(tasks(installation), launchd.files(installation).values(), strict=True):
        read = plistlib.loads(text.encode())
        assert read["EnvironmentVariables"] == installation.environment
        ended = subprocess.run(
            read["ProgramArguments"],
            env=read["EnvironmentVariables"],
            capture_output=True,
            check=True,
        )
        told = ended.stdout.decode().split("\n")
        assert told[: len(task.arguments)] == list(task.arguments)
        assert told[-2] == ("s p" if task.connected else "")
