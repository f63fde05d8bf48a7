"""
C{twistd} with a watch on its reactor: how long it was away from a clock that
ticks every 10 ms.

Run as a program, before twistd's arguments it wants the path of a file, where
it writes at its end when a tick was late, the gap before it, and for how much of
the gap the reactor's thread had worked: else it had waited, for the tick, a core
or a disk.  L{longest} reads it.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

#: Seconds between two ticks.
TICK = 0.01
#: What is not written down: as long as this a tick may take on an idle machine.
_PUNCTUAL = 0.015
_MOST = 100_000


class Away(NamedTuple):
    """
    How long the reactor was away from its clock, in seconds.

    @ivar gap: the time between two ticks.
    @ivar work: for how much of it the reactor's thread worked.
    """

    gap: float
    work: float


def longest(text: str, start: float, end: float) -> Away:
    """
    The longest gap between two ticks that ended in a span of time.

    @param text: what the program has written.
    @param start: a time of L{time.monotonic}, which all processes share.
    @return: L{TICK} and no work when every tick was punctual.
    """
    late = (tuple(map(float, line.split())) for line in text.splitlines())
    found = (Away(gap, work) for when, gap, work in late if start <= when <= end)
    return max(found, default=Away(TICK, 0.0))


class Ticker:
    """
    Notes the gaps between its calls.
    """

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._worked = time.thread_time()
        self._late: deque[tuple[float, Away]] = deque(maxlen=_MOST)

    def tick(self) -> None:
        """
        The clock has ticked.
        """
        now, worked = time.monotonic(), time.thread_time()
        away = Away(now - self._last, worked - self._worked)
        self._last, self._worked = now, worked
        if away.gap > _PUNCTUAL:
            self._late.append((now, away))

    def lines(self) -> Iterable[str]:
        """
        When a tick was late, the gap before it and the work in it, all in seconds.
        """
        return (f"{when:.4f} {gap:.4f} {work:.4f}\n" for when, (gap, work) in self._late)


def main() -> None:
    """
    Run twistd with the ticker.
    """
    from twisted.internet import reactor
    from twisted.internet.task import LoopingCall
    from twisted.scripts.twistd import run

    path, ticker = Path(sys.argv.pop(1)), Ticker()
    LoopingCall(ticker.tick).start(TICK, now=False)
    reactor.addSystemEventTrigger(
        "after", "shutdown", lambda: path.write_text("".join(ticker.lines()))
    )
    run()


if __name__ == "__main__":
    main()
