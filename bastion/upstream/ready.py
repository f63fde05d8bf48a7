"""
Connections to hosts that are ready before they are needed.

Most of a login's time is spent waiting for the host: it starts a process and
exchanges keys before it asks for a password.  Two things take that out of a login:

 - A connection that is I{begun} while the client is still exchanging keys itself, to
   the host that it will probably go to.  If it goes elsewhere, or to nowhere, the
   connection is not thrown away: the next one may need it.
 - Where logins follow each other, a host can be kept I{ready} for the next one.

Both have a price at the host: each such connection is one of those that its
MaxStartups counts, and one that is not used after all is one without a login in its
log, which OpenSSH from 9.8 on counts against the bastion (PerSourcePenalties: a second
for each).  So what strangers can make us begin is bounded, for each host, and is given
up only when it is too old: that is L{MAX_BEGUN} in L{AGE} seconds, and so fewer than one
a second, which OpenSSH forgives as fast as it counts them.

Hosts that are told of the client get neither: each connection to them says from its first
byte on whose it is, and none can be given to somebody else.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall

from bastion.interfaces import HostAddress
from bastion.ssh.identification import toHosts
from bastion.upstream.attempt import Attempt
from bastion.upstream.site import Site

#: How long a connection is kept, in seconds.  The host's LoginGraceTime has begun with it,
#: and what is left of that is for whoever gets it to type a password: of the 30 seconds
#: that a strict host gives, of the 60 of the hardening guides, of OpenSSH's own 120.
AGE = 10.0
#: How many connections to one host may be begun for logins that may never come, and kept
#: of those that did not.
MAX_BEGUN = 4


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
    @ivar count: how many are kept for each host while logins follow each other.
    @ivar makeService: makes the login service for a host.
    """

    site: Site
    count: int
    makeService: Callable[[HostAddress], Any]
    _kept: dict[tuple[HostAddress, bytes], deque[_Kept]] = field(factory=dict, init=False)
    _begun: Counter[HostAddress] = field(factory=Counter, init=False)

    def begin(self, host: HostAddress, client: bytes) -> Attempt | None:
        """
        Somebody may be about to log in to C{host}.

        @param client: the identification string of that somebody's program; what
            we say of ourselves to the host depends on it.
        @return: a connection, ready or not yet, to be L{used} or given L{back};
            L{None} when there are too many, or when it could be for nobody else.
        """
        if self.site.announces:
            return None
        attempt = self.take(host, client)
        if attempt is None and self._begun[host] + self._count(host) < MAX_BEGUN:
            attempt = Attempt(self.site, host, self.makeService(host), client)
        if attempt is not None:
            self._begun[host] += 1
        return attempt

    def used(self, attempt: Attempt) -> None:
        """
        What was begun has found its login.
        """
        self._begun[attempt.host] -= 1

    def back(self, attempt: Attempt, client: bytes) -> None:
        """
        It has not: keep it for the next.
        """
        self.used(attempt)
        room = max(MAX_BEGUN, self.count) - self._count(attempt.host)
        left = attempt.since + AGE - self.site.clock.seconds()
        if attempt.over or left <= 0 or room <= 0:
            attempt.drop()
        else:
            self._keep(attempt, client, left)

    def prepare(self, host: HostAddress, client: bytes) -> None:
        """
        Somebody has logged in to C{host}: have connections ready for the next.
        """
        if self.site.announces:
            return
        kept = self._keptFor(host, client)
        while self.site.reports.isWell(host) and len(kept) < self.count:
            attempt = Attempt(self.site, host, self.makeService(host), client)
            self._keep(attempt, client, AGE)

    def _keptFor(self, host: HostAddress, client: bytes) -> deque[_Kept]:
        return self._kept.setdefault((host, toHosts(client)), deque())

    def _keep(self, attempt: Attempt, client: bytes, seconds: float) -> None:
        kept = self._keptFor(attempt.host, client)
        one = _Kept(attempt, self.site.clock.callLater(seconds, lambda: self._expire(kept, one)))
        kept.append(one)

    def _count(self, host: HostAddress) -> int:
        return sum(len(kept) for (to, _), kept in self._kept.items() if to == host)

    def _expire(self, kept: deque[_Kept], one: _Kept) -> None:
        """
        It has become too old.
        """
        kept.remove(one)
        one.attempt.drop()

    def take(self, host: HostAddress, client: bytes) -> Attempt | None:
        """
        A connection to C{host}, ready or not quite yet, if there is one.  Of a host that
        is not well there is none: it may be as dead as the host.
        """
        kept = self._kept.get((host, toHosts(client)), ())
        isWell = self.site.reports.isWell(host)
        while kept:
            oldest = kept.popleft()
            oldest.old.cancel()
            if isWell and not oldest.attempt.over:
                return oldest.attempt
            oldest.attempt.drop()
        return None

    def forget(self, host: HostAddress) -> None:
        """
        One connection to C{host} was dead: keep no other.
        """
        for (to, _), kept in self._kept.items():
            if to == host:
                _dropAll(kept)

    def close(self) -> None:
        """
        Keep none any longer.
        """
        for kept in self._kept.values():
            _dropAll(kept)


def _dropAll(kept: deque[_Kept]) -> None:
    while kept:
        oldest = kept.popleft()
        oldest.old.cancel()
        oldest.attempt.drop()
