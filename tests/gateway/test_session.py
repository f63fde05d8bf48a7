"""
L{bastion.gateway.session}: the tables of session policies hold for the sessions that
they are about, and what they limit is told and ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.config.policies import PolicyTable
from bastion.interfaces import ALLOW, Verdict
from bastion.wire import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_CONFIRMATION,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_WINDOW_ADJUST,
    MSG_REQUEST_FAILURE,
    OPEN_RESOURCE_SHORTAGE,
    byte,
    openFailure,
    string,
    uint32,
)

MIB = 1024 * 1024
MINUTE = 60.0


def asksForAShell(client: Any) -> None:
    """
    A client wants a shell in its channel 0.
    """
    client.says(MSG_CHANNEL_REQUEST, uint32(0) + string(b"shell") + byte(1))


def lines(client: Any) -> list[bytes]:
    """
    What a client reads on the stderr of its channel 0.
    """
    heard = [payload for number, payload in client.hears() if number == MSG_CHANNEL_EXTENDED_DATA]
    assert all(payload[:8] == uint32(0) + uint32(1) for payload in heard)
    return b"".join(payload[12:] for payload in heard).splitlines()


NO_SHELL = PolicyTable(name="guests", shell=False, sentence="Ask the help desk.")


def test_refusalIsReadByTheUser(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(tables=(NO_SHELL,))
    client, host = memory.loggedIn()
    memory.opened(client, host)
    asksForAShell(client)
    (_, line), (_, question) = client.hears()
    assert line[12:] == b"gateway: a shell is not allowed here. Ask the help desk.\r\n"
    assert b"keepalive@openssh.com" in question
    client.says(MSG_REQUEST_FAILURE)
    assert client.hears() == [(MSG_CHANNEL_FAILURE, uint32(0))]
    assert host.hears() == []
    [refused] = memory.named("channel.refused")
    assert refused["type"] == "shell"
    assert refused["reason"] == "a shell is not allowed here. Ask the help desk."


@pytest.mark.parametrize(
    "others",
    [
        {"accounts": ("guest*",)},
        {"gateways": ("ill",)},
        {"gateways": ("esrf",), "accounts": ("smith", "johnson?")},
    ],
)
def test_tableIsForThoseThatItIsAbout(memoryOf: Callable[..., Any], others: Any) -> None:
    memory = memoryOf(tables=(PolicyTable(name="guests", shell=False, **others),))
    client, host = memory.loggedIn()
    memory.opened(client, host)
    asksForAShell(client)
    assert [number for number, _ in host.hears()] == [MSG_CHANNEL_REQUEST]


def test_firstTableDecides(memoryOf: Callable[..., Any]) -> None:
    staff = PolicyTable(name="staff", accounts=("john*",))
    memory = memoryOf(tables=(staff, NO_SHELL))
    client, host = memory.loggedIn()
    memory.opened(client, host)
    asksForAShell(client)
    assert [number for number, _ in host.hears()] == [MSG_CHANNEL_REQUEST]


class NoX11:
    """
    An extension.
    """

    def decide(self, request: Any, login: Any) -> Verdict:
        """
        See L{bastion.interfaces.ISessionPolicy}.
        """
        return Verdict("no displays") if request.name == b"x11-req" else ALLOW


def test_extensionsRefuseMore(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(tables=(NO_SHELL,), policies=(NoX11(),))
    client, host = memory.loggedIn()
    memory.opened(client, host)
    client.says(MSG_CHANNEL_REQUEST, uint32(0) + string(b"x11-req") + byte(1))
    assert lines(client) == [b"gateway: no displays"]
    asksForAShell(client)
    assert lines(client) == [b"gateway: a shell is not allowed here. Ask the help desk."]


def test_withoutPoliciesTheWholeWindowIsTheHosts(memory: Any) -> None:
    client, host = memory.loggedIn()
    numbers = string(b"session") + uint32(0) + uint32(2 * MIB) + uint32(32768)
    client.says(MSG_CHANNEL_OPEN, numbers)
    assert host.hears() == [(MSG_CHANNEL_OPEN, numbers)]


def test_channelsAreLimited(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(tables=(PolicyTable(name="all", max_channels=1),))
    client, host = memory.loggedIn()
    memory.opened(client, host)
    numbers = uint32(1) + uint32(2 * MIB) + uint32(32768)
    client.says(MSG_CHANNEL_OPEN, string(b"session") + numbers)
    refused = openFailure(1, OPEN_RESOURCE_SHORTAGE, "no more than 1 open channels are allowed")
    assert client.hears() == [(MSG_CHANNEL_OPEN_FAILURE, refused)]
    assert host.hears() == []


def test_sessionEndsAfterItsTime(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(
        tables=(PolicyTable(name="all", duration_limit=30 * MINUTE),),
        keepalive=0,
        cluster={"keepalive": 0},
    )
    client, host = memory.loggedIn()
    memory.opened(client, host)
    memory.network.advance(25 * MINUTE + 1)
    said = b"gateway: this session ends in 5 minutes: it may last 30 minutes"
    assert lines(client) == [said]
    memory.network.advance(5 * MINUTE)
    [(what, _, goodbye), gone] = client.fate
    assert (what, gone) == ("disconnected", "lost")
    assert goodbye.startswith(b"A session may last 30 minutes. (reference ")
    assert memory.reason == "the session lasted for as long as it may"


def test_idleSessionEnds(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(
        tables=(PolicyTable(name="all", idle_limit=10 * MINUTE),),
        keepalive=0,
        cluster={"keepalive": 0},
    )
    client, host = memory.loggedIn()
    memory.opened(client, host)
    memory.network.advance(9 * MINUTE)
    client.says(MSG_CHANNEL_DATA, uint32(0) + string(b"ls\n"))
    memory.network.advance(9 * MINUTE)
    assert client.fate == []
    memory.network.advance(2 * MINUTE)
    assert memory.reason == "the session was idle"


@pytest.mark.parametrize(
    "settings",
    [
        {"bandwidth": MIB},
        {"tables": (PolicyTable(name="all", bandwidth=MIB),)},
    ],
    ids=["gateway", "account"],
)
def test_bandwidthIsLimited(memoryOf: Callable[..., Any], settings: Any) -> None:
    """
    The host sends as fast as it may, and its client takes everything at once.
    """
    memory = memoryOf(**settings, keepalive=0, cluster={"keepalive": 0})
    client, host = memory.loggedIn()
    numbers = uint32(0) + uint32(2 * MIB) + uint32(32768)
    client.says(MSG_CHANNEL_OPEN, string(b"session") + numbers)
    host.says(MSG_CHANNEL_OPEN_CONFIRMATION, uint32(0) + numbers)
    (_, opened), *told = host.hears()
    window = int.from_bytes(opened[len(string(b"session")) + 4 :][:4])
    sent = 0
    for _ in range(100):
        for number, payload in [*told, *host.hears()]:
            assert number == MSG_CHANNEL_WINDOW_ADJUST
            window += int.from_bytes(payload[4:])
        told = []
        while window > 0:
            size = min(window, 32768)
            host.says(MSG_CHANNEL_DATA, uint32(0) + string(bytes(size)))
            client.says(MSG_CHANNEL_WINDOW_ADJUST, uint32(0) + uint32(size))
            window -= size
            sent += size
        memory.network.advance(0.1)
    # 10 s, and what may come together.
    assert 9.5 * MIB < sent < 10.6 * MIB
    assert memory.named("connection.closed") == []


def test_accountsShareTheirBandwidth(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(tables=(PolicyTable(name="all", bandwidth=MIB),))
    client, _ = memory.loggedIn()
    shaping = memory.factory.gateway.rules._shaping
    assert len(shaping) == 1
    client.leaves()
    assert len(shaping) == 0
