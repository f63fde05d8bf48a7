"""
What is forgotten when its time is over (pure).

A table for what strangers do: its size has a limit, and what would be forgotten first
makes room for what is new, as sshd does with its penalties.  Every operation takes as
long as finding a place in a sorted list does, however full the table is.

Time is a number that never becomes smaller.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush, heapreplace
from typing import Generic, Protocol, TypeVar

from attrs import define, field

#: How many are forgotten at once because of their time: more than are added, and few enough
#: that nobody waits for it when everybody's time is over at the same moment.
_AT_ONCE = 4


class Passing(Protocol):
    """
    A value that is forgotten.

    @ivar until: when.
    """

    @property
    def until(self) -> float:
        """
        See above.
        """


Key = TypeVar("Key", str, tuple[str, bytes])
Value = TypeVar("Value", bound=Passing)


@define(eq=False)
class Expiring(Generic[Key, Value]):
    """
    Values by their keys.

    @ivar limit: how many there may be.
    """

    limit: int
    _values: dict[Key, Value] = field(factory=dict, init=False, repr=False)
    # One entry for each key, with a time that its value lasts for at least: who comes up too
    # early is put back, which costs less than finding everybody whose time has changed.
    _order: list[tuple[float, Key]] = field(factory=list, init=False, repr=False)

    def __len__(self) -> int:
        """
        How many there are, those included whose time is over and that are not forgotten yet.
        """
        return len(self._values)

    def get(self, key: Key, now: float) -> Value | None:
        """
        The value of a key.
        """
        value = self._values.get(key)
        return value if value is not None and value.until > now else None

    def put(self, key: Key, value: Value, now: float) -> None:
        """
        Give a key its value, which must not end before the one that it had.
        """
        if key not in self._values:
            heappush(self._order, (value.until, key))
        self._values[key] = value
        self._forget(now)

    def items(self, now: float) -> list[tuple[Key, Value]]:
        """
        What there is, in no order.
        """
        return [each for each in self._values.items() if each[1].until > now]

    def remove(self, keys: Iterable[Key]) -> None:
        """
        Forget some of the keys that are there; this takes as long as the table is.
        """
        for key in keys:
            del self._values[key]
        self._order = [each for each in self._order if each[1] in self._values]
        heapify(self._order)

    def _forget(self, now: float) -> None:
        spare = _AT_ONCE
        while self._order and (spare > 0 or len(self._values) > self.limit):
            spare -= 1
            until, key = self._order[0]
            last = self._values[key].until
            if last > until:
                heapreplace(self._order, (last, key))
            elif until <= now or len(self._values) > self.limit:
                heappop(self._order)
                del self._values[key]
            else:
                return
