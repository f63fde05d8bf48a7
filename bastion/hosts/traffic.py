"""
How much the sessions on each host move at the moment.

The sessions count their bytes anyway; every L{SAMPLE_EVERY} seconds somebody looks.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from bastion.interfaces import HostAddress

#: How often the counters are read, in seconds.
SAMPLE_EVERY = 2.0
#: The time constant of the moving average, in seconds: a file of a few seconds counts
#: little, a transfer of a minute fully.
SMOOTHING = 10.0
#: Less than so much is nothing, in bytes per second.
_NOTHING = 1.0


@define(eq=False)
class Meter:
    """
    What one session has moved.

    @ivar total: tells how many bytes so far, both ways.
    @ivar seen: how many they were when they were looked at last.
    """

    host: HostAddress
    total: Callable[[], int]
    seen: int = 0


@define(eq=False)
class Traffic:
    """
    The moving averages of one cluster's hosts.
    """

    clock: IReactorTime
    _meters: set[Meter] = field(factory=set, init=False)
    _rates: dict[HostAddress, float] = field(factory=dict, init=False)
    _ended: defaultdict[HostAddress, int] = field(factory=lambda: defaultdict(int), init=False)
    _next: IDelayedCall | None = field(default=None, init=False)
    _sampledAt: float = field(default=0.0, init=False)

    def rate(self, host: HostAddress) -> float:
        """
        What the sessions on C{host} move, in bytes per second.
        """
        return self._rates.get(host, 0.0)

    def begin(self, host: HostAddress, total: Callable[[], int]) -> Meter:
        """
        A session begins.

        @param total: tells how many bytes it has moved so far, both ways.
        """
        meter = Meter(host, total)
        self._meters.add(meter)
        if self._next is None:
            self._sampledAt = self.clock.seconds()
            self._again()
        return meter

    def end(self, meter: Meter) -> None:
        """
        It is over; a second time does nothing.
        """
        if meter in self._meters:
            self._meters.remove(meter)
            self._ended[meter.host] += meter.total() - meter.seen

    def _again(self) -> None:
        self._next = self.clock.callLater(SAMPLE_EVERY, self._sample)

    def _sample(self) -> None:
        """
        Look at every session, and go on while there is anything to see.
        """
        moved, self._ended = self._ended, defaultdict(int)
        for meter in self._meters:
            total = meter.total()
            moved[meter.host] += total - meter.seen
            meter.seen = total
        now = self.clock.seconds()
        # A clock that is set back is no reason to divide by nothing.
        passed = max(now - self._sampledAt, SAMPLE_EVERY)
        self._sampledAt = now
        share = 1 - math.exp(-passed / SMOOTHING)
        for host in {*self._rates, *moved}:
            before = self._rates.get(host, 0.0)
            self._rates[host] = before + share * (moved[host] / passed - before)
            if self._rates[host] < _NOTHING:
                del self._rates[host]
        self._next = None
        if self._meters or self._rates:
            self._again()

    def stop(self) -> None:
        """
        Look no more.
        """
        if self._next is not None:
            self._next.cancel()
            self._next = None
