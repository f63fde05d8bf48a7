"""
Leases and stickiness, in the memory of this process.
"""

from __future__ import annotations

from collections import Counter

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from bastion.interfaces import HostAddress


@define(eq=False)
class Lease:
    """
    A place taken on a host.

    @ivar host: the host.
    @ivar account: for whom.
    """

    host: HostAddress
    account: bytes
    _leases: Leases = field(repr=False)
    _confirmed: bool = False
    _released: bool = False

    def confirm(self) -> None:
        """
        The host has accepted the login: the account sticks to it from now on.
        """
        self._confirmed = True
        self._leases.stick(self.account, self.host, +1)

    def release(self) -> None:
        """
        Give the place back; a second time does nothing.
        """
        if self._released:
            return
        self._released = True
        self._leases.sessions[self.host] -= 1
        if self._confirmed:
            self._leases.stick(self.account, self.host, -1)


@define
class _Sticky:
    """
    @ivar connections: how many an account has on each host; the host that it
        came to last stands last.
    @ivar until: when it is forgotten once there are none, by the clock.
    """

    connections: dict[HostAddress, int] = field(factory=dict)
    until: float = 0.0

    @property
    def inUse(self) -> bool:
        """
        Whether there is a connection.
        """
        return any(self.connections.values())

    @property
    def host(self) -> HostAddress:
        """
        The latest host with a connection; if there is none, the latest.
        """
        latest = [*reversed(self.connections)]
        return next((host for host in latest if self.connections[host]), latest[0])


@define
class Leases:
    """
    Who is on which host of one cluster, and was there lately.

    Only accounts that a host has accepted are remembered: a stranger cannot
    make this grow.

    @ivar clock: what time it is.
    @ivar sticky: for how long an account comes back to its host after its last
        connection has ended, in seconds; 0 for not at all.
    @ivar sessions: the number of leases on each host.
    """

    clock: IReactorTime
    sticky: float
    sessions: Counter[HostAddress] = field(factory=Counter, init=False)
    _accounts: dict[bytes, _Sticky] = field(factory=dict, init=False, repr=False)

    def acquire(self, host: HostAddress, account: bytes) -> Lease:
        """
        Take a place on C{host}.
        """
        self.sessions[host] += 1
        return Lease(host, account, self)

    def stickyHost(self, account: bytes) -> HostAddress | None:
        """
        The host that C{account} should come back to, if there is one.
        """
        self._forget()
        entry = self._accounts.get(account)
        return entry.host if entry is not None else None

    def stick(self, account: bytes, host: HostAddress, change: int) -> None:
        """
        Note that C{account} has one connection more, or less, on C{host}.
        """
        if not self.sticky:
            return
        # Moved to the end: those that are forgotten first stand first.
        entry = self._accounts.pop(account, None) or _Sticky()
        self._accounts[account] = entry
        connections = entry.connections.pop(host, 0) if change > 0 else entry.connections[host]
        entry.connections[host] = connections + change
        entry.until = self.clock.seconds() + self.sticky

    def _forget(self) -> None:
        now = self.clock.seconds()
        over = [
            account
            for account, entry in self._accounts.items()
            if not entry.inUse and entry.until <= now
        ]
        for account in over:
            del self._accounts[account]
