"""Named points at which a test can have the process killed; without its variable they do nothing.

``CONVSYNC_CRASH_AT=page.saved:3`` kills the process with SIGKILL the third time that it reaches the
point ``page.saved``. What survives that survives a power cut of the process too.
"""

import os
import signal

_point, _, _nth = os.environ.get("CONVSYNC_CRASH_AT", "").partition(":")
_left = int(_nth or 1) if _point else 0


def reached(point: str) -> None:
    """Die here, if this is the point and the time."""
    global _left
    if point == _point:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
