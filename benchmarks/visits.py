"""
Who comes to a simulated site, when, and for how long (pure).
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

DAY = 86_400.0
#: A login for each host, in so many seconds on average.
EVERY = 120.0
#: Accounts for each host, and how unevenly they are used (the exponent of Zipf's law).
ACCOUNTS, ZIPF = 50, 0.8
#: How much more than on average, and less, comes at the busiest time and at the quietest.
TIDE = 0.8
#: Of so many visits, a second connection is opened at the same moment, as editors do.
SECOND = 0.2
#: What is moved by a transfer, as the median, and by a terminal, in bytes per second.
TRANSFER, TYPING = 5e6, 2e3
#: Nobody stays longer, in seconds.
LONGEST = 14 * DAY


class Visit(NamedTuple):
    """
    One connection.

    @ivar when: in seconds.
    @ivar seconds: how long it lasts.
    @ivar rate: what it moves, in bytes per second.
    """

    when: float
    account: bytes
    seconds: float
    rate: float


class Crowd:
    """
    The people of a site of so many hosts; the same each time for the same seed.

    Six visits in ten are a transfer of a minute, three are an hour at a terminal, and
    one is of hours or days: most of the time is spent by few.  A tenth of the long ones
    fetch terabytes.
    """

    def __init__(self, hosts: int, seed: int) -> None:
        self._pause = EVERY / hosts
        self._chance = random.Random(seed)
        popularity = (1 / rank**ZIPF for rank in range(1, ACCOUNTS * hosts + 1))
        self._heights = list(accumulate(popularity))

    def visits(self, count: int) -> Iterator[Visit]:
        """
        So many, in the order of time: as a Poisson process with more by day than by night.
        """
        chance = self._chance
        now, most = 0.0, 1 + TIDE
        while count > 0:
            now += chance.expovariate(most / self._pause)
            if chance.random() * most > self._tide(now):
                continue
            account = self._account()
            for _ in range(1 + (chance.random() < SECOND)):
                yield Visit(now, account, *self._stay())
                count -= 1

    def _tide(self, now: float) -> float:
        return 1 + TIDE * math.sin(2 * math.pi * (now / DAY - 0.375))

    def _account(self) -> bytes:
        heights = self._heights
        return b"in%d" % bisect(heights, self._chance.random() * heights[-1])

    def _stay(self) -> tuple[float, float]:
        """
        How long, and what it moves.
        """
        chance = self._chance
        kind = chance.random()
        transfer = chance.lognormvariate(math.log(TRANSFER), 1)
        if kind < 0.6:
            return chance.lognormvariate(math.log(30), 1.2), transfer
        if kind < 0.9:
            return min(chance.lognormvariate(math.log(1800), 1.4), LONGEST), TYPING
        rate = transfer if kind < 0.91 else TYPING
        return min(7200 * chance.paretovariate(1.2), LONGEST), rate
