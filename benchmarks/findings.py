"""
What is found out about a simulated cluster (pure).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence, Sized
from typing import Protocol

from attrs import define, field

from bastion.interfaces import HostAddress

#: Of the logins after a host's return, so many for each host are looked at.
LOGINS_AFTER = 5


class Filled(Protocol):
    """
    A host, and what is on it.

    @ivar rate: what its sessions move, in bytes per second.
    """

    weight: float
    rate: float

    @property
    def sessions(self) -> Sized:
        """
        Its sessions.
        """


def _numbers() -> array[float]:
    return array("d")


@define(eq=False)
class _Return:
    """
    A host that is back, and how many of the logins since then it got.
    """

    host: HostAddress
    fair: float
    logins: int = 0
    got: int = 0


@define
class Findings:
    """
    What a simulation has found.

    @ivar imbalance: at each sample, the sessions for their weight of the usable host with
        the most, divided by those of all usable hosts together.
    @ivar moving: the same of what the sessions move.
    @ivar rush: of each return, how many times its share of the next logins a host got.
    @ivar ranking: how long the strategy took for each login, in seconds.
    @ivar choosing: how long it took until there was a place, that included.
    @ivar returning: the logins of accounts that had been there before.
    @ivar moved: how many of these came to another host than the last time.
    """

    imbalance: array[float] = field(factory=_numbers)
    moving: array[float] = field(factory=_numbers)
    rush: array[float] = field(factory=_numbers)
    ranking: array[float] = field(factory=_numbers)
    choosing: array[float] = field(factory=_numbers)
    returning: int = 0
    moved: int = 0
    _homes: dict[bytes, HostAddress] = field(factory=dict, repr=False)
    _returns: list[_Return] = field(factory=list, repr=False)

    def sampled(self, usable: Sequence[Filled]) -> None:
        """
        This is how it is at the moment.
        """
        weight = sum(host.weight for host in usable)
        for found, numbers in (
            (self.imbalance, [len(host.sessions) for host in usable]),
            (self.moving, [host.rate for host in usable]),
        ):
            total = sum(numbers)
            if total > 0:
                fullest = max(n / host.weight for n, host in zip(numbers, usable, strict=True))
                found.append(fullest * weight / total)

    def cameBack(self, host: HostAddress, fair: float) -> None:
        """
        A host takes logins again.

        @param fair: its share of the weights.
        """
        self._returns.append(_Return(host, fair))

    def went(self, host: HostAddress) -> None:
        """
        It does not any more.
        """
        self._returns = [each for each in self._returns if each.host != host]

    def login(self, account: bytes, host: HostAddress, hosts: int) -> None:
        """
        An account was placed.

        @param hosts: how many there are.
        """
        home = self._homes.get(account)
        self._homes[account] = host
        if home is not None:
            self.returning += 1
            self.moved += home != host
        for each in self._returns:
            each.logins += 1
            each.got += each.host == host
        while self._returns and self._returns[0].logins >= LOGINS_AFTER * hosts:
            first = self._returns.pop(0)
            self.rush.append(first.got / first.logins / first.fair)
