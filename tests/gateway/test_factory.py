"""
L{bastion.gateway.factory}: who may come in.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from twisted.conch.ssh.keys import Key
from twisted.internet.address import IPv4Address, UNIXAddress

from bastion.auth.messages import NONE
from bastion.config.values import MaxStartups
from bastion.ssh.server import ServerTransport


def test_networkThatIsNotAllowedGetsNoByte(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(admission={"allow_from": (ip_network("198.51.100.0/24"),)})

    assert memory.connects("203.0.113.9") is None
    assert memory.connects("198.51.100.9") is not None

    (refused,) = memory.named("connection.refused")
    assert refused["source"] == "203.0.113.9"
    assert refused["gateway"] == "esrf"
    assert refused["reason"] == "its network is not in allow_from"
    assert len(memory.named("connection.opened")) == 1


def test_strangersAreLimited(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(admission={"max_startups": MaxStartups(3, 100, 3)})
    for number in range(3):
        assert memory.connects(f"198.51.100.{number}") is not None

    assert memory.connects("198.51.100.9") is None

    (refused,) = memory.named("connection.refused")
    assert refused["reason"] == "3 connections have not logged in yet"


def test_whoFillsAllPlacesKeepsNobodyOut(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(admission={"max_startups": MaxStartups(3, 100, 3)})
    crowd = [memory.connects("198.51.100.7") for _ in range(3)]

    newcomer = memory.connects("198.51.100.9")

    assert newcomer is not None
    assert [client.fate for client in crowd] == [["lost"], [], []]
    assert newcomer.fate == []
    assert memory.reason == "its place went to another source: its own had the most"
    assert memory.startups.total == 3


def test_strangersOfOneSourceAreLimited(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(admission={"per_source_startups": 2})
    for _ in range(2):
        assert memory.connects("198.51.100.7") is not None

    assert memory.connects("198.51.100.7") is None
    assert memory.connects("198.51.100.8") is not None


@pytest.mark.parametrize("way", ["leaves", "logs in"])
def test_placeOfAStrangerIsGivenBack(memoryOf: Callable[..., Any], way: str) -> None:
    memory = memoryOf(admission={"per_source_startups": 1})
    client = memory.connects()
    assert memory.connects() is None

    if way == "leaves":
        client.leaves()
    else:
        client.requests(NONE)
        memory.host().accepts()

    assert memory.connects() is not None


def test_deniedClientsAreStrangersToo(memoryOf: Callable[..., Any]) -> None:
    denied = {ip_network("198.51.100.0/24"): "Not from here."}
    memory = memoryOf(admission={"deny_from": denied, "per_source_startups": 1})
    client = memory.connects()
    assert memory.connects() is None

    client.leaves()
    assert memory.connects() is not None


def test_connectionsAreKnownWhileTheyLive(memory: Any) -> None:
    first, second = memory.connects(), memory.connects()
    assert len(memory.factory.connections) == 2

    first.leaves()
    assert len(memory.factory.connections) == 1
    second.leaves()
    assert memory.factory.connections == set()


@pytest.mark.parametrize("source", ["192.0.2.1", "2001:db8::1", "fe80::1%eth0", "::ffff:192.0.2.1"])
def test_sourceIsTheAddress(memory: Any, source: str) -> None:
    client = memory.connects(source)

    assert isinstance(client.tcp.other.protocol, ServerTransport)
    assert memory.named("connection.opened")[0]["source"] == source


@pytest.mark.parametrize("address", [None, UNIXAddress(b"/run/bastion"), IPv4Address("TCP", "", 1)])
def test_addressThatCannotBeReadIsTurnedAway(memory: Any, address: Any) -> None:
    assert memory.factory.buildProtocol(address) is None

    assert memory.named("connection.refused")[0]["reason"] == "its address cannot be read"


def test_rsaHostKeySignsWithoutSha1(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {b"ssh-rsa": Key(generate_private_key(65537, 2048))}
    monkeypatch.setattr(memory.factory, "privateKeys", keys)

    transport = memory.connects(settle=False).tcp.other.protocol

    assert transport.offered().hostKeys == (b"rsa-sha2-512", b"rsa-sha2-256")


def test_nobodyConnectedIsDismissedAtOnce(memory: Any) -> None:
    over: list[Any] = []

    memory.factory.dismissAll("reason", "Sentence.").addCallback(over.append)

    assert over == [[]]


def test_portIsKnownToTheWayToTheHost(memory: Any) -> None:
    memory.connects()

    (connection,) = memory.factory.connections
    assert connection._route._request.port == 49152
