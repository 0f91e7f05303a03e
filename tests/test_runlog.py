"""The log of a run: a line for each thing, whatever the thing says."""

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from convsync_cli.runlog import LogFormat, run_log
from convsync_cli.sync.errors import OutputError
from convsync_cli.sync.model.job import Effort
from convsync_cli.sync.telemetry import JobStopped

STOPPED = JobStopped(7, "acme", "L1", "failed", "rejected", Effort(2, 30, "GET /x y"))


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 3, 1, 12, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


def written(path: Path, form: LogFormat | None = None) -> list[str]:
    """The lines of a log in which a job has failed."""
    with run_log(str(path), form, Noon()) as log:
        log.job_stopped(STOPPED)
    return path.read_text().splitlines()


def test_a_line_of_text_tells_names_and_values(tmp_path: Path) -> None:
    (line,) = written(tmp_path / "log")
    assert line == (
        f"2026-03-01T12:00:00.000Z error job.stop pid={os.getpid()} job=7 workspace=acme lead=L1"
        ' outcome=failed code=rejected requests=2 http_ms=30 slowest="GET /x y"'
    )


def test_a_line_of_json_is_a_document(tmp_path: Path) -> None:
    (line,) = written(tmp_path / "log", LogFormat.JSON)
    told = json.loads(line)
    assert (told["level"], told["event"], told["job"]) == ("error", "job.stop", 7)
    assert told["at"] == "2026-03-01T12:00:00.000Z"


def test_what_was_there_stays_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    written(tmp_path / "log")
    assert len(written(tmp_path / "log")) == 2
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("form", list(LogFormat))
def test_whatever_a_value_holds_is_one_line_without_control(
    tmp_path: Path, form: LogFormat
) -> None:
    file = tmp_path / "log"
    with run_log(str(file), form, Noon()) as log:
        log.write("info", "news", message='a\nb\r\x1b[31m "c" \u2028\u202e é', missing=None)
    (line,) = file.read_text().splitlines()
    assert line.isascii() and line.isprintable()
    assert "missing" not in line


def test_what_the_package_logs_goes_there_and_nowhere_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "log"
    with run_log(str(file), None, Noon()):
        logging.getLogger("convsync_cli.sync.worker").error("job %d: %s", 3, "ValueError")
        logging.getLogger("httpx").error("https://secret")
    assert "error log pid=" in file.read_text()
    assert 'message="job 3: ValueError"' in file.read_text()
    assert "secret" not in file.read_text()


def test_without_a_file_or_a_format_nothing_is_written(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with run_log(None, None, Noon()) as log:
        log.job_stopped(STOPPED)
    assert capfd.readouterr() == ("", "")


def test_with_a_format_alone_it_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with run_log(None, LogFormat.JSON, Noon()) as log:
        log.job_stopped(STOPPED)
    said = capfd.readouterr()
    assert said.out == ""
    assert json.loads(said.err)["event"] == "job.stop"


def test_a_full_disk_is_said_once_and_harms_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    with run_log("/dev/full", None, Noon()) as log:
        log.job_stopped(STOPPED)
        log.job_stopped(STOPPED)
    assert capfd.readouterr().err.count("cannot be written any more") == 1


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in ("missing/log", "pipe", ".", "a\0b"):
        with pytest.raises(OutputError) as caught, run_log(f"{tmp_path}/{place}", None, Noon()):
            pass
        assert caught.value.hint
