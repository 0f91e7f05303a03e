"""When a job that can heal is tried again."""

from collections.abc import Callable

BASE_S = 15.0
CAP_S = 900.0
FLOOR_S = 1.0

Uniform = Callable[[float, float], float]


def backoff(attempt: int, uniform: Uniform) -> float:
    """Seconds to wait after attempt number ``attempt`` (from 1), with full jitter.

    Full jitter (a uniform draw between nothing and the exponential cap) spreads the retries of jobs
    that failed together: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    ceiling = min(CAP_S, BASE_S * 2.0 ** (min(attempt, 32) - 1))
    return max(FLOOR_S, uniform(0.0, ceiling))
