"""
Connections to hosts that are ready before they are needed.

Most of a login's time is spent waiting for the host: it starts a process and
exchanges keys before it asks for a password.  Where logins follow each other,
a host can have done that for the next one already.

It has a price at the host: each such connection is one of those that its
MaxStartups counts, and one that is not used after all is one without a login in
its log, which OpenSSH from 9.8 on counts against the bastion (PerSourcePenalties).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall

from bastion.interfaces import HostAddress
from bastion.ssh.identification import toHosts
from bastion.upstream.attempt import Attempt
from bastion.upstream.site import Site

#: How long a connection is kept, in seconds: a quarter of what OpenSSH gives it for the
#: login (LoginGraceTime), so that whoever gets it has time enough.
AGE = 30.0


@define
class _Kept:
    """
    @ivar attempt: a connection.
    @ivar old: when it is too old.
    """

    attempt: Attempt
    old: IDelayedCall


@define
class ReadyConnections:
    """
    The ready connections of one cluster.

    @ivar site: how to connect to its hosts.
    @ivar count: how many are kept for each host.
    @ivar makeService: makes the login service for a host.
    """

    site: Site
    count: int
    makeService: Callable[[HostAddress], Any]
    _kept: dict[tuple[HostAddress, bytes], deque[_Kept]] = field(factory=dict, init=False)

    def prepare(self, host: HostAddress, client: bytes) -> None:
        """
        Somebody has logged in to C{host}: have connections ready for the next.

        @param client: the identification string of that somebody's program; what
            we say of ourselves to the host depends on it.
        """
        kept = self._kept.setdefault((host, toHosts(client)), deque())
        while len(kept) < self.count:
            attempt = Attempt(self.site, host, self.makeService(host), client)
            old = self.site.clock.callLater(AGE, self._expire, kept)
            kept.append(_Kept(attempt, old))

    def _expire(self, kept: deque[_Kept]) -> None:
        """
        The oldest has become too old.
        """
        kept.popleft().attempt.drop()

    def take(self, host: HostAddress, client: bytes) -> Attempt | None:
        """
        A connection to C{host}, ready or not quite yet, if there is one.
        """
        kept = self._kept.get((host, toHosts(client)), ())
        while kept:
            oldest = kept.popleft()
            oldest.old.cancel()
            if not oldest.attempt.over:
                return oldest.attempt
            oldest.attempt.drop()
        return None

    def close(self) -> None:
        """
        Keep none any longer.
        """
        for kept in self._kept.values():
            while kept:
                oldest = kept.popleft()
                oldest.old.cancel()
                oldest.attempt.drop()
