"""``convsync`` and ``python -m convsync_cli``."""

import gc
import signal
import sys

QUIET_OBJECTS = 20_000


def entry() -> None:
    """Run the command line, and end the process with its exit code.

    Loading modules makes many objects and no garbage; looking for it every 700 objects, as Python
    does, is a tenth of a short command's time.
    """
    gc.set_threshold(QUIET_OBJECTS)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until ``main`` ends softly: no traceback
    from convsync_cli.sync.clock import SystemClock

    began = SystemClock().monotonic()
    from convsync_cli.cli import main

    sys.exit(main(began=began))


if __name__ == "__main__":
    entry()
