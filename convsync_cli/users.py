"""The names of the system's users."""

import os
import pwd


def name_of(number: int) -> str:
    """The name of a user, or the number where it has none, as in some containers."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def current() -> str:
    """Who runs this process; what the environment says of it counts for nothing."""
    return name_of(os.geteuid())
