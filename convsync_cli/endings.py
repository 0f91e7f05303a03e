"""The signals that ask a command to end."""

import signal


def endings() -> tuple[signal.Signals, ...]:
    """Those of a person, of a machine that goes down, and of a terminal that is closed.

    The last is none of them after nohup(1), which has it ignored.
    """
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM, *(() if ignored else (signal.SIGHUP,)))
