"""
Which host a key sticks to, in one cluster (pure).

A key is on a host while it has a connection there, and is remembered for a while after
the last one has ended.  It sticks to a host that it is on, or else to one that
remembers it; of several, to the one that it came to last.

Time is a number that never becomes smaller.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from attrs import define, field

from bastion.interfaces import HostAddress

#: How many places are forgotten at once, at most: more than are added, and few enough
#: that nobody waits for it when everybody's time is over at the same moment.
_AT_ONCE = 4


class Stays(NamedTuple):
    """
    Which key is on which host, as it can be written down: a column each, for an object
    each would keep the garbage collector busy, and everybody waiting.

    @ivar left: for how long the host would remember the key, in seconds, if its
        connections ended now; if not above 0, it does not any more.
    """

    keys: list[bytes]
    hosts: list[HostAddress]
    left: list[float]


@define(eq=False)
class _Place:
    """
    A key on a host.

    @ivar connections: how many there are; with none it is remembered.
    @ivar seconds: for how long it will be.
    @ivar until: when it is forgotten.
    """

    key: bytes
    host: HostAddress
    connections: int = 0
    seconds: float = 0.0
    until: float = 0.0


@define
class StickTable:
    """
    The keys of one cluster.

    @ivar limit: how many places are remembered; the one whose time would be over first
        makes room.  Those with a connection are not counted.
    """

    limit: int
    # Of each key, the host that it came to last stands last.
    _keys: dict[bytes, dict[HostAddress, _Place]] = field(factory=dict, init=False, repr=False)
    # Those without a connection; the one that ended first stands first.
    _remembered: OrderedDict[_Place, None] = field(factory=OrderedDict, init=False, repr=False)

    def __len__(self) -> int:
        """
        The number of keys, those included that are not forgotten yet but will be.
        """
        return len(self._keys)

    def came(self, key: bytes, host: HostAddress, seconds: float) -> None:
        """
        A key has one connection more.

        @param seconds: for how long it is remembered after the last one.
        """
        places = self._keys.setdefault(key, {})
        place = places.pop(host, None) or _Place(key, host)
        places[host] = place
        place.connections += 1
        place.seconds = seconds
        self._remembered.pop(place, None)

    def went(self, key: bytes, host: HostAddress, now: float) -> None:
        """
        A key that L{came} has one connection less.
        """
        place = self._keys[key][host]
        place.connections -= 1
        if not place.connections:
            place.until = now + place.seconds
            self._remembered[place] = None
        self._forget(now)

    def host(self, key: bytes, now: float) -> HostAddress | None:
        """
        The host that a key sticks to, if there is one.
        """
        remembered = None
        for place in reversed(self._keys.get(key, {}).values()):
            if place.connections:
                return place.host
            if remembered is None and place.until > now:
                remembered = place.host
        return remembered

    def hosts(self, key: bytes, now: float) -> list[HostAddress]:
        """
        Every host that a key would stick to, if those before it were not there.
        """
        places = [*reversed(self._keys.get(key, {}).values())]
        connected = [place.host for place in places if place.connections]
        remembered = [each.host for each in places if not each.connections and each.until > now]
        return connected + remembered

    def latest(self, key: bytes) -> HostAddress | None:
        """
        The host that a key came to last, whether it still has a connection there or not.
        """
        return next(reversed(self._keys.get(key, {})), None)

    def stays(self, now: float) -> Stays:
        """
        Everything, to be written down: L{restore} makes a table of it in which the keys
        have no connections any more.
        """
        places = [place for each in self._keys.values() for place in each.values()]
        return Stays(
            [place.key for place in places],
            [place.host for place in places],
            [place.seconds if place.connections else place.until - now for place in places],
        )

    def restore(self, stays: Stays, now: float) -> None:
        """
        Fill a table that is empty.
        """
        for key, host, left in zip(*stays, strict=True):
            self._keys.setdefault(key, {})[host] = _Place(key, host, until=now + left)
        places = [place for each in self._keys.values() for place in each.values()]
        for place in sorted(places, key=lambda place: place.until):
            self._remembered[place] = None

    def _forget(self, now: float) -> None:
        for _ in range(_AT_ONCE):
            first = next(iter(self._remembered), None)
            if first is None or (first.until > now and len(self._remembered) <= self.limit):
                return
            del self._remembered[first]
            places = self._keys[first.key]
            del places[first.host]
            if not places:
                del self._keys[first.key]
