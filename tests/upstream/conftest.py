"""
Hosts in memory, and the ways to them; and what must be so when every test is over.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from bastion.auth.client import UserAuthClient
from bastion.interfaces import HostAddress, HostRequest
from bastion.testing.clusters import Witnesses, selectorOf
from bastion.testing.network import Network
from bastion.testing.speakers import Speaker, TrustedKeys, speakingHost
from bastion.upstream.attempt import Attempt
from bastion.upstream.ready import ReadyConnections
from bastion.upstream.search import Search, Upstream
from bastion.upstream.site import Site

KEY = Key(Ed25519PrivateKey.generate())
OTHER_KEY = Key(Ed25519PrivateKey.generate())
CLIENT = b"SSH-2.0-OpenSSH_9.2"
REQUEST = HostRequest(b"johnson", "192.0.2.1", "esrf", CLIENT, port=50000)


class Cluster:
    """
    Hosts in memory that all answer, and the ways to them.

    @ivar speakers: the hosts' ends of the connections, in the order of their coming.
    """

    def __init__(self, *hosts: HostAddress) -> None:
        self.network = Network()
        self.clock = self.network.clock
        self.speakers: dict[HostAddress, list[Speaker]] = {host: [] for host in hosts}
        self.selector = selectorOf(hosts, self.clock)
        self.witnesses = Witnesses()
        for host in hosts:
            self.answers(host)
        trusted = TrustedKeys({KEY.public().blob()})
        self.site = Site(
            self.selector,
            self.network.endpoint,
            lambda host: trusted,
            self.witnesses,
            self.clock,
        )

    def answers(self, host: HostAddress, expected: bool = True) -> None:
        """
        Let a host speak SSH, on a clock of its own.

        @param expected: whether with the key that is known.
        """

        def connected() -> Any:
            self.speakers[host].append(speakingHost(Clock(), KEY if expected else OTHER_KEY))
            return self.speakers[host][-1].transport

        self.network.listen(host, connected)

    def dies(self, way: str, *hosts: HostAddress) -> None:
        """
        Let hosts take connections and say nothing, or not even that.
        """
        for host in hosts:
            self.network.silence(host) if way == "silent" else self.network.listen(host, Protocol)

    def attempt(self, host: HostAddress, client: bytes = CLIENT) -> Attempt:
        """
        Begin to connect to a host.
        """
        return Attempt(self.site, host, UserAuthClient(host), client)

    def ready(self, count: int) -> ReadyConnections:
        """
        Keep so many connections ready for each host.
        """
        return ReadyConnections(self.site, count, UserAuthClient)

    def fates(self, host: HostAddress) -> list[Any]:
        """
        What became of each connection to a host, as it sees it, without its beginning.
        """
        told = [speaker.witness.events for speaker in self.speakers[host]]
        return [[event for event in events if event != "secured"] for events in told]

    @property
    def leased(self) -> dict[HostAddress, int]:
        """
        The places that are taken.
        """
        counts: list[Any] = []
        self.selector.store.counts("nice").addCallback(counts.append)
        return {host: count for host, count in counts[0].items() if count}


class Searching:
    """
    A search among hosts in memory.

    @ivar passed: the hosts that were passed over, and why.
    @ivar found: what came of the search, each time.
    @ivar begun: the connections that somebody has begun to make.
    """

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self.passed: list[tuple[HostAddress, str]] = []
        self.found: list[Any] = []
        self.begun: dict[HostAddress, Attempt] = {}
        self.search = Search(
            cluster.site,
            REQUEST,
            UserAuthClient,
            lambda *reported: self.passed.append(reported),
            lambda host: self.begun.pop(host, None),
        )

    def next(self) -> Deferred[Upstream]:
        """
        Search for the next host.
        """
        searching = self.search.next()
        searching.addCallbacks(self.found.append, lambda failure: self.found.append(failure.value))
        self.cluster.network.settle()
        return searching

    @property
    def host(self) -> Any:
        """
        The host that was found last.
        """
        return self.found[-1].lease.host

    @property
    def left(self) -> tuple[dict[HostAddress, int], list[Any]]:
        """
        The places that are taken, and the calls that are to come.
        """
        return self.cluster.leased, self.cluster.clock.getDelayedCalls()


@pytest.fixture(autouse=True)
def nothingIsLogged() -> Iterator[None]:
    """
    No failure is logged, and none is left that nobody has looked at.
    """
    with capturedLogs() as events:
        yield
        gc.collect()
    assert [event for event in events if "log_failure" in event] == []


@pytest.fixture
def clusterOf() -> Callable[..., Cluster]:
    """
    Makes a cluster of hosts.
    """
    return Cluster


@pytest.fixture
def among() -> Callable[..., Searching]:
    """
    Makes a search among hosts that all answer.
    """
    return lambda *hosts: Searching(Cluster(*hosts))
