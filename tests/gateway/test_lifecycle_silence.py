"""
L{bastion.gateway.lifecycle}: an end that is silent for too long, and a client that
wants to know how long the way to us is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.auth.messages import KEYBOARD_INTERACTIVE, NONE
from bastion.ssh.farewell import DRAINING_TIME, PARTING_TIME
from bastion.wire import (
    DISCONNECT_PROTOCOL_ERROR,
    MSG_CHANNEL_DATA,
    MSG_GLOBAL_REQUEST,
    MSG_PING,
    MSG_REQUEST_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    string,
    uint32,
)

PATIENCE = 45
QUESTION = string(b"") * 3 + uint32(1) + string(b"Password: ") + b"\0"
TOLD = ("disconnected", DISCONNECT_PROTOCOL_ERROR, b"it does not answer")


def passes(memory: Any, seconds: int, *lively: Any) -> None:
    """
    Let time pass, while some answer to our questions.
    """
    for _ in range(seconds):
        memory.network.advance(1)
        for talker in lively:
            for number, _ in talker.hears():
                if number == MSG_GLOBAL_REQUEST:
                    talker.says(MSG_REQUEST_FAILURE)


def test_silentClientIsEndedAndItsHostIsFree(memory: Any) -> None:
    client, host = memory.loggedIn()
    memory.opened(client, host)

    passes(memory, PATIENCE - 1, host)
    assert client.fate == host.fate == []
    passes(memory, 2, host)

    assert client.fate == [TOLD, "lost"]
    assert host.fate == ["lost"]
    assert memory.reason == "client fault: it does not answer"
    memory.check()


def test_clientOfASilentHostIsEnded(memory: Any) -> None:
    client, host = memory.loggedIn()
    memory.opened(client, host)

    passes(memory, PATIENCE - 1, client)
    assert client.fate == host.fate == []
    passes(memory, 2, client)

    assert host.fate == [TOLD, "lost"]
    assert client.fate == ["lost"]
    assert memory.reason == "host fault: it does not answer"


@pytest.mark.parametrize("who", ["client", "host"])
def test_endThatDoesNotEvenReadIsCut(memory: Any, who: str) -> None:
    client, host = memory.loggedIn()
    silent, lively = (client, host) if who == "client" else (host, client)
    silent.tcp.pauseProducing()

    passes(memory, PATIENCE + int(PARTING_TIME) + 1, lively)

    assert silent.tcp.other.lost
    silent.tcp.resumeProducing()
    memory.network.settle()
    assert lively.fate == ["lost"]
    assert memory.reason == f"{who} fault: it does not answer"


def test_endsThatAnswerStay(memory: Any) -> None:
    client, host = memory.loggedIn()

    passes(memory, 600, client, host)

    assert client.fate == host.fate == []


def test_tablesSayWhoIsAskedAndWhen(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(keepalive=0.0, cluster={"keepalive": 100.0, "keepalive_tries": 2})
    client, host = memory.loggedIn()

    passes(memory, 150)
    assert [number for number, _ in host.hears()] == [MSG_GLOBAL_REQUEST]
    passes(memory, 51)

    assert client.hears() == []
    assert memory.reason == "host fault: it does not answer"


def test_userWhoThinksIsNotAsked(memory: Any) -> None:
    """
    The login has a time of its own.
    """
    client = memory.connects()
    client.requests(NONE)
    host = memory.host()
    host.offers(KEYBOARD_INTERACTIVE)
    client.requests(KEYBOARD_INTERACTIVE, string(b"") * 2)
    host.says(MSG_USERAUTH_INFO_REQUEST, QUESTION)
    client.hears()

    passes(memory, PATIENCE + 5)

    assert client.hears() == []
    assert client.fate == host.fate == []


def test_clientThatTakesLongForTheLastWordsOfItsHostIsNotBlamed(memory: Any) -> None:
    """
    Nothing of what it says is listened to any more.
    """
    client, host = memory.loggedIn()
    client.tcp.pauseProducing()
    last = uint32(0) + string(bytes(32768))
    host.says(MSG_CHANNEL_DATA, last)
    host.leaves()

    passes(memory, int(DRAINING_TIME) - 2)
    client.tcp.resumeProducing()
    memory.network.settle()

    assert client.hears() == [(MSG_CHANNEL_DATA, last)]
    assert client.fate == ["lost"]
    assert memory.reason == "the host closed the connection"


def test_pingDuringTheLoginEndsTheConnection(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE)

    client.says(MSG_PING, string(b"data"))

    assert client.fate[0][2] == b"message 192 during login"
    assert memory.host().fate == ["lost"]


def test_pingDoesNotReachTheHost(memory: Any) -> None:
    client, host = memory.loggedIn()

    client.transport.sendPacket(MSG_PING, string(b"data"))
    memory.network.settle()

    assert host.hears() == []
    # A client of ours knows no answer to it: it is the client that ends here.
    assert client.fate[0] == ("failed", "message 193 during connection")
