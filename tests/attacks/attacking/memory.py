"""
A gateway and two hosts in memory, with peers that do as they like; and what must be
so when they have done it.
"""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from harness.ledger import Ledger
from twisted.conch.ssh.keys import Key
from twisted.internet.address import IPv4Address
from twisted.logger import LogEvent, LogPublisher, eventAsText, globalLogPublisher
from twisted.python.failure import Failure

from attacking.client import RIGHT, WRONG, Client
from attacking.exchange import keyBlob
from attacking.host import KEY, Host
from attacking.middle import Middle
from attacking.parts import parts, partsBeside
from attacking.peer import Peer
from attacking.stages import Stage
from attacking.way import Way, kept, peerState, step
from bastion.auth.checkers import hostPortal
from bastion.config.policies import PolicyTable
from bastion.config.schema import AdmissionTable, ClusterTable, GatewayTable, HostTable
from bastion.gateway.factory import GatewayFactory
from bastion.gateway.gateway import Gateway
from bastion.gateway.session import SessionRules
from bastion.gateway.terms import clientTerms, hostTerms
from bastion.interfaces import HostAddress
from bastion.ssh.client import HostKeys
from bastion.testing.clusters import Witnesses, selectorOf
from bastion.testing.doors import doorsOf
from bastion.testing.network import MemoryTransport, Network
from bastion.testing.speakers import TrustedKeys
from bastion.upstream.site import Site as Cluster
from bastion.wire import shown

HOSTS = (HostAddress("nice1"), HostAddress("nice2"))
HOST_KEY = Key(KEY)
SECRETS = (RIGHT, WRONG)

#: After so many seconds a peer that has vanished is noticed though it was not read, and
#: the other one has parted though it does not answer.
NOTICED = 7


class Site:
    """
    A gateway and its hosts.

    @ivar addresses: those of the hosts.
    @ivar makeHost: makes the peer for each connection to a host, by its name.
    @ivar hosts: those peers, in order.
    @ivar clients: who has connected.
    @ivar events: the audit log.
    @ivar middles: who is on the way of a peer, by the peer's C{id}.
    @ivar pieces: the most that comes to an end at once, in bytes.
    @ivar log: the operator's log, everything, as text.
    @ivar failures: the tracebacks in it.
    @ivar uncaught: what a reactor would have had to catch.
    """

    def __init__(
        self,
        count: int = 2,
        hostKeys: HostKeys | None = None,
        policies: tuple[Any, ...] = (),
        tables: tuple[PolicyTable, ...] = (),
        admission: dict[str, Any] | None = None,
        **legs: Any,
    ) -> None:
        """
        @param count: how many hosts there are.
        @param tables: of session policies.
        @param legs: keys of the tables of the gateway and of the cluster.
        """
        self.network = Network()
        self.clock = self.network.clock
        self._tables = tables
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.log: list[str] = []
        self.failures: list[LogEvent] = []
        self.uncaught: list[Failure] = []
        self.clients: list[Client] = []
        self.hosts: dict[str, list[Host]] = {}
        self.makeHost: dict[str, Callable[[], Host]] = {}
        self.pieces = 1 << 30
        self._accepted = 0
        self.middles: dict[int, Middle] = {}
        self._ways: dict[int, Way] = {}
        self.addresses = HOSTS[:count]
        for host in self.addresses:
            self.honest(host.name)
            self.network.listen(host, lambda name=host.name: self._newHost(name))
        chosen: Any = None
        cluster = ClusterTable(
            name="nice",
            hosts=tuple(map(HostTable, self.addresses)),
            select=chosen,
            check=chosen,
            known_hosts=Path(),
            **legs,
        )
        self._selector = selectorOf(self.addresses, self.clock)
        keys = hostKeys or TrustedKeys({keyBlob(KEY)})
        site = Cluster(
            self._selector,
            self.network.endpoint,
            lambda host: keys,
            Witnesses(),
            self.clock,
            hostTerms(cluster),
        )
        self.admission = AdmissionTable(**{"penalties": "off"} | (admission or {}))
        table = GatewayTable(
            name="esrf",
            listen=("tcp:0",),
            cluster="nice",
            admission=self.admission,
            policies=policies,
            **legs,
        )
        self.factory = self._gateway(table, site)
        globalLogPublisher.addObserver(self._logged)

    def _gateway(self, table: GatewayTable, site: Cluster) -> GatewayFactory:
        publisher = LogPublisher(
            lambda event: self.events.append((event["event"], event["fields"]))
        )
        terms = clientTerms(table)
        gateway = Gateway(
            table,
            site,
            hostPortal(),
            SessionRules(table, self._tables, table.policies, self.clock),
            {HOST_KEY.sshType(): HOST_KEY},
            terms,
            publisher,
            self.clock,
        )
        doors = doorsOf(self.admission, self.clock)
        self._startups = doors.startups
        factory = GatewayFactory(gateway, doors)
        factory.doStart()
        return factory

    def _logged(self, event: LogEvent) -> None:
        self.log.append(eventAsText(event))
        if "log_failure" in event or "failure" in event:
            self.failures.append(event)

    def _newHost(self, name: str) -> Way:
        host = self.makeHost[name]()
        self.hosts[name].append(host)
        return self._way(host)

    def _way(self, peer: Peer) -> Way:
        way = Way(peer, self.middles.get(id(peer)))
        self._ways[id(peer)] = way
        return way

    # Who is there

    def honest(self, name: str) -> None:
        """
        Let a host keep the rules from now on.
        """
        self.makeHost[name] = Host
        self.hosts.setdefault(name, [])

    def connects(self, client: Client, source: str = "198.51.100.7") -> Client:
        """
        A client connects, and as much happens as can.
        """
        self.arrives(client, source)
        self.settle()
        return client

    def arrives(self, client: Client, source: str = "198.51.100.7", front: Any = None) -> bool:
        """
        A client connects, and nothing has happened yet.

        @param front: what listens, where that is not the gateway itself.
        @return: whether it was let in.
        """
        self._accepted += 1
        front = front or self.factory
        built = front.buildProtocol(IPv4Address("TCP", source, 49152))
        if built is None:
            return False
        self.clients.append(client)
        self.network.link(self._way(client), built, (source, "192.0.2.22"))
        return True

    def attacker(self, leg: str, until: Stage, **own: Any) -> Peer:
        """
        Somebody who keeps the rules up to a stage: a client; or the first host, to
        which an honest client is to log in.

        @param leg: C{client} or C{host}.
        """
        if leg == "client":
            return self.connects(Client(until=until, **own))
        self.makeHost["nice1"] = lambda: Host(until=until, **own)
        self.connects(Client())
        self.honest("nice1")
        return self.host

    @property
    def host(self) -> Host:
        """
        The latest connection to the first host.
        """
        return self.hosts["nice1"][-1]

    @property
    def client(self) -> Client:
        """
        The latest client.
        """
        return self.clients[-1]

    def tcp(self, peer: Peer) -> Any:
        """
        The TCP transport of a peer.
        """
        return self._ways[id(peer)].transport

    def confused(self, peer: Peer) -> str:
        """
        What a peer could not understand.
        """
        return self._ways[id(peer)].confused

    # What happens

    def settle(self) -> None:
        """
        Let everything happen that can.
        """
        network = self.network
        while any([self._steps(end) for end in [*network._ends] if _mayStep(end)]):
            network._ends = [end for end in network._ends if not end.lost]

    def _steps(self, end: MemoryTransport) -> bool:
        """
        Let one end take something; a protocol that raises is cut, as a reactor does it.
        """
        try:
            return step(end, self.pieces)
        except Exception:
            self.uncaught.append(Failure())
            end.other._gone(self.uncaught[-1])
            return True

    def steps(self, count: int, size: int = 64) -> bool:
        """
        Let so many things happen, each one a piece of data or an end that comes to one
        end of a connection.

        @param size: of the pieces, in bytes.
        @return: whether there were so many.
        """
        return all(any(step(end, size) for end in [*self.network._ends]) for _ in range(count))

    def sends(self, peer: Peer, number: int, payload: bytes = b"") -> bool:
        """
        Have a peer send a message, whether it may or not.

        @return: whether its connection has ended by that.
        """
        peer.sends(number, payload)
        self.settle()
        return peer.gone

    def writes(self, peer: Peer, data: bytes) -> bool:
        """
        The same with bytes.
        """
        peer.write(data)
        self.settle()
        return peer.gone

    @property
    def kept(self) -> int:
        """
        What the bastion keeps of what its peers have sent, in bytes.
        """
        return kept(*self.factory.connections)

    def named(self, name: str) -> list[dict[str, Any]]:
        """
        The fields of the events of one name.
        """
        return [fields for event, fields in self.events if event == name]

    @property
    def reason(self) -> str:
        """
        Why the last connection was closed.
        """
        return str(self.named("connection.closed")[-1]["reason"])

    # What must be so

    def survives(self) -> None:
        """
        See that somebody else can log in and work; and, when all have gone, that
        nothing is left of them, and no secret was written down.
        """
        for host in self.addresses:
            self.honest(host.name)
        # A connection to a host of the attack's may be kept for the next login.
        assert self.factory.gateway.ready is not None
        self.factory.gateway.ready.close()
        legitimate = self.connects(Client(), "192.0.2.200")
        assert legitimate.stage is Stage.SESSION, "nobody else can log in"
        legitimate.opens()
        self.settle()
        legitimate.writes(b"hello")
        self.settle()
        assert legitimate.answers == b"hello"
        for client in self.clients:
            self.tcp(client).abortConnection()
        self.settle()
        for _ in range(NOTICED):
            self.clock.advance(1)
            self.settle()
        self._keepsNone()
        self._nothingIsLeft()
        written = [*self.log, json.dumps([fields for _, fields in self.events])]
        leaks = [text for text in written for secret in SECRETS if secret.decode() in text]
        assert leaks == []

    def _keepsNone(self) -> None:
        """
        What is kept for the next login, and for the next look at the traffic, is no
        rest of what was.
        """
        assert self.factory.gateway.ready is not None
        self.factory.gateway.ready.close()
        self._selector.traffic.stop()
        self.settle()

    def _ledger(self) -> Ledger:
        """
        Who has come and who was let in, and what is recorded of that.
        """
        ledger = Ledger(Counter({self.factory.gateway.table.name: self._accepted}))
        for event, fields in self.events:
            ledger.record({"event": event, **fields})
        for name, hosts in self.hosts.items():
            for account in (account for host in hosts for account in host.admitted):
                ledger.admitted[shown(account), name] += 1
        return ledger

    def _nothingIsLeft(self) -> None:
        gc.collect()
        assert [eventAsText(failure) for failure in self.failures] == self.uncaught == []
        ledger = self._ledger()
        wrong = [*ledger.unaccounted(), *ledger.unended(), *ledger.misnamed()]
        assert wrong == [], wrong
        assert self.factory.connections == set()
        counts: list[Any] = []
        self._selector.store.counts("nice").addCallback(counts.append)
        assert sum(counts[0].values()) == 0
        assert (self._startups.total, dict(self._startups._sources)) == (0, {})
        assert self.clock.getDelayedCalls() == []
        assert all(host.gone for hosts in self.hosts.values() for host in hosts)

    def forgets(self) -> None:
        """
        Let go of all peers, and of what they hold.
        """
        # A test's fixtures may keep a peer for longer.
        for way in self._ways.values():
            del way.transport
        for peers in (self.clients, *self.hosts.values(), self.makeHost, self._ways, self.middles):
            peers.clear()

    def close(self) -> None:
        """
        Listen to the log no longer.
        """
        globalLogPublisher.removeObserver(self._logged)


def _mayStep(end: MemoryTransport) -> bool:
    """
    Whether there is anything that could happen, for which most ends need not be asked.
    """
    return bool(end._outgoing) or end.disconnecting or end.other.lost


def sites() -> Iterator[Callable[..., Site]]:
    """
    Makes sites; in the end all of them must have survived, and nothing of their
    connections be left.
    """
    made: list[Site] = []
    before = parts()

    def make(**settings: Any) -> Site:
        made.append(Site(**settings))
        return made[-1]

    try:
        with patch("bastion.relay.valve.peerState", peerState):
            yield make
            for site in made:
                site.survives()
                site.forgets()
        left = partsBeside(before)
        assert left == {}, f"of connections that are over these are left: {left}"
    finally:
        for site in made:
            site.close()
