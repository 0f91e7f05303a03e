"""Requests per second against what the rate limits allow, for one account and for many."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Figure, at_least, below
from benchmarks.one_lead import run, run_bare
from benchmarks.served import Plan, serving

ACCOUNTS = (1, 8, 32)
RATE = (90, 10)  # requests, seconds: the default for GoHighLevel; here the server refuses the 91st
SECONDS = 25
LATENCY_S = 0.05
IN_FLIGHT = 32


def figures(folder: Path, large: bool) -> Iterator[Figure]:
    """`bare` is what the limits allow; for memory, httpx with json and an upsert."""
    requests, seconds = RATE
    leads = SECONDS * requests // seconds // 2 + 10  # two requests each
    for accounts in ACCOUNTS:
        with serving(Plan(accounts, leads, 10, RATE, LATENCY_S)) as served:
            home = served.home(folder / str(accounts))
            options = ("--max-seconds", str(SECONDS), "--concurrency", str(IN_FLIGHT))
            usage = run(home, served, *options)
            traffic = served.traffic()
        name = f"{accounts} account{'s' if accounts > 1 else ''}"
        allowed = accounts * requests / seconds
        yield Figure(
            f"requests per second, {name} / allowed",
            traffic.requests / traffic.seconds,
            allowed,
            "1/s",
            at_least(0.95),
        )
        refused = 100 * traffic.refused / traffic.requests
        yield Figure(f"429 in 100 answers, {name}", refused, 0, "", below(1, "in 100"))
    with serving(Plan(1, 100, 10)) as served:
        bare = run_bare(served, folder / "bare.db", 100)
    yield Figure(
        f"peak memory, {IN_FLIGHT} in flight / httpx + json + upsert",
        usage.peak_mb,
        bare.peak_mb,
        "MB",
        below(64, "MB"),
    )
