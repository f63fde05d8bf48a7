"""
The table of a cluster; see L{bastion.config.schema}.
"""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen

from bastion.algorithms import TO_HOSTS, Algorithms
from bastion.config.chosen import Chosen, chosen
from bastion.config.hosts import EXAMPLE, MOST_SESSIONS, HostTable, hostList
from bastion.config.legs import LegTable
from bastion.config.offered import hostAlgorithms
from bastion.config.readers import filePath, key, one
from bastion.config.values import (
    duration,
    durationBetween,
    oneOf,
    optional,
    sentence,
    wholeNumber,
)
from bastion.interfaces import HostAddress, IHealthCheck, IStrategy

#: Between two checks of a host, in seconds, unless the file says otherwise.
CHECK_INTERVAL = 10.0


@frozen(kw_only=True)
class ClusterTable(LegTable):
    """
    C{[cluster.NAME]}: a named set of hosts.

    @ivar hosts: the targets, in the order of the file, ranges written out.
    @ivar select: the strategy that chooses among them.
    @ivar sticky: how long an account comes back to its host, in seconds after
        its last session; 0 for not at all.
    @ivar sticky_by: what comes back: the C{account}, or C{account+source}, the account
        from one address.
    @ivar moved: the words for a user whose host takes no logins now and who comes to
        another one; L{None} for none.
    @ivar max_sessions: the most sessions of each host; 0 for any number.
    @ivar slow_start: for how long a host that was down gets less than its share once it
        is back, in seconds; 0 for not at all.
    @ivar check: how it is found out whether a host is well.
    @ivar check_interval: how often, in seconds; 0 for never.
    @ivar check_jitter: by how much the times of the checks vary, in seconds.
    @ivar check_rise: after how many good checks in a row a host is up again.
    @ivar check_fall: after how many bad ones it is down.
    @ivar outlier: how many times slower than the others a host is before it is passed
        over; 0 for however slow.
    @ivar known_hosts: the file of the hosts' keys, in OpenSSH's format.
    @ivar algorithms: what is offered to the hosts.
    @ivar ready: how many connections are kept ready for each host while logins
        follow each other.
    @ivar proxy_protocol: how hosts are told, by the PROXY protocol, where a client comes
        from: C{v1} or C{v2}; C{off} for not at all.
    """

    name: str
    hosts: tuple[HostTable, ...] = field(metadata=key(hostList, example=EXAMPLE))
    select: Chosen = field(metadata=key(chosen(IStrategy, "strategy"), absent="least-sessions"))
    sticky: float = field(default=28800.0, metadata=key(one(duration)))
    sticky_by: str = field(default="account", metadata=key(one(oneOf("account", "account+source"))))
    moved: str | None = field(default=None, metadata=key(one(optional(sentence))))
    max_sessions: int = field(default=0, metadata=key(one(wholeNumber(0, MOST_SESSIONS))))
    slow_start: float = field(
        default=60.0, metadata=key(one(durationBetween("1s", "1h", off=True)))
    )
    check: Chosen = field(metadata=key(chosen(IHealthCheck, "health check"), absent="handshake"))
    check_interval: float = field(
        default=CHECK_INTERVAL, metadata=key(one(durationBetween("2s", "1h", off=True)))
    )
    check_jitter: float = field(default=2.0, metadata=key(one(durationBetween("0s", "5m"))))
    check_rise: int = field(default=2, metadata=key(one(wholeNumber(1, 100))))
    check_fall: int = field(default=3, metadata=key(one(wholeNumber(1, 100))))
    outlier: int = field(default=4, metadata=key(one(wholeNumber(2, 100, off=True))))
    known_hosts: Path = field(metadata=key(filePath, absent="known_hosts"))
    algorithms: Algorithms = field(default=TO_HOSTS, metadata=key(hostAlgorithms))
    ready: int = field(default=0, metadata=key(one(wholeNumber(0, 8))))
    proxy_protocol: str = field(default="off", metadata=key(one(oneOf("off", "v1", "v2"))))

    @property
    def addresses(self) -> tuple[HostAddress, ...]:
        """
        Where the hosts are, in the same order.
        """
        return tuple(host.address for host in self.hosts)
