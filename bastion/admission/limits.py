"""
How many strangers may be at the door at once (pure).

As MaxStartups and PerSourceMaxStartups of sshd_config(5), but for one thing: where a
newcomer would be dropped because of all the others, the source that has the most who have
not even named an account gives up a place of these, if they are more than the newcomer's
own source would have.  So whoever fills all places with silence from few addresses keeps
nobody out, and nobody who is logging in loses his place.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from attrs import define, field

from bastion.admission.sources import Address, unmapped


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


@lru_cache(maxsize=1024)
def network(address: Address, block: NetBlock = NETBLOCK) -> str:
    """
    What counts as one source: an address, or the network that it is in.
    """
    address = unmapped(address)
    length = block.ipv4 if isinstance(address, ipaddress.IPv4Address) else block.ipv6
    rest = address.max_prefixlen - length
    if not rest:
        return str(address)
    # Not ip_network(), which takes ten times as long; this is done for every connection,
    # by each of those who count.
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
    # By source, in the order in which they came: a dict, as a set has none.
    _sources: dict[str, dict[Startup, None]] = field(factory=dict, init=False)
    total: int = field(default=0, init=False)

    def refusal(self, address: Address, mayTake: bool) -> str | None:
        """
        Why a newcomer from C{address} is dropped, for the log; L{None} if it
        may stay.  Another one may have lost its place for it then.

        @param mayTake: whether it may have another one's place: not who cannot log in
            anyway.
        """
        source = network(address, self.block)
        if len(self._sources.get(source, ())) >= self.perSource:
            return f"{self.perSource} connections of its source have not logged in yet"
        if self.chance() < self._dropRate() and not (mayTake and self._makeRoom(source)):
            return f"{self.total} connections have not logged in yet"
        return None

    def _dropRate(self) -> float:
        if self.total < self.start:
            return 0.0
        if self.total >= self.full:
            return 1.0
        first = self.rate / 100
        return first + (1 - first) * (self.total - self.start) / (self.full - self.start)

    def _makeRoom(self, source: str) -> bool:
        """
        Take a place of a stranger's from the source that has the most of them, unless
        C{source} would have as many.
        """
        sources = self._sources.values()
        strangers = ([each for each in places if not each.named] for places in sources)
        most = max(strangers, key=len, default=[])
        if len(most) <= len(self._sources.get(source, ())) + 1:
            return False
        loser = most[0]
        loser.over()
        loser.lost()
        return True

    def arrived(self, address: Address, lost: Callable[[], None]) -> Startup:
        """
        Count a newcomer; what is returned ends its time as one.

        @param lost: called when its place goes to another source.
        """
        source = network(address, self.block)
        startup = Startup(self, source, lost)
        self.total += 1
        self._sources.setdefault(source, {})[startup] = None
        return startup

    def _left(self, startup: Startup, source: str) -> None:
        self.total -= 1
        del self._sources[source][startup]
        if not self._sources[source]:
            del self._sources[source]


@define(eq=False)
class Startup:
    """
    One connection that has not logged in yet.

    @ivar lost: called when its place goes to another source.
    @ivar named: whether it has named the account.
    """

    _startups: Startups
    _source: str
    lost: Callable[[], None]
    named: bool = field(default=False, init=False)
    _over: bool = field(default=False, init=False)

    def over(self) -> None:
        """
        It has logged in, or is gone; a second time does nothing.
        """
        if not self._over:
            self._over = True
            self._startups._left(self, self._source)
