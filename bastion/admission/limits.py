"""
How many strangers may be at the door at once (pure).

As MaxStartups and PerSourceMaxStartups of sshd_config(5).
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from attrs import define, field

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NetBlock(NamedTuple):
    """
    How much of an address counts, in bits, as PerSourceNetBlockSize of
    sshd_config(5): an IPv4 address, or the /64 that an IPv6 host can choose its
    addresses from.
    """

    ipv4: int = 32
    ipv6: int = 64


#: What counts when nothing else is said.
NETBLOCK = NetBlock()


def unmapped(address: Address) -> Address:
    """
    An IPv4 address in its own form, also if it came in IPv6's.
    """
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address
    return address


def network(address: Address, block: NetBlock = NETBLOCK) -> str:
    """
    What counts as one source: an address, or the network that it is in.
    """
    address = unmapped(address)
    length = block.ipv4 if isinstance(address, ipaddress.IPv4Address) else block.ipv6
    rest = address.max_prefixlen - length
    if not rest:
        return str(address)
    # Not ip_network(), which takes ten times as long; this is done for every connection.
    return f"{type(address)(int(address) >> rest << rest)}/{length}"


@define
class Startups:
    """
    The connections of one gateway that have not logged in yet.

    @ivar start: from so many on, newcomers are dropped by chance.
    @ivar rate: the chance at C{start}, in percent; it rises to 100 at C{full}.
    @ivar full: from so many on, every newcomer is dropped.
    @ivar perSource: from so many on, newcomers of that source are dropped.
    @ivar chance: a number from 0 up to 1, anew at each call.
    @ivar block: what counts as one source.
    @ivar total: how many they are.
    """

    start: int
    rate: int
    full: int
    perSource: int
    chance: Callable[[], float]
    block: NetBlock = NETBLOCK
    _sources: Counter[str] = field(factory=Counter, init=False)
    total: int = field(default=0, init=False)

    def refusal(self, address: Address) -> str | None:
        """
        Why a newcomer from C{address} is dropped, for the log; L{None} if it
        may stay.
        """
        if self._sources[network(address, self.block)] >= self.perSource:
            return f"{self.perSource} connections of its source have not logged in yet"
        if self.chance() < self._dropRate():
            return f"{self.total} connections have not logged in yet"
        return None

    def _dropRate(self) -> float:
        if self.total < self.start:
            return 0.0
        if self.total >= self.full:
            return 1.0
        first = self.rate / 100
        return first + (1 - first) * (self.total - self.start) / (self.full - self.start)

    def arrived(self, address: Address) -> Startup:
        """
        Count a newcomer; what is returned ends its time as one.
        """
        source = network(address, self.block)
        self.total += 1
        self._sources[source] += 1
        return Startup(self, source)

    def _left(self, source: str) -> None:
        self.total -= 1
        self._sources[source] -= 1
        if not self._sources[source]:
            del self._sources[source]


@define
class Startup:
    """
    One connection that has not logged in yet.
    """

    _startups: Startups
    _source: str
    _over: bool = field(default=False, init=False)

    def over(self) -> None:
        """
        It has logged in, or is gone; a second time does nothing.
        """
        if not self._over:
            self._over = True
            self._startups._left(self._source)
