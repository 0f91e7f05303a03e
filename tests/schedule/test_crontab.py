"""A crontab that says what was meant, whatever the paths are called."""

import subprocess
from pathlib import Path

from convsync_cli.schedule import crontab
from convsync_cli.schedule.tasks import Rhythm, tasks

from .installations import AWKWARD, DEFAULT, awkward

EXAMPLE = Path(__file__).parents[2] / "crontab.example"


def test_the_example_is_what_is_printed_for_a_default_installation() -> None:
    """To renew it, write the left side into the file."""
    assert crontab.render(DEFAULT) == EXAMPLE.read_text(encoding="utf-8")


def test_every_line_is_a_comment_an_assignment_or_an_entry_of_six_fields() -> None:
    read = crontab.read(crontab.render(DEFAULT))
    assert read.variables == DEFAULT.environment
    assert read.commands == tuple(crontab.command(task, DEFAULT) for task in tasks(DEFAULT))


def test_a_line_that_prunes_is_there_for_who_wants_it() -> None:
    printed = crontab.render(DEFAULT)
    assert "prune" not in " ".join(crontab.read(printed).commands)
    uncommented = printed.replace("\n# 31 3 * * *", "\n31 3 * * *")
    (pruning,) = set(crontab.read(uncommented).commands) - set(crontab.read(printed).commands)
    assert pruning == "/usr/local/bin/convsync jobs prune --older-than 2d --quiet"


def test_no_line_is_longer_than_cron_reads() -> None:
    assert max(len(line) for line in crontab.render(DEFAULT).splitlines()) < 1000


def test_the_shell_of_cron_gets_every_word_as_it_was_meant(tmp_path: Path) -> None:
    installation = awkward(tmp_path)
    read = crontab.read(crontab.render(installation))
    assert read.variables == installation.environment
    for task, command in zip(tasks(installation), read.commands, strict=True):
        ended = subprocess.run(
            ["/bin/sh", "-c", command], env=read.variables, capture_output=True, check=True
        )
        config = str(tmp_path / AWKWARD / "config.toml")
        secret = "s p" if task.connected else ""
        assert ended.stdout.decode().split("\n") == [*task.arguments, config, secret, ""]
        assert ended.stderr == b""


def test_a_percent_sign_ends_no_command(tmp_path: Path) -> None:
    installation = awkward(tmp_path)
    commands = [crontab.command(task, installation) for task in tasks(installation)]
    assert all(r"\%" in each and "%" not in each.replace(r"\%", "") for each in commands)


def test_without_the_file_of_credentials_the_shell_says_nothing(tmp_path: Path) -> None:
    installation = awkward(tmp_path)
    Path(installation.environment_file).unlink()
    command = crontab.command(tasks(installation)[0], installation).replace(r"\%", "%")
    ended = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True)
    assert (ended.stdout.split()[:1], ended.stderr) == ([b"run"], b"")


def test_names_of_variables_are_told_and_the_file_for_their_values() -> None:
    text = crontab.render(DEFAULT)
    assert "#   ACME_GHL_TOKEN\n" in text
    assert "/etc/convsync/convsync.env" in text


def test_reading_knows_comments_quotes_and_the_system_s_user() -> None:
    text = (
        "# * * * * * convsync run\n  MAILTO = \"a b\" \nX='y'\n@daily root /bin/a --b\n"
        "*/5 1-2 * jan,feb mon ann /opt/convsync run \\% x\n\n"
    )
    read = crontab.read(text, with_user=True)
    assert read.variables == {"MAILTO": "a b", "X": "y"}
    assert read.commands == ("/bin/a --b", "/opt/convsync run % x")


def test_rhythms_are_written_as_cron_and_systemd_write_them() -> None:
    assert (Rhythm(minutes=1).cron, Rhythm(minutes=5).cron) == ("* * * * *", "*/5 * * * *")
    assert (Rhythm(hour=2, minute=17).cron, Rhythm(hour=2, minute=17).calendar) == (
        "17 2 * * *",
        "*-*-* 02:17:00",
    )
