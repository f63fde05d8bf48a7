"""
A whole site in memory: clients, a gateway and the hosts of its cluster; and what
must be so when every test is over.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogPublisher, globalLogPublisher

from bastion.auth.checkers import hostPortal
from bastion.auth.messages import NONE, PASSWORD, Failure, Password, Request
from bastion.config.schema import AdmissionTable, ClusterTable, GatewayTable, HostTable
from bastion.gateway.factory import GatewayFactory
from bastion.gateway.gateway import Gateway
from bastion.gateway.session import SessionRules
from bastion.gateway.terms import clientTerms, hostTerms
from bastion.hosts.selector import Stickiness
from bastion.interfaces import HostAddress
from bastion.ssh.server import ServerTransport
from bastion.testing.clusters import Witnesses, selectorOf
from bastion.testing.doors import doorsOf
from bastion.testing.network import Network
from bastion.testing.speakers import Speaker, TrustedKeys, speakingClient, speakingHost
from bastion.upstream.site import Site
from bastion.wire import (
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_CONFIRMATION,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
    string,
    uint32,
)

KEY = Key(Ed25519PrivateKey.generate())
HOSTS = (HostAddress("nice1"), HostAddress("nice2"))


class Talker:
    """
    A client or a host, with some things to say.

    @ivar speaker: who speaks.
    @ivar transport: its SSH transport.
    """

    def __init__(self, network: Network, speaker: Speaker) -> None:
        self.speaker = speaker
        self.transport = speaker.transport
        self._network = network

    @property
    def tcp(self) -> Any:
        """
        Its TCP transport.
        """
        return self.transport.transport

    @property
    def fate(self) -> list[Any]:
        """
        What became of its connection, without its beginning.
        """
        return [event for event in self.speaker.witness.events if event != "secured"]

    def hears(self) -> list[tuple[int, bytes]]:
        """
        What it was sent since the last call.
        """
        services = (self.speaker.login, self.speaker.session)
        heard = [message for service in services for message in service.heard]
        for service in services:
            service.heard.clear()
        return heard

    def says(self, number: int, payload: bytes = b"") -> None:
        """
        Send a message, and let everything that follows from it happen.
        """
        self.transport.sendPacket(number, payload)
        self._network.settle()

    def requests(self, method: bytes, fields: bytes = b"", account: bytes = b"johnson") -> None:
        """
        As a client: ask to be logged in.
        """
        request = Request(account, b"ssh-connection", method, fields)
        self.says(MSG_USERAUTH_REQUEST, request.pack())

    def offers(self, *methods: bytes, partial: bool = False) -> None:
        """
        As a host: fail, and say what can continue.
        """
        self.says(MSG_USERAUTH_FAILURE, Failure(methods, partial).pack())

    def accepts(self) -> None:
        """
        As a host: let the user in.
        """
        self.transport.sendPacket(MSG_USERAUTH_SUCCESS, b"")
        self.speaker.startSession()
        self._network.settle()

    def leaves(self) -> None:
        """
        Close the connection without a word.
        """
        self.tcp.loseConnection()
        self._network.settle()


class Memory:
    """
    A site in memory.

    @ivar events: the audit log: names and fields, in order.
    @ivar failures: tracebacks in the log.
    @ivar checked: whether a test has seen what is left.
    """

    def __init__(self, cluster: dict[str, Any] | None = None, **settings: Any) -> None:
        """
        @param cluster: keys of the cluster's table.
        @param settings: keys of the gateway's table; policies as they are, and C{tables}
            of session policies.
        """
        self.network = Network()
        self.clock = self.network.clock
        self._theirs = Clock()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[LogEvent] = []
        self.checked = False
        self.clients: list[Talker] = []
        self.hosts: dict[str, list[Talker]] = {host.name: [] for host in HOSTS}
        for host in HOSTS:
            self.network.listen(host, lambda host=host: self._newHost(host))
        chosen: Any = None
        nice = ClusterTable(
            name="nice",
            hosts=tuple(map(HostTable, HOSTS)),
            select=chosen,
            check=chosen,
            known_hosts=Path(),
            **(cluster or {}),
        )
        stickiness = Stickiness(nice.sticky, nice.sticky_by == "account+source")
        self.selector = selectorOf(HOSTS, self.clock, stickiness=stickiness)
        self.witnesses = Witnesses()
        site = Site(
            self.selector,
            self.network.endpoint,
            lambda host: TrustedKeys({KEY.public().blob()}),
            self.witnesses,
            self.clock,
            hostTerms(nice),
            moved=nice.moved or "",
        )
        admission = AdmissionTable(**{"penalties": "off"} | settings.pop("admission", {}))
        tables = settings.pop("tables", ())
        settings["cluster"] = None if "notice" in settings else "nice"
        table = GatewayTable(name="esrf", listen=("tcp:0",), admission=admission, **settings)
        way, portal, terms = site if table.cluster else None, hostPortal(), clientTerms(table)
        keys, publisher = {KEY.sshType(): KEY}, LogPublisher(self._heard)
        rules = SessionRules(table, tables, table.policies, self.clock)
        gateway = Gateway(table, way, portal, rules, keys, terms, publisher, self.clock)
        self.doors = doorsOf(admission, self.clock)
        self.startups = self.doors.startups
        self.factory = GatewayFactory(gateway, self.doors)
        self.factory.doStart()

    def only(self, host: HostAddress) -> None:
        """
        The cluster has one host from now on.
        """
        self.selector.cluster = selectorOf([host], self.clock).cluster

    def _heard(self, event: LogEvent) -> None:
        self.events.append((event["event"], event["fields"]))

    def _newHost(self, host: HostAddress) -> Any:
        talker = Talker(self.network, speakingHost(self._theirs, KEY))
        self.hosts[host.name].append(talker)
        return talker.transport

    def host(self, name: str = "nice1") -> Talker:
        """
        The latest connection to a host, from its point of view.
        """
        return self.hosts[name][-1]

    def connects(self, source: str = "198.51.100.7", settle: bool = True, **own: Any) -> Any:
        """
        A client connects.

        @param own: what its transport has that others have not, such as C{terms}.
        @return: a L{Talker}; L{None} when it was dropped.
        """
        family = IPv6Address if ":" in source else IPv4Address
        built: Any = self.factory.buildProtocol(family("TCP", source, 49152))
        if not isinstance(built, ServerTransport):
            return None
        client = Talker(self.network, speakingClient(self._theirs, KEY))
        client.transport.speakOn(own.pop("terms", client.transport.terms))
        for name, value in own.items():
            setattr(client.transport, name, value)
        self.clients.append(client)
        self.network.link(client.transport, built, (source, "192.0.2.22"))
        if settle:
            self.network.settle()
        return client

    def loggedIn(
        self, source: str = "198.51.100.7", account: bytes = b"johnson"
    ) -> tuple[Talker, Talker]:
        """
        A client logs in to nice1 with a password.
        """
        client = self.connects(source)
        client.requests(NONE, account=account)
        host = self.host()
        host.offers(PASSWORD)
        client.requests(PASSWORD, Password(b"right").pack(), account)
        host.accepts()
        client.speaker.startSession()
        client.hears()
        host.hears()
        return client, host

    def opened(self, client: Talker, host: Talker, number: int = 0) -> None:
        """
        The client opens a session channel.
        """
        numbers = uint32(number) + uint32(2**21) + uint32(32768)
        client.says(MSG_CHANNEL_OPEN, string(b"session") + numbers)
        host.says(MSG_CHANNEL_OPEN_CONFIRMATION, uint32(number) + numbers)
        client.hears()
        host.hears()

    def everybodyVanishes(self) -> None:
        """
        All clients that are still there are gone.
        """
        for client in self.clients:
            client.tcp.abortConnection()
        self.network.settle()

    def named(self, name: str) -> list[dict[str, Any]]:
        """
        The fields of the events of one name.
        """
        return [fields for event, fields in self.events if event == name]

    @property
    def leased(self) -> dict[HostAddress, int]:
        """
        The places that are taken.
        """
        counts: list[Any] = []
        self.selector.store.counts("nice").addCallback(counts.append)
        return {host: count for host, count in counts[0].items() if count}

    @property
    def channels(self) -> dict[Any, int]:
        """
        The channels that are counted, by what they are counted for.
        """
        return dict(self.factory.gateway.rules._channels._counts)

    @property
    def reason(self) -> str:
        """
        Why the only connection was closed.
        """
        return str(self.named("connection.closed")[0]["reason"])

    def check(self) -> None:
        """
        See that nothing is left of any connection.
        """
        self.checked = True
        if self.factory.gateway.ready is not None:
            self.factory.gateway.ready.close()
        self.selector.traffic.stop()
        self.network.settle()
        opened = [fields["reference"] for fields in self.named("connection.opened")]
        closed = [fields["reference"] for fields in self.named("connection.closed")]
        assert sorted(opened) == sorted(closed)
        assert self.factory.connections == set()
        assert self.leased == {}
        assert (self.startups.total, dict(self.startups._sources)) == (0, {})
        assert (self.doors.connections.total, self.doors.sessions._counts) == (0, {})
        assert self.channels == {}
        assert self.clock.getDelayedCalls() == []
        assert all(talker.tcp.lost for hosts in self.hosts.values() for talker in hosts)
        assert self.failures == []


@pytest.fixture
def memoryOf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Memory]]:
    """
    Makes sites in memory.  When the test is over, whoever is still connected
    vanishes, and nothing may be left.
    """
    made: list[Memory] = []
    monkeypatch.setattr("bastion.relay.valve.peerState", lambda transport: 0)

    def make(**settings: Any) -> Memory:
        made.append(Memory(**settings))
        return made[-1]

    def observer(event: LogEvent) -> None:
        if "log_failure" in event:
            for memory in made:
                memory.failures.append(event)

    globalLogPublisher.addObserver(observer)
    yield make
    for memory in made:
        memory.everybodyVanishes()
    gc.collect()
    globalLogPublisher.removeObserver(observer)
    for memory in made:
        memory.checked or memory.check()


@pytest.fixture
def memory(memoryOf: Any) -> Any:
    """
    A site in memory.
    """
    return memoryOf()
