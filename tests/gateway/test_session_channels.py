"""
L{bastion.gateway.session}: the channels of a gateway, of its sources and its accounts are
limited, and however a connection ends, its places are free.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.config.policies import PolicyTable
from bastion.wire import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_CONFIRMATION,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_GLOBAL_REQUEST,
    OPEN_RESOURCE_SHORTAGE,
    byte,
    openFailure,
    string,
    uint32,
)

HERE, THERE = "198.51.100.7", "2001:db8::7"
ACCOUNT = (
    "This account has as many channels open as it may have (2). Close one, or try again later."
)
SOURCE = "As many channels from {} are open as there may be (2). Close one, or try again later."
GATEWAY = "As many channels are open as this gateway takes (2). Please try again later."
FORWARDED = string(b"") + uint32(8080) + string(b"192.0.2.9") + uint32(4242)


def wish(number: int, type: bytes = b"session", data: bytes = b"") -> bytes:
    """
    The payload of SSH_MSG_CHANNEL_OPEN.
    """
    return string(type) + uint32(number) + uint32(2**21) + uint32(32768) + data


def confirmation(recipient: int, sender: int) -> bytes:
    """
    The payload of SSH_MSG_CHANNEL_OPEN_CONFIRMATION.
    """
    return uint32(recipient) + uint32(sender) + uint32(2**21) + uint32(32768)


def refusal(talker: Any, number: int, payload: bytes) -> str | None:
    """
    Let an end ask for a channel.

    @return: why it is refused, if it is.
    """
    talker.hears()
    talker.says(MSG_CHANNEL_OPEN, payload)
    for message, said in talker.hears():
        if message == MSG_CHANNEL_OPEN_FAILURE:
            length = int.from_bytes(said[8:12])
            sentence = said[12 : 12 + length].decode()
            assert said == openFailure(number, OPEN_RESOURCE_SHORTAGE, sentence)
            return sentence
    return None


# Which limit it is


@pytest.mark.parametrize(
    ("key", "second", "third", "sentence"),
    [
        ("per_account_channels", (THERE, b"johnson"), (HERE, b"gaston"), ACCOUNT),
        ("per_source_channels", (HERE, b"gaston"), (THERE, b"johnson"), SOURCE.format(HERE)),
        (
            "per_source_channels",
            ("::ffff:198.51.100.7", b"gaston"),
            ("198.51.100.8", b"johnson"),
            SOURCE.format(HERE),
        ),
        ("max_channels", (THERE, b"gaston"), None, GATEWAY),
    ],
)
def test_limitHoldsAcrossConnectionsAndIsTold(
    memoryOf: Callable[..., Any], key: str, second: Any, third: Any, sentence: str
) -> None:
    memory = memoryOf(admission={key: 2})
    one, host = memory.loggedIn(HERE, b"johnson")
    two, _ = memory.loggedIn(*second)
    memory.opened(one, host)
    assert refusal(two, 0, wish(0)) is None

    for client in (one, two):
        assert refusal(client, 1, wish(1)) == sentence
    if third is not None:
        assert refusal(memory.loggedIn(*third)[0], 0, wish(0)) is None

    found = [(each["type"], each["reason"]) for each in memory.named("channel.refused")]
    assert found == [("session", sentence)] * 2


@pytest.mark.parametrize(
    ("one", "other", "source"),
    [
        ("2001:db8::7", "2001:db8::8", "2001:db8::/64"),
        ("fe80::7%eth0", "fe80::8%eth1", "fe80::/64"),
    ],
)
def test_sourceIsTheNetworkThatAHostCanChooseFrom(
    memoryOf: Callable[..., Any], one: str, other: str, source: str
) -> None:
    memory = memoryOf(admission={"per_source_channels": 2})
    client, host = memory.loggedIn(one)
    memory.opened(client, host)
    memory.opened(client, host, 1)
    assert refusal(memory.loggedIn(other)[0], 0, wish(0)) == SOURCE.format(source)


def test_hostIsRefusedWhatItOpens(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(admission={"per_account_channels": 2})
    client, host = memory.loggedIn()
    asked = string(b"tcpip-forward") + byte(0) + string(b"") + uint32(8080)
    client.says(MSG_GLOBAL_REQUEST, asked)
    memory.opened(client, host)
    assert refusal(host, 5, wish(5, b"forwarded-tcpip", FORWARDED)) is None
    client.hears()

    assert refusal(host, 6, wish(6, b"forwarded-tcpip", FORWARDED)) == ACCOUNT

    assert client.hears() == []
    assert [each["type"] for each in memory.named("channel.refused")] == ["forwarded-tcpip"]


def test_limitOfTheConnectionHoldsBesideThem(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(
        admission={"max_channels": 2}, tables=(PolicyTable(name="all", max_channels=1),)
    )
    client, host = memory.loggedIn()
    memory.opened(client, host)
    own = "no more than 1 open channels are allowed"
    assert refusal(client, 1, wish(1)) == own
    other, host = memory.loggedIn()
    memory.opened(other, host)
    assert refusal(other, 1, wish(1)) == own
    assert refusal(memory.loggedIn()[0], 0, wish(0)) == GATEWAY


def test_channelsThatAreClosedMakeRoom(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(admission={"max_channels": 1})
    client, host = memory.loggedIn()
    for _ in range(3):
        memory.opened(client, host)
        assert refusal(client, 1, wish(1)) is not None
        client.says(MSG_CHANNEL_CLOSE, uint32(0))
        assert refusal(client, 1, wish(1)) is not None
        host.says(MSG_CHANNEL_CLOSE, uint32(0))
    assert memory.channels == {}


def test_unlessItIsSaidNothingIsCounted(memory: Any) -> None:
    client, host = memory.loggedIn()
    memory.opened(client, host)
    assert memory.channels == {}


# However it ends


def confirmedWrongly(memory: Any, client: Any, host: Any) -> None:
    """
    The host gives a number to two channels.
    """
    client.says(MSG_CHANNEL_OPEN, wish(7))
    host.says(MSG_CHANNEL_OPEN_CONFIRMATION, confirmation(7, 0))


def askedBehindTheEnd(memory: Any, client: Any, host: Any) -> None:
    """
    The host asks for a channel when the client is gone, and does not know it yet.
    """
    host.transport.sendPacket(MSG_CHANNEL_OPEN, wish(9, b"forwarded-tcpip", FORWARDED))
    client.tcp.abortConnection()
    memory.network.settle()


def disconnects(talker: Any, memory: Any) -> None:
    """
    With a goodbye.
    """
    talker.transport.disconnect(11, b"bye")
    memory.network.settle()


def dismissed(memory: Any) -> None:
    """
    The bastion ends everything.
    """
    memory.factory.dismissAll("the gateway stopped", "The gateway is being stopped.")
    memory.network.settle()


ENDS: dict[str, Callable[[Any, Any, Any], object]] = {
    "the client closes": lambda memory, client, host: client.leaves(),
    "the client vanishes": lambda memory, client, host: client.tcp.abortConnection(),
    "the client says goodbye": lambda memory, client, host: disconnects(client, memory),
    "the client breaks the rules": lambda memory, client, host: client.says(51, b"canary"),
    "the client is silent": lambda memory, client, host: memory.network.advance(60),
    "the host closes": lambda memory, client, host: host.leaves(),
    "the host vanishes": lambda memory, client, host: host.tcp.abortConnection(),
    "the host says goodbye": lambda memory, client, host: disconnects(host, memory),
    "the host breaks the rules": lambda memory, client, host: host.says(50, b"canary"),
    "the host confirms wrongly": confirmedWrongly,
    "the host asks behind the end": askedBehindTheEnd,
    "the bastion stops": lambda memory, client, host: dismissed(memory),
    "the time is over": lambda memory, client, host: memory.network.advance(1800),
}


@pytest.fixture
def busy(memoryOf: Callable[..., Any]) -> tuple[Any, Any, Any]:
    """
    A site, a client and its host, with a channel in each state.
    """
    memory = memoryOf(
        admission={"max_channels": 9, "per_source_channels": 9, "per_account_channels": 9},
        tables=(PolicyTable(name="all", duration_limit=1800.0),),
    )
    client, host = memory.loggedIn()
    asked = string(b"tcpip-forward") + byte(0) + string(b"") + uint32(8080)
    client.says(MSG_GLOBAL_REQUEST, asked)
    for number in range(5):
        memory.opened(client, host, number)
    client.says(MSG_CHANNEL_EOF, uint32(1))
    client.says(MSG_CHANNEL_CLOSE, uint32(2))
    host.says(MSG_CHANNEL_CLOSE, uint32(3))
    for talker in (client, host):
        talker.says(MSG_CHANNEL_CLOSE, uint32(4))
    client.says(MSG_CHANNEL_OPEN, wish(5))
    host.says(MSG_CHANNEL_OPEN, wish(6, b"forwarded-tcpip", FORWARDED))
    return memory, client, host


@pytest.mark.parametrize("end", ENDS)
def test_placesOfAConnectionThatEndsAreFree(busy: tuple[Any, Any, Any], end: str) -> None:
    memory, client, host = busy
    assert memory.channels == {None: 6, HERE: 6, b"johnson": 6}

    ENDS[end](memory, client, host)
    memory.network.settle()
    memory.network.advance(30)

    assert len(memory.named("connection.closed")) == 1
    assert memory.channels == {}


@pytest.mark.parametrize("end", ["the client vanishes", "the host vanishes"])
def test_placesOfOthersAreTheirs(busy: tuple[Any, Any, Any], end: str) -> None:
    memory, client, host = busy
    other, itsHost = memory.loggedIn(THERE, b"johnson")
    memory.opened(other, itsHost)

    ENDS[end](memory, client, host)
    memory.network.settle()
    memory.network.advance(10)

    assert memory.channels == {None: 1, "2001:db8::/64": 1, b"johnson": 1}
