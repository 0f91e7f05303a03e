"""An operator's program that is run for each new inbound message of a workspace."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Hook:
    """What ``[workspaces.W.inbound_hook]`` says.

    ``command`` is a program and its arguments, ``timeout_s`` the seconds that it may take.
    ``environment`` is all that it gets of ours; ``max_attempts`` is how often it is run for a
    message when it asks to be run again.
    """

    command: tuple[str, ...]
    timeout_s: float
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    max_attempts: int = 3
