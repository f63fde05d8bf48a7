"""
What work costs: time, and the CPU time of a gateway.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import frozen

from benchmarks.groups import Group, Groups
from benchmarks.machine import busySeconds
from benchmarks.waiting import until

#: A gateway has something to do after the client has ended, and so has each process
#: that it has for the session.
_SETTLING = 0.15
_LONGEST_SETTLING = 10.0

#: The machine is quiet when what does not belong to the run keeps so many cores busy.
_QUIET = 0.3
_GLANCE = 0.2
#: How long a run waits for a quiet machine, in seconds, altogether.
_PATIENCE = 60.0


@frozen
class Cost:
    """
    What one piece of work took.

    @ivar wall: seconds.
    @ivar cpu: the gateway's CPU seconds.
    """

    wall: float
    cpu: float


class Meter:
    """
    Measures work, when the machine is quiet if that can be had.

    @ivar disturbance: for each piece of work, how many cores were busy with
        something else.
    """

    def __init__(self, groups: Groups) -> None:
        self.disturbance: list[float] = []
        self._groups = groups
        self._patience = _PATIENCE

    def cost(self, group: Group | None, work: Callable[[], object]) -> Cost:
        """
        Do the work.

        @param group: the gateway, if there is one.
        """
        self._waitUntilQuiet()
        before, processes = (group.cpu(), len(group.pids())) if group else (0.0, 0)
        glance = self._glance()
        work()
        wall, others = glance()
        self.disturbance.append(others)
        time.sleep(_SETTLING)
        if group is None:
            return Cost(wall, 0.0)
        until(lambda: len(group.pids()) <= processes, _LONGEST_SETTLING, "the sessions' end")
        return Cost(wall, group.cpu() - before)

    def _glance(self) -> Callable[[], tuple[float, float]]:
        """
        Look at the clocks.

        @return: what gives, later, the seconds that have passed and the cores that
            were busy with other things.
        """
        busy, own, start = busySeconds(), self._groups.cpu(), time.monotonic()

        def passed() -> tuple[float, float]:
            wall = time.monotonic() - start
            others = (busySeconds() - busy) - (self._groups.cpu() - own)
            return wall, max(others, 0.0) / max(wall, _GLANCE)

        return passed

    def _waitUntilQuiet(self) -> None:
        while self._patience > 0:
            glance = self._glance()
            time.sleep(_GLANCE)
            if glance()[1] < _QUIET:
                return
            self._patience -= _GLANCE
