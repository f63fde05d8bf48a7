"""
The hosts of a cluster and how they are (pure).

Whoever checks hosts or connects to them says here how that went; whoever chooses one
asks here which take logins.  Time is a number, in seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from bastion.hosts.host import Change, Host, HostSettings
from bastion.hosts.orders import NotPossible, notPossible
from bastion.hosts.outliers import slowness
from bastion.hosts.states import Event, State, rank
from bastion.interfaces import HostAddress
from bastion.state import AdminState

__all__ = ["Change", "Cluster", "HealthRules", "Host", "HostSettings", "NotPossible"]


@frozen
class HealthRules:
    """
    When a host is well.

    @ivar rise: it is up after so many in a row went well.
    @ivar fall: it is down after so many checks in a row have failed.
    @ivar slowStart: it gets less than its weight for so long after it has come back, in
        seconds.
    @ivar outlier: it is suspect when its handshake takes so many times as long as that
        of the others; 0 for never.
    @ivar hold: its health changes its state at most once in this time, in seconds.
    """

    rise: int = 2
    fall: int = 3
    slowStart: float = 60.0
    outlier: float = 4.0
    hold: float = 5.0


class Cluster(Mapping[HostAddress, Host]):
    """
    The hosts by their addresses, in the order of the configuration.

    All methods that take an address raise C{KeyError} for one that is none of the
    cluster's.
    """

    def __init__(self, settings: Sequence[HostSettings], rules: HealthRules, now: float) -> None:
        """
        Nothing is known against any host at first.
        """
        self.rules = rules
        self._hosts = {each.address: Host(each, now) for each in settings}
        # What L{usable} has found, as long as that holds.
        self._groups: list[list[Host]] | None = None

    def __getitem__(self, address: HostAddress) -> Host:
        return self._hosts[address]

    def __iter__(self) -> Iterator[HostAddress]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)

    # What hosts do

    def checked(self, address: HostAddress, seconds: float | None, now: float) -> Change | None:
        """
        A check went well.

        @param seconds: how long the handshake took, the host's key verified; L{None} of
            a check that makes none, for its time does not compare.
        """
        host = self._hosts[address]
        host.lastChecked = now
        return self._wentWell(host, seconds, now)

    def checkFailed(self, address: HostAddress, reason: str, now: float) -> Change | None:
        """
        A check failed.
        """
        host = self._hosts[address]
        host.lastChecked = now
        host.wentWrong(reason, now)
        host.bad += 1
        if host.bad >= self.rules.fall:
            words = f"{host.bad} checks in a row failed: {reason}"
            return self._happened(host, Event.FELL, words, now)
        return self._happened(host, Event.FAILED, f"a check failed: {reason}", now)

    def reached(self, address: HostAddress, seconds: float, now: float) -> Change | None:
        """
        A user's connection was ready for the login after so many seconds.
        """
        return self._wentWell(self._hosts[address], seconds, now)

    def failed(self, address: HostAddress, reason: str, now: float) -> Change | None:
        """
        A user's connection or handshake failed.  That makes a host suspect, but not
        down: strangers can keep a host so busy that it refuses them.
        """
        host = self._hosts[address]
        host.wentWrong(reason, now)
        return self._happened(host, Event.FAILED, f"a login did not get through: {reason}", now)

    def keyRefused(
        self, address: HostAddress, key: bytes, reason: str, now: float
    ) -> Change | None:
        """
        A host has offered a key that is not the known one, to a check or for a user.

        @param key: the public key, as in RFC 4253 section 6.6.
        @param reason: both fingerprints, in words.
        """
        host = self._hosts[address]
        host.lastChecked = now
        host.wentWrong(reason, now)
        if host.state is State.QUARANTINED and host.offeredKey == key:
            return None
        change = self._happened(host, Event.KEY_REFUSED, reason, now)
        if change is not None:
            host.offeredKey = key
        return change

    def _wentWell(self, host: Host, seconds: float | None, now: float) -> Change | None:
        host.wentWell(seconds, now)
        slow = slowness(host, self._hosts.values(), self.rules.outlier)
        host.slow = slow is not None and rank(host.state) is not None
        if host.good < self.rules.rise:
            return None
        if slow is not None:
            return self._happened(host, Event.SLOW, slow, now)
        words = f"went well {self.rules.rise} times in a row"
        return self._happened(host, Event.ROSE, words, now)

    def _happened(self, host: Host, event: Event, reason: str, now: float) -> Change | None:
        change = host.happened(event, reason, now, self.rules.hold)
        if change is not None:
            self._groups = None
        return change

    # What operators do

    def drain(self, address: HostAddress, now: float, reason: str = "") -> Change:
        """
        Give the host no new logins; those that are there stay.

        @raise NotPossible: from its state, with a sentence that says what to do.
        """
        return self._order(address, Event.DRAIN, reason or "drained by an operator", now)

    def disable(self, address: HostAddress, now: float, reason: str = "") -> Change:
        """
        Take the host out of service.

        @raise NotPossible: as L{drain}.
        """
        return self._order(address, Event.DISABLE, reason or "disabled by an operator", now)

    def enable(self, address: HostAddress, now: float, reason: str = "") -> Change:
        """
        Give the host back; it has to be checked first.

        @raise NotPossible: as L{drain}.
        """
        return self._order(address, Event.ENABLE, reason or "enabled by an operator", now)

    def acceptKey(self, address: HostAddress, now: float, reason: str = "") -> Change:
        """
        Let a host out of quarantine; it has to be checked first.  Its C{offeredKey} is
        forgotten: who wants to know it from now on looks before.

        @raise NotPossible: as L{drain}.
        """
        offered = self._hosts[address].offeredKey
        words = "the key that it offered was" if offered else "it has its known key again,"
        reason = reason or f"{words} accepted by an operator"
        return self._order(address, Event.KEY_ACCEPTED, reason, now)

    def _order(self, address: HostAddress, order: Event, reason: str, now: float) -> Change:
        host = self._hosts[address]
        change = self._happened(host, order, reason, now)
        if change is None:
            raise notPossible(host, order)
        return change

    # What outlives the process

    def adminState(self, address: HostAddress) -> AdminState | None:
        """
        What the store must keep of a host; L{None} for nothing.
        """
        host = self._hosts[address]
        if rank(host.state) is not None:
            return None
        return AdminState(host.state.value, host.since, host.reason, host.offeredKey)

    def restore(self, address: HostAddress, admin: AdminState, now: float) -> Change | None:
        """
        Take over what the store has kept of a host; nothing if that is so already.
        """
        host = self._hosts[address]
        if self.adminState(address) == admin:
            return None
        self._groups = None
        change = host.become(State(admin.state), admin.reason, now)
        host.since, host.offeredKey = admin.since, admin.key
        return change

    # Who takes logins

    def usable(self, now: float) -> list[list[Host]]:
        """
        The hosts that take logins: those that are up, those that are suspect, those that
        are down; always three lists, each in the order of the configuration.
        """
        groups = self._groups
        if groups is None:
            groups = self._grouped(now)
            # The place of a suspect host depends on the time.
            if all(host.state is not State.SUSPECT for host in self._hosts.values()):
                self._groups = groups
        return [list(group) for group in groups]

    def _grouped(self, now: float) -> list[list[Host]]:
        groups: list[list[Host]] = [[], [], []]
        for host in self._hosts.values():
            place = host.rank(now)
            if place is not None:
                groups[place].append(host)
        return groups

    def weight(self, address: HostAddress, now: float) -> float:
        """
        How much of the work a host shall get at the moment, beside the others.
        """
        return self._hosts[address].weight(now, self.rules.slowStart)
