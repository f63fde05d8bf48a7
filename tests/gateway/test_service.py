"""
L{bastion.gateway.service}: all gateways, or none.  The ports are real, on the
loopback; the connections are in memory.
"""

from __future__ import annotations

import gc
import socket
from typing import Any

import pytest
import pytest_twisted
from twisted.application.service import IService
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs
from zope.interface.verify import verifyObject

from bastion.auth.messages import NONE
from bastion.gateway.service import BastionService, Listener, listenersOf

ANY_PORT = "tcp:0:interface=127.0.0.1"


class Kept:
    """
    A service, and how often it has said that it is over.
    """

    def __init__(self, *listeners: Listener) -> None:
        self.closed = 0
        self.service = BastionService(reactor, listeners, self._close)

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
    return Listener(name, endpoint, memory.factory)


def opened(logs: Any) -> list[int]:
    """
    The ports that the log says are open.
    """
    return [event["address"].port for event in logs if "address" in event]


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


def test_everyEndpointOfEveryGatewayIsAListener(memory: Any, memoryOf: Any) -> None:
    other = memoryOf()
    gateways = {"esrf": memory.factory, "ill": other.factory}

    listeners = listenersOf(gateways, {"esrf": ("tcp:1", "tcp6:1"), "ill": ("tcp:2",)})

    assert [(each.name, each.endpoint, each.factory) for each in listeners] == [
        ("esrf", "tcp:1", memory.factory),
        ("esrf", "tcp6:1", memory.factory),
        ("ill", "tcp:2", other.factory),
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
    assert [event["name"] for event in logs if "name" in event] == ["esrf", "esrf"]

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

        with pytest.raises(SystemExit) as caught:
            kept.service.privilegedStartService()

    said = str(caught.value.code)
    assert said.startswith(f"gateway.ill.listen: cannot listen on tcp:{number}:interface=")
    assert "in use" in said
    await deferLater(reactor, 0)


@pytest_twisted.ensureDeferred
async def test_everyPortThatIsTakenIsNamed(memory: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        number = one.getsockname()[1]
        bad = [listener(memory, f"tcp:{number}:interface=127.0.0.1", name) for name in "abc"]

        with pytest.raises(SystemExit) as caught:
            Kept(listener(memory), *bad).service.privilegedStartService()

    lines = str(caught.value.code).splitlines()
    assert [line.partition(":")[0] for line in lines] == [f"gateway.{n}.listen" for n in "abc"]
    await deferLater(reactor, 0)


@pytest_twisted.ensureDeferred
async def test_halfABastionIsNone(memory: Any) -> None:
    """
    Whoever catches the error finds no port left open.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        bad = listener(memory, f"tcp:{number}:interface=127.0.0.1")
        kept = Kept(listener(memory), bad)
        with capturedLogs() as logs, pytest.raises(SystemExit):
            kept.service.privilegedStartService()
    ports = opened(logs)
    assert len(ports) == 1
    await deferLater(reactor, 0)

    assert [await refuses(port) for port in ports] == [True]


@pytest_twisted.ensureDeferred
async def test_serviceThatCouldNotStartCanBeStopped(memory: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        bad = listener(memory, f"tcp:{number}:interface=127.0.0.1")
        kept = Kept(listener(memory), bad)
        with pytest.raises(SystemExit):
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
    memory.network.settle()
    await stopped

    assert kept.closed == 1
    for one in (client, stranger):
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
    memory.network.advance(4)
    await deferLater(reactor, 0)
    assert kept.closed == 0

    memory.network.advance(2)
    await stopped
    assert kept.closed == 1
