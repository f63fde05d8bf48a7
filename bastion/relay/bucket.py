"""
How much may pass a ceiling by now: a token bucket (pure).

A token is a byte.  Tokens come at a rate, and are kept up to a burst; who passes takes
them.  A bucket can be overdrawn: what is taken before it is there is missing afterwards,
so that over a long time no more passes than the rate allows.

Time is a number in seconds.  When it is set back, the bucket begins to count from there:
nobody waits until the time that it was.
"""

from __future__ import annotations

from attrs import define, field


@define(eq=False)
class Bucket:
    """
    Tokens that come by themselves.

    @ivar rate: how many come in a second; more than 0.
    @ivar burst: how many are kept.
    """

    rate: float
    burst: float
    _level: float
    _at: float = field(repr=False)

    def level(self, now: float) -> float:
        """
        How many there are; less than 0 while it is overdrawn.
        """
        passed = max(0.0, now - self._at)
        self._at = now
        self._level = min(self.burst, self._level + passed * self.rate)
        return self._level

    def take(self, size: int, now: float) -> None:
        """
        Take tokens, also those that have not come yet.
        """
        self._level = self.level(now) - size

    def restore(self, size: int, now: float) -> None:
        """
        Give back what was taken and not used; what is more than a burst then is lost.
        """
        self._level = self.level(now) + size

    def when(self, size: int, now: float) -> float:
        """
        The time at which there are so many: C{now} if there are already.  More than a
        burst there never are; a full bucket is all that can be waited for.
        """
        missing = min(size, self.burst) - self.level(now)
        return now + max(0.0, missing) / self.rate
