"""
Logging in with a password, C{ssh host true}, one after the other and many at once.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks.way import Scale, Way

#: How many at once.
CROWDS = (8, 32)


def login(way: Way, scale: Scale) -> dict[str, float]:
    """
    One after the other.
    """
    times: list[float] = []

    def work() -> None:
        for _ in range(scale.logins):
            start = time.monotonic()
            once(way)
            times.append(time.monotonic() - start)

    cost = way.cost(work)
    found = {"login.wall": 1e3 * statistics.median(times)}
    if way.group is not None:
        found["login.cpu"] = 1e3 * cost.cpu / scale.logins
    return found


def logins(way: Way, scale: Scale) -> dict[str, float]:
    """
    Many at once.
    """
    return {f"logins.{crowd}": _perSecond(way, scale.burst, crowd) for crowd in CROWDS}


def _perSecond(way: Way, count: int, crowd: int) -> float:
    return count / way.cost(lambda: atOnce(lambda: once(way), count, crowd)).wall


def once(way: Way) -> None:
    """
    Log in and leave.
    """
    way.client.run(way.client.ssh("true"))


def atOnce(work: Callable[[], None], count: int, crowd: int) -> None:
    """
    Do something so many times, C{crowd} of them at once; stop at the first failure.
    """
    with ThreadPoolExecutor(crowd) as pool:
        done = [pool.submit(work) for _ in range(count)]
        try:
            for each in done:
                each.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
