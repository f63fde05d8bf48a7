"""
C{twistd} with a watch on its reactor: how long it was away from a clock that
ticks every 10 ms.

Run as a program, before twistd's arguments it wants the path of a file, where
it writes at its end when a tick was late and by how much.  L{longest} reads it.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

#: Seconds between two ticks.
TICK = 0.01
#: What is not written down: as long as this a tick may take on an idle machine.
_PUNCTUAL = 0.015
_MOST = 100_000


def longest(text: str, start: float, end: float) -> float:
    """
    The longest gap between two ticks that ended in a span of time.

    @param text: what the program has written.
    @param start: a time of L{time.monotonic}, which all processes share.
    @return: in seconds; L{TICK} when every tick was punctual.
    """
    gaps = (tuple(map(float, line.split())) for line in text.splitlines())
    return max((gap for when, gap in gaps if start <= when <= end), default=TICK)


class Ticker:
    """
    Notes the gaps between its calls.
    """

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._gaps: deque[tuple[float, float]] = deque(maxlen=_MOST)

    def tick(self) -> None:
        """
        The clock has ticked.
        """
        now = time.monotonic()
        gap = now - self._last
        self._last = now
        if gap > _PUNCTUAL:
            self._gaps.append((now, gap))

    def lines(self) -> Iterable[str]:
        """
        When a tick was late, and the gap before it, both in seconds.
        """
        return (f"{when:.4f} {gap:.4f}\n" for when, gap in self._gaps)


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
