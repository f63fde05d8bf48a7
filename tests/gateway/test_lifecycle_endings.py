"""
L{bastion.gateway.lifecycle}: however a connection ends, both ends learn why, and
nothing is left.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest

from bastion.auth.messages import KEYBOARD_INTERACTIVE, NONE, PASSWORD, Banner, Password
from bastion.interfaces import HostAddress
from bastion.wire import (
    DISCONNECT_BY_APPLICATION,
    DISCONNECT_PROTOCOL_ERROR,
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_USERAUTH_BANNER,
    string,
    uint32,
)


def told(memory: Any, sentence: str) -> list[Any]:
    """
    What a client knows that was told a sentence before the end.
    """
    reference = memory.named("connection.opened")[0]["reference"]
    text = f"{sentence} (reference {reference})".encode()
    return [("disconnected", DISCONNECT_BY_APPLICATION, text), "lost"]


def banners(heard: list[tuple[int, bytes]]) -> list[bytes]:
    """
    The texts that a client was shown.
    """
    return [Banner.parse(text).message for number, text in heard if number == MSG_USERAUTH_BANNER]


# One of the two ends goes


def test_clientClosesTheConnection(memory: Any) -> None:
    client, host = memory.loggedIn()
    memory.opened(client, host)

    client.leaves()

    assert host.fate == ["lost"]
    assert memory.reason == "the client closed the connection"


def test_clientVanishes(memory: Any) -> None:
    client, host = memory.loggedIn()

    client.tcp.abortConnection()
    memory.network.settle()

    assert host.fate == ["lost"]
    assert memory.reason == "the client closed the connection"


def test_goodbyeOfTheClientReachesTheHost(memory: Any) -> None:
    client, host = memory.loggedIn()

    client.transport.disconnect(11, b"disconnected by user")
    memory.network.settle()

    assert host.fate == [("disconnected", 11, b"disconnected by user"), "lost"]
    assert memory.reason == "the client left: disconnected by user"


def test_goodbyeOfTheClientDuringTheLoginReachesTheHost(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE)

    client.transport.disconnect(14, b"No more methods")
    memory.network.settle()

    assert memory.host().fate == [("disconnected", 14, b"No more methods"), "lost"]


def test_hostClosesWithChannelsOpen(memory: Any) -> None:
    """
    Without a word: OpenSSH would drop what it has not printed yet.
    """
    client, host = memory.loggedIn()
    memory.opened(client, host)

    host.leaves()

    assert client.fate == ["lost"]
    assert memory.reason == "the host closed the connection"


def test_hostClosesBehindTheLastChannel(memory: Any) -> None:
    client, host = memory.loggedIn()
    memory.opened(client, host)
    host.says(MSG_CHANNEL_CLOSE, uint32(0))
    client.says(MSG_CHANNEL_CLOSE, uint32(0))

    host.leaves()

    assert client.fate == ["lost"]
    assert memory.reason == "the host closed the connection"


def test_goodbyeOfTheHostReachesTheClient(memory: Any) -> None:
    client, host = memory.loggedIn()
    memory.opened(client, host)

    host.transport.disconnect(2, "Zeit ist um \N{EM DASH} bye".encode())
    memory.network.settle()

    assert client.fate == [("disconnected", 2, "Zeit ist um \N{EM DASH} bye".encode()), "lost"]
    assert memory.reason == "the host ended the connection: Zeit ist um \\u2014 bye"


def test_lastWordsOfTheHostComeBeforeTheEnd(memory: Any) -> None:
    client, host = memory.loggedIn()
    memory.opened(client, host)
    last = [(MSG_CHANNEL_DATA, uint32(0) + string(b"%d" % n)) for n in range(50)]

    for number, payload in last:
        host.transport.sendPacket(number, payload)
    host.leaves()

    assert client.hears() == last
    assert client.fate[-1] == "lost"


@pytest.mark.parametrize("number", [51, 79])
def test_clientThatBreaksTheRulesIsTold(memory: Any, number: int) -> None:
    client, host = memory.loggedIn()

    client.says(number, b"canary")

    problem = f"message {number} during connection"
    expected = ("disconnected", DISCONNECT_PROTOCOL_ERROR, problem.encode())
    assert client.fate == [expected, "lost"]
    assert host.fate == ["lost"]
    assert memory.reason == f"client fault: {problem}"


@pytest.mark.parametrize("number", [50, 79])
def test_hostThatBreaksTheRulesEndsItsConnectionOnly(memory: Any, number: int) -> None:
    client, host = memory.loggedIn()

    host.says(number, b"canary")

    assert host.fate[0][:2] == ("disconnected", DISCONNECT_PROTOCOL_ERROR)
    assert client.fate == ["lost"]
    assert memory.reason == f"host fault: message {number} during connection"


# We end it


def test_tooManyTries(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(admission={"max_auth_tries": 2})
    client = memory.connects()
    client.requests(NONE)
    host = memory.host()
    host.offers(PASSWORD)
    for _ in range(2):
        client.requests(PASSWORD, Password(b"wrong").pack())
        host.offers(PASSWORD)

    assert client.fate == told(memory, "Too many authentication failures.")
    assert host.fate == ["lost"]
    assert len(memory.named("login.refused")) == 3
    assert memory.reason == "the login was refused"


def test_changeOfTheAccount(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE)
    client.requests(NONE, account=b"root")

    sentence = "The account name must not change within a connection."
    assert client.fate == told(memory, sentence)
    assert memory.host().fate == ["lost"]
    assert memory.named("login.refused")[0]["account"] == "johnson"


def test_noHost(memory: Any) -> None:
    for host in ("nice1", "nice2"):
        memory.network.stopListening(HostAddress(host))
    client = memory.connects()
    client.requests(NONE)

    sentence = "No host can be reached at the moment; please try again later."
    assert client.fate == told(memory, sentence)
    assert banners(client.hears())[0].startswith(sentence.encode())
    passed = [(each["host"], each["reason"]) for each in memory.named("host.refused")]
    assert passed == [
        ("nice1", "nice1 refuses connections"),
        ("nice2", "nice2 refuses connections"),
    ]


def test_hostsThatAreSilentCostTheSearchTime(memory: Any) -> None:
    for host in ("nice1", "nice2"):
        memory.network.silence(HostAddress(host))
    client = memory.connects()
    client.requests(NONE)
    memory.network.advance(7.1)

    assert client.fate[-1] == "lost"
    assert len(memory.named("host.refused")) == 2


def test_notice(memoryOf: Callable[..., Any]) -> None:
    text = "EMBL uses a different architecture; see its own pages."
    memory = memoryOf(notice=text)
    client = memory.connects()
    client.requests(NONE)

    assert client.fate == told(memory, text)
    assert banners(client.hears())[0].startswith(text.encode())
    assert memory.hosts["nice1"] == []


def test_deniedNetworkIsToldWhyAndAsksNoHost(memoryOf: Callable[..., Any]) -> None:
    denied = {ip_network("198.51.100.0/24"): "Please use the VPN."}
    memory = memoryOf(admission={"deny_from": denied})
    client = memory.connects("198.51.100.7")
    client.requests(PASSWORD, Password(b"right").pack())

    assert client.fate == told(memory, "Please use the VPN.")
    assert banners(client.hears())[0].startswith(b"Please use the VPN.")
    assert memory.hosts["nice1"] == []


@pytest.mark.parametrize("phase", ["connected", "login", "asked", "session"])
def test_shutdownTellsEverybody(memory: Any, phase: str) -> None:
    client = memory.connects()
    if phase != "connected":
        client.requests(NONE)
    if phase == "asked":
        memory.host().offers(KEYBOARD_INTERACTIVE)
        client.requests(KEYBOARD_INTERACTIVE, string(b"") * 2)
        memory.host().says(60, string(b"") * 3 + uint32(1) + string(b"?") + b"\0")
    elif phase == "session":
        memory.host().accepts()
        client.speaker.startSession()
    over: list[Any] = []

    ended = memory.factory.dismissAll("the gateway stopped", "The gateway is being stopped.")
    ended.addCallback(over.append)
    assert over == []
    memory.network.settle()

    assert len(over) == 1
    assert client.fate == told(memory, "The gateway is being stopped.")
    assert memory.reason == "the gateway stopped"
    if phase != "connected":
        assert memory.host().fate == ["lost"]
