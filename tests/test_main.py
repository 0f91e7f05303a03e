"""The first moment of a process, before anything of ours can end it softly."""

import signal
import subprocess
import sys

STOPPED_WHILE_LOADING = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "convsync_cli.cli":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
from convsync_cli.__main__ import entry
entry()
"""


def test_who_changes_their_mind_at_once_sees_no_traceback() -> None:
    command = [sys.executable, "-c", STOPPED_WHILE_LOADING]
    ended = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, b"")
