"""
What the DNS has said, for as long as it is true (pure).

Time is a number that never becomes smaller.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

from attrs import define, field, frozen

from bastion.admission.dnsverdict import Registered, Unknown, Unregistered, Verdict

#: How many verdicts are kept.
MAX_VERDICTS = 20_000
#: How much memory they may take, in bytes.
MAX_BYTES = 8 << 20
#: What one takes beside its name, in bytes: at least as much as it does.
VERDICT_BYTES = 720


@frozen
class Times:
    """
    The shortest and the longest time that a kind of verdict is kept, in seconds.
    """

    shortest: float
    longest: float

    def of(self, ttl: float) -> float:
        """
        The time for a verdict that is true so long.
        """
        return min(max(ttl, self.shortest), self.longest)


#: Who is registered, who is not, and who could not be looked up.
TIMES = {
    Registered: Times(5.0, 3600.0),
    Unregistered: Times(5.0, 300.0),
    Unknown: Times(2.0, 2.0),
}


class _Kept(NamedTuple):
    verdict: Verdict
    until: float
    size: int


@define
class VerdictCache:
    """
    The verdicts about addresses.

    When there are too many, the one that was asked for least lately makes room: of those
    that keep somebody out, if there are any, for strangers can have as many of these as
    they like.
    """

    limit: int = MAX_VERDICTS
    maxBytes: int = MAX_BYTES
    size: int = field(default=0, init=False)
    _in: OrderedDict[Hashable, _Kept] = field(factory=OrderedDict, init=False, repr=False)
    _out: OrderedDict[Hashable, _Kept] = field(factory=OrderedDict, init=False, repr=False)

    def __len__(self) -> int:
        """
        How many are kept, those included whose time is over.
        """
        return len(self._in) + len(self._out)

    def get(self, key: Hashable, now: float) -> Verdict | None:
        """
        What is known of an address.
        """
        for verdicts in (self._in, self._out):
            kept = verdicts.get(key)
            if kept is not None and kept.until > now:
                verdicts.move_to_end(key)
                return kept.verdict
        return None

    def keep(self, key: Hashable, verdict: Verdict, ttl: float, now: float) -> None:
        """
        Remember a verdict instead of an earlier one.

        @param ttl: for how long it is true, in seconds.
        """
        self._drop(key)
        name = "" if isinstance(verdict, Unknown) else verdict.name
        kept = _Kept(verdict, now + TIMES[type(verdict)].of(ttl), VERDICT_BYTES + len(name))
        (self._in if isinstance(verdict, Registered) else self._out)[key] = kept
        self.size += kept.size
        while len(self) > self.limit or self.size > self.maxBytes:
            self._drop(self._leastNeeded(now))

    def _leastNeeded(self, now: float) -> Hashable:
        for key, kept in self._in.items():
            if kept.until <= now or not self._out:
                return key
            break
        return next(iter(self._out))

    def _drop(self, key: Hashable) -> None:
        for verdicts in (self._in, self._out):
            kept = verdicts.pop(key, None)
            if kept is not None:
                self.size -= kept.size
