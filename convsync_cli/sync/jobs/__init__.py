"""One file per job kind: ``perform(claim, work) -> Outcome``, found by the kind's name."""
