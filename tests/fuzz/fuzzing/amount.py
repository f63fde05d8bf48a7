"""
How much is fuzzed.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Amount:
    """
    What somebody has asked for.

    @ivar times: how many times as much as usual; each time is a part.
    @ivar start: the first round.
    @ivar seeds: the cases to be played, and no others; empty for all.
    """

    times: int = 1
    start: int = 0
    seeds: range = range(0)

    @classmethod
    def of(cls, times: int, start: int, seeds: str | None) -> Amount:
        """
        What the options say.

        @param seeds: C{FIRST} or C{FIRST-LAST}.
        """
        if seeds is None:
            return cls(times, start)
        first, _, last = seeds.partition("-")
        return cls(times, start, range(int(first), int(last or first) + 1))


@frozen
class Spent:
    """
    What was done.

    @ivar what: what it was about.
    @ivar messages: how many were said.
    @ivar seconds: of the processor's time.
    """

    what: str
    messages: int
    seconds: float

    def __str__(self) -> str:
        rate = self.messages / self.seconds
        return f"{self.what}: {self.messages} messages in {self.seconds:.0f} s, {rate:.0f} a second"
