"""What the codes in the database mean, in plain words, for people who look at one job or lead."""

OUTCOMES = {
    "done": "read to the end",
    "retry": "failed, tried again later",
    "snooze": "had to wait, which costs no attempt",
    "failed": "given up",
    "released": "not finished in time; continues from the page it had reached",
    "lost": "the process that worked on it was killed",
}
"""The settlements of an attempt."""

CODES = {
    "budget": "the run's time was up before it was done",
    "bug": "a bug in convsync; please report it",
    "credential_unavailable": "the credential could not be read",
    "cursor_loop": "the provider's pages went in a circle",
    "forgotten": "the lead was forgotten",
    "job_timeout": "it took longer than job_timeout allows",
    "lost": "the process that worked on it was killed",
    "network": "the network failed",
    "paused": "the account was paused",
    "rate_limited": "the provider asked for a pause",
    "rejected": "the provider refused the request, or its answer could not be understood",
    "sync": "the provider could not be read",
    "timeout": "the provider did not answer in time",
    "unauthorized": "the provider refused the credential",
    "unavailable": "the provider was unavailable",
    "unknown": "the provider does not know it",
}
"""Why something did not work: the ``code`` of every error of ``errors`` that a job can meet."""


def in_words(outcome: str, code: str | None) -> str:
    """How an attempt ended and why."""
    ended = OUTCOMES.get(outcome, outcome)
    why = CODES.get(code, code) if code else None
    return ended if why in (None, ended) else f"{why}: {ended}"
