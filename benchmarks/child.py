"""A child Python, and what it used from its start to its end."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

# ru_maxrss of a child begins with the size of its parent, so that a child says itself what its peak
# was. Linux only.
_TELL_PEAK = """
import atexit, sys
@atexit.register
def tell():
    with open("/proc/self/status") as status:
        peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    print(peak, file=sys.stderr)
"""


@dataclass(frozen=True, slots=True)
class Used:
    """Seconds of CPU, and the most memory at once."""

    cpu_s: float
    peak_mb: float


def used(code: str, arguments: list[str], environ: Mapping[str, str]) -> Used:
    """What ``python -c`` used."""
    command = [sys.executable, "-c", _TELL_PEAK + code, *arguments]
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stderr is not None
        said = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(said)
    return Used(usage.ru_utime + usage.ru_stime, int(said.split()[-1]) / 1024)
