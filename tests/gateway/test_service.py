"""
L{bastion.gateway.service}: all gateways, or none.  The ports are real, on the
loopback; the connections are in memory.
"""

from __future__ import annotations

import gc
import socket
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.application.service import IService, Service
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    connectProtocol,
    serverFromString,
)
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.internet.tcp import Port
from twisted.logger import LogLevel, capturedLogs
from zope.interface.verify import verifyObject

from bastion.auth.messages import NONE
from bastion.config.installed import installed
from bastion.config.load import load
from bastion.config.problems import ConfigurationError
from bastion.gateway.doors import DoorsOf
from bastion.gateway.service import (
    BastionService,
    CannotListen,
    Endpoint,
    Listener,
    endpointsOf,
    listenersOf,
)
from bastion.interfaces import BastionError

ANY_PORT = "tcp:0:interface=127.0.0.1"


class StoreUnusable(BastionError):
    """
    A store that cannot be opened.
    """


class Store:
    """
    A store that says when it is opened and closed.
    """

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.problem: Exception | None = None

    def open(self, clock: Any, stateDir: Path | None) -> Deferred[None]:
        """
        See L{bastion.state.IStateStore}.
        """
        assert (clock, stateDir) == (reactor, Path("/nowhere"))
        self.kept.told.append("open")
        return fail(self.problem) if self.problem else succeed(None)

    def close(self) -> Deferred[None]:
        """
        See L{bastion.state.IStateStore}.
        """
        self.kept.told.append("close")
        return succeed(None)


class Cluster(Service):
    """
    A cluster that says what it does.
    """

    def __init__(self, kept: Kept) -> None:
        self.kept = kept

    def restore(self) -> Deferred[None]:
        """
        See L{bastion.gateway.clusterservice.ClusterService}.
        """
        self.kept.told.append("restore")
        return succeed(None)

    def startService(self) -> None:
        """
        It is at work.
        """
        super().startService()
        self.kept.told.append("start")

    def stopService(self) -> None:
        """
        It is not.
        """
        super().stopService()
        self.kept.told.append("stop")


class Closing(DoorsOf):
    """
    Doors that say when they are closed.
    """

    def __init__(self, kept: Kept) -> None:
        super().__init__(None)
        self.kept = kept

    def close(self) -> Deferred[None]:
        """
        See L{DoorsOf}.
        """
        self.kept.told.append("doors")
        return super().close()


class Kept:
    """
    A service, and how often it has said that it is over.
    """

    def __init__(self, *listeners: Listener) -> None:
        self.closed = 0
        self.store = Store(self)
        self.clusters: list[Any] = [Cluster(self)]
        self.told: list[str] = []
        self.service = BastionService(
            reactor,
            listeners,
            self.clusters,
            self.store,
            Path("/nowhere"),
            Closing(self),
            self._close,
        )

    def _close(self) -> None:
        self.closed += 1

    @property
    def ports(self) -> list[int]:
        """
        Where it listens.
        """
        return [port.getHost().port for port in self.service._ports]


def listener(memory: Any, endpoint: str = ANY_PORT, name: str = "esrf") -> Listener:
    """
    A gateway of a site in memory.
    """
    made = Endpoint(endpoint, serverFromString(reactor, endpoint))
    return Listener(name, made, memory.factory)


def listening() -> set[Any]:
    """
    The ports of this process.
    """
    return {reader for reader in reactor.getReaders() if isinstance(reader, Port)}


async def refuses(port: int) -> bool:
    """
    Whether nobody listens.
    """
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    try:
        protocol = await connectProtocol(endpoint, Protocol())
    except ConnectionRefusedError:
        return True
    protocol.transport.abortConnection()
    return False


def test_serviceIsOne(memory: Any) -> None:
    verifyObject(IService, Kept().service)


GATEWAYS = """
[gateway.esrf]
listen = ["tcp:1", "tcp6:1"]
notice = "No."
[gateway.ill]
listen = "tcp:2"
notice = "No."
"""


def test_everyEndpointOfEveryGatewayIsAListener(memory: Any, memoryOf: Any, tmp_path: Path) -> None:
    gateways = {"esrf": memory.factory, "ill": memoryOf().factory}
    configuration = load(GATEWAYS, tmp_path, installed)

    listeners = listenersOf(gateways, endpointsOf(configuration, reactor))

    assert [(each.name, each.endpoint.text, each.factory) for each in listeners] == [
        ("esrf", "tcp:1", gateways["esrf"]),
        ("esrf", "tcp6:1", gateways["esrf"]),
        ("ill", "tcp:2", gateways["ill"]),
    ]


def test_endpointsThatTwistedDoesNotUnderstandAreAllNamed(tmp_path: Path) -> None:
    text = GATEWAYS.replace("tcp6:1", "carrier:pigeon").replace("tcp:2", "tcp:2:interfase=x")
    configuration = load(text, tmp_path, installed)

    with pytest.raises(ConfigurationError) as caught:
        endpointsOf(configuration, reactor)

    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "gateway.esrf.listen",
        "gateway.ill.listen",
    ]


@pytest_twisted.ensureDeferred
async def test_startedServiceListensAndAStoppedOneDoesNot(memory: Any) -> None:
    kept = Kept(listener(memory), listener(memory))
    with capturedLogs() as logs:
        kept.service.privilegedStartService()
    kept.service.startService()
    ports = kept.ports
    assert len(set(ports)) == 2
    assert [await refuses(port) for port in ports] == [False, False]
    told = [(event["name"], event["where"]) for event in logs if "where" in event]
    assert told == [("esrf", ANY_PORT)] * 2

    await kept.service.stopService()

    assert [await refuses(port) for port in ports] == [True, True]
    assert kept.closed == 1
    memory.network.advance(11)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("first", [True, False], ids=["the first", "the last"])
async def test_portThatIsTakenStopsTheStart(memory: Any, first: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        good = listener(memory)
        bad = listener(memory, f"tcp:{number}:interface=127.0.0.1", "ill")
        kept = Kept(*((bad, good) if first else (good, bad)))

        with pytest.raises(CannotListen) as caught:
            kept.service.privilegedStartService()

    said = str(caught.value)
    assert isinstance(caught.value, SystemExit)
    assert said.startswith(f"gateway.ill.listen: cannot listen on tcp:{number}:interface=")
    assert "in use" in said
    await deferLater(reactor, 0)


@pytest_twisted.ensureDeferred
async def test_everyPortThatIsTakenIsNamed(memory: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        number = one.getsockname()[1]
        bad = [listener(memory, f"tcp:{number}:interface=127.0.0.1", name) for name in "abc"]

        with pytest.raises(CannotListen) as caught:
            Kept(listener(memory), *bad).service.privilegedStartService()

    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [f"gateway.{n}.listen" for n in "abc"]
    await deferLater(reactor, 0)


@pytest_twisted.ensureDeferred
async def test_halfABastionIsNone(memory: Any) -> None:
    """
    Whoever catches the error finds no port left open.
    """
    before = listening()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        bad = listener(memory, f"tcp:{number}:interface=127.0.0.1")
        with pytest.raises(CannotListen):
            Kept(listener(memory), bad).service.privilegedStartService()
    await deferLater(reactor, 0)

    assert listening() == before


@pytest_twisted.ensureDeferred
async def test_serviceThatCouldNotStartCanBeStopped(memory: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        bad = listener(memory, f"tcp:{number}:interface=127.0.0.1")
        kept = Kept(listener(memory), bad)
        with pytest.raises(CannotListen):
            kept.service.privilegedStartService()
    await deferLater(reactor, 0)

    await kept.service.stopService()
    gc.collect()
    failures = list(memory.failures)
    memory.failures.clear()
    assert failures == []


@pytest_twisted.ensureDeferred
async def test_stoppingEndsAllConnectionsAndThenCloses(memory: Any) -> None:
    kept = Kept(listener(memory), listener(memory))
    kept.service.privilegedStartService()
    kept.service.startService()
    client, host = memory.loggedIn()
    stranger = memory.connects()
    stranger.requests(NONE)

    stopped: Deferred[Any] = kept.service.stopService()
    assert kept.closed == 0
    # The ports are not closed yet.
    late = memory.connects()
    await deferLater(reactor, 0)
    memory.network.settle()
    await stopped

    assert kept.closed == 1
    for one in (client, stranger, late):
        assert one.fate[0][2].startswith(b"The gateway is being stopped. (reference ")
    assert host.fate == ["lost"]
    memory.check()


@pytest_twisted.ensureDeferred
async def test_stoppingWaitsForTheLastConnection(memory: Any) -> None:
    kept = Kept(listener(memory))
    kept.service.privilegedStartService()
    client, _ = memory.loggedIn()
    client.tcp.pauseProducing()

    stopped: Deferred[Any] = kept.service.stopService()
    await deferLater(reactor, 0)
    memory.network.advance(4)
    await deferLater(reactor, 0)
    assert kept.closed == 0

    memory.network.advance(2)
    await stopped
    assert kept.closed == 1


@pytest_twisted.ensureDeferred
async def test_whatWasBeforeIsKnownBeforeAnybodyIsLetIn(memory: Any) -> None:
    kept = Kept(listener(memory))
    kept.service.privilegedStartService()
    assert kept.told == ["open", "restore"]

    kept.service.startService()
    assert kept.told == ["open", "restore", "start"]

    await kept.service.stopService()
    assert kept.told == ["open", "restore", "start", "stop", "doors", "close"]
    assert kept.closed == 1


@pytest_twisted.ensureDeferred
async def test_storeThatCannotBeOpenedIsSaidAndTheGatewaysListen(memory: Any) -> None:
    kept = Kept(listener(memory))
    kept.store.problem = StoreUnusable("no such server")
    with capturedLogs() as events:
        kept.service.privilegedStartService()

    assert [e["problem"] for e in events if e["log_level"] is LogLevel.critical] == [
        "no such server"
    ]
    assert len(kept.ports) == 1
    await kept.service.stopService()


@pytest_twisted.ensureDeferred
async def test_loadBalancersAreAskedWhoseAConnectionIs(memoryOf: Any) -> None:
    memory = memoryOf(proxy_from=(ip_network("127.0.0.0/8"),))
    kept = Kept(listener(memory))
    kept.service.privilegedStartService()
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", kept.ports[0])
    balancer = await connectProtocol(endpoint, Protocol())
    ended: Deferred[None] = Deferred()
    balancer.connectionLost = lambda reason: ended.callback(None)

    balancer.transport.write(b"PROXY TCP4 192.0.2.9 192.0.2.22 1 22\r\nSSH-1.5-x\r\n")
    await ended

    assert [event["source"] for event in memory.named("connection.opened")] == ["192.0.2.9"]
    await kept.service.stopService()
