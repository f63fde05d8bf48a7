"""
Which host a login will probably go to, before its account is known (pure).

Connecting takes longer than anything else that the bastion does for a login, and can be
done while the client is still exchanging keys, if one knows where to.
"""

from __future__ import annotations

from collections import Counter, OrderedDict

from attrs import define, field

from bastion.interfaces import HostAddress

#: Sources that are remembered; those that were seen last.
MAX_SOURCES = 4096


@define
class Expected:
    """
    @ivar host: the host.
    @ivar chosen: whether the strategy has chosen it, and need not be asked again.
        Otherwise it is a guess, which gives nobody a place.
    """

    host: HostAddress
    chosen: bool
    _among: Counter[HostAddress] | None = field(default=None, eq=False, repr=False)

    def over(self) -> None:
        """
        The login has a place, or it comes no more; a second time does nothing.
        """
        among, self._among = self._among, None
        if among is not None:
            among[self.host] -= 1
            if not among[self.host]:
                del among[self.host]


@define
class Sources:
    """
    Where the last login from each source went.  Only logins that a host has accepted
    are remembered.
    """

    _hosts: OrderedDict[str, HostAddress] = field(factory=OrderedDict, init=False, repr=False)

    def accepted(self, source: str, host: HostAddress) -> None:
        """
        A login from C{source} went to C{host}.
        """
        self._hosts[source] = host
        self._hosts.move_to_end(source)
        if len(self._hosts) > MAX_SOURCES:
            self._hosts.popitem(last=False)

    def last(self, source: str) -> HostAddress | None:
        """
        Where the last one went.
        """
        return self._hosts.get(source)
