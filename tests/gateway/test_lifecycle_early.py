"""
L{bastion.gateway.lifecycle}: the host is connected to before the login begins.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest

from bastion.auth.messages import NONE, PASSWORD, Password, Request
from bastion.interfaces import HostAddress
from bastion.upstream.ready import AGE, MAX_BEGUN
from bastion.wire import MSG_USERAUTH_REQUEST, MSG_USERAUTH_SUCCESS

NICE1 = HostAddress("nice1")
NOT_NEEDED = [("disconnected", 11, b"not needed"), "lost"]


def withOneHost(memory: Any) -> Any:
    """
    The same site, of whose hosts only nice1 is left.
    """
    memory.only(NICE1)
    return memory


@pytest.fixture
def memory(memoryOf: Callable[..., Any]) -> Any:
    """
    A site with one host.
    """
    return withOneHost(memoryOf())


def asked(memory: Any) -> list[bytes]:
    """
    The accounts that the host was asked for, on all its connections.
    """
    heard = [message for host in memory.hosts["nice1"] for message in host.hears()]
    return [Request.parse(payload).account for number, payload in heard if number == 50]


def logsIn(memory: Any, client: Any) -> None:
    """
    The client logs in with a password to the latest connection to the host.
    """
    client.requests(NONE)
    memory.host().offers(PASSWORD)
    client.requests(PASSWORD, Password(b"right").pack())
    memory.host().accepts()
    assert client.hears()[-1] == (MSG_USERAUTH_SUCCESS, b"")
    client.speaker.startSession()


def steps(client: Any, count: int) -> None:
    """
    Go a part of the way between a client and the gateway, and nowhere else.
    """
    for _ in range(count):
        for end in (client.tcp, client.tcp.other):
            end.step()


def test_onlyHostWaitsForTheLogin(memory: Any) -> None:
    memory.connects()

    (host,) = memory.hosts["nice1"]
    assert host.speaker.witness.events == ["secured"]
    assert host.transport.service is host.speaker.login
    assert host.hears() == []
    assert sum(memory.leased.values()) == 0


def test_loginNeedsNoOtherConnection(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE)
    assert asked(memory) == [b"johnson"]
    assert sum(memory.leased.values()) == 1
    logsIn(memory, client)

    assert len(memory.hosts["nice1"]) == 1
    assert memory.named("login.accepted")[0]["host"] == "nice1"
    assert memory.named("host.refused") == []
    assert memory.clock.getDelayedCalls() != []


def test_hostIsToldTheClientsKin(memory: Any) -> None:
    for own in ({}, {"ourVersionString": b"SSH-2.0-OpenSSH_9.2"}):
        memory.connects(**own)

    said = [host.transport.otherVersionString for host in memory.hosts["nice1"]]
    assert [each.startswith(b"SSH-2.0-OpenSSH") for each in said] == [False, True]


def test_loginAwaitsAConnectionThatIsNotReadyYet(memory: Any) -> None:
    client = memory.connects(settle=False)
    steps(client, 8)
    (host,) = memory.hosts["nice1"]
    assert host.speaker.witness.events == []
    request = Request(b"johnson", b"ssh-connection", NONE, b"")
    client.transport.sendPacket(MSG_USERAUTH_REQUEST, request.pack())
    steps(client, 2)
    assert sum(memory.leased.values()) == 1

    memory.network.settle()

    assert len(memory.hosts["nice1"]) == 1
    assert asked(memory) == [b"johnson"]


@pytest.mark.parametrize("way", ["closes", "vanishes", "says goodbye"])
def test_clientThatLeavesBeforeTheLoginLeavesItToTheNext(memory: Any, way: str) -> None:
    client = memory.connects()

    if way == "closes":
        client.leaves()
    elif way == "vanishes":
        client.tcp.abortConnection()
    else:
        client.transport.disconnect(11, b"disconnected by user")
    memory.network.settle()

    (host,) = memory.hosts["nice1"]
    assert host.fate == []
    assert [name for name, _ in memory.events] == ["connection.opened", "connection.closed"]
    logsIn(memory, memory.connects())
    assert memory.hosts["nice1"] == [host]


def test_strangersCauseAFewConnectionsAndNoEnds(memory: Any) -> None:
    """
    They exchange keys and leave, as those do who scan for servers.  A host counts the
    connections that end without a login against the bastion.
    """
    for _ in range(10):
        strangers = [memory.connects() for _ in range(10)]
        for stranger in strangers:
            stranger.leaves()

    assert len(memory.hosts["nice1"]) == MAX_BEGUN
    assert all(host.fate == [] for host in memory.hosts["nice1"])
    memory.network.advance(AGE + 0.1)
    assert all(host.fate == NOT_NEEDED for host in memory.hosts["nice1"])
    assert len(memory.hosts["nice1"]) == MAX_BEGUN


@pytest.mark.parametrize("count", range(10))
@pytest.mark.parametrize("way", ["client", "gateway"])
def test_endAtEachStepLeavesNothing(memory: Any, count: int, way: str) -> None:
    client = memory.connects(settle=False)
    for _ in range(count):
        steps(client, 1)
        for host in memory.hosts["nice1"]:
            host.tcp.step()
            host.tcp.other.step()

    if way == "client":
        client.tcp.abortConnection()
    else:
        memory.factory.dismissAll("the gateway stopped", "The gateway is being stopped.")
    memory.network.settle()

    assert memory.named("host.refused") == []
    memory.check()


def test_graceTimeEndsItToo(memoryOf: Callable[..., Any]) -> None:
    memory = withOneHost(memoryOf(admission={"login_grace_time": 8.0}))
    memory.connects()

    memory.network.advance(8.2)

    assert memory.host().fate == []
    assert memory.named("host.refused") == []
    memory.check()


@pytest.mark.parametrize("settings", [{"notice": "Go away."}, {"admission": {}}])
def test_whoCannotLogInCausesNoConnection(
    memoryOf: Callable[..., Any], settings: dict[str, Any]
) -> None:
    if "notice" not in settings:
        settings["admission"] = {"deny_from": {ip_network("198.51.100.0/24"): "Use the VPN."}}
    memory = memoryOf(**settings)
    if memory.factory.gateway.site is not None:
        withOneHost(memory)

    client = memory.connects("198.51.100.7")

    assert client.speaker.witness.events == ["secured"]
    assert memory.hosts["nice1"] == []


def test_scannerCausesNoConnection(memory: Any) -> None:
    """
    It asks for our algorithms, and goes no further.
    """
    scanner = memory.connects(startMethod=lambda: None)
    assert scanner.transport.otherKexInitPayload
    scanner.leaves()

    assert memory.hosts["nice1"] == []


def test_oneConnectionIsEnough(memory: Any) -> None:
    client = memory.connects()
    logsIn(memory, client)

    client.transport.rekey()
    memory.network.settle()
    memory.host().transport.rekey()
    memory.network.settle()

    assert len(memory.hosts["nice1"]) == 1
