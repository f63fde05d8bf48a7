"""
Attack A17: a client that asks, and does not read the answers.
"""

from __future__ import annotations

from typing import Any

import pytest
from attacking.client import Client, opening, request
from attacking.process import SECONDS, started, surviving
from attacking.stages import Stage
from harness.waiting import until

from bastion.wire import (
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_CONFIRMATION,
    MSG_DISCONNECT,
    MSG_GLOBAL_REQUEST,
    MSG_IGNORE,
    MSG_PING,
    MSG_USERAUTH_REQUEST,
    byte,
    string,
    uint32,
)

running = pytest.fixture(scope="module")(started)
bastion = pytest.fixture(surviving)

#: The smallest receive buffer that is of use, in bytes.
ROOM = 4096
#: What all queues of one connection may take in the bastion, in KiB.
QUEUES = 24 << 10
BEFORE_LOGIN = {
    "a message that nobody knows": (250, bytes(1000)),
    "something to ignore": (MSG_IGNORE, string(bytes(30_000))),
    "a login": (MSG_USERAUTH_REQUEST, request(b"none")),
}
IN_SESSION = {
    "a request": (MSG_GLOBAL_REQUEST, string(b"no-such-request") + byte(1)),
    "a ping": (MSG_PING, string(bytes(1000))),
    "a channel": (MSG_CHANNEL_OPEN, opening(type=b"no-such-channel")),
}
LIMIT = 32 << 20


def flood(attacker: Any, number: int, payload: bytes) -> None:
    """
    Ask until the bastion ends the connection or reads no more, or for long enough.
    """
    attacker.socket.settimeout(0.5)
    sent = 0
    while sent < LIMIT:
        packets = b"".join(attacker.peer.packet(number, payload) for _ in range(100))
        sent += len(packets)
        try:
            attacker.socket.sendall(packets)
        except (TimeoutError, ConnectionError):
            break


@pytest.mark.parametrize("what", BEFORE_LOGIN)
def test_floodBeforeTheLoginIsCut(bastion: Any, what: str) -> None:
    attacker = bastion.connects("127.0.20.1", gateway="hasty", room=ROOM)
    assert attacker.goes(Stage.SERVICE)

    flood(attacker, *BEFORE_LOGIN[what])

    bastion.logsIn()
    until(lambda: bastion.events("connection.closed", "127.0.20.1"), SECONDS, "it is cut")
    assert bastion.grown() < QUEUES


@pytest.mark.parametrize("what", IN_SESSION)
def test_floodInASessionIsBounded(bastion: Any, what: str) -> None:
    attacker = bastion.connects("127.0.20.2", Client(word=bastion.password.encode()), room=ROOM)
    assert attacker.goes(Stage.SESSION)

    flood(attacker, *IN_SESSION[what])

    bastion.logsIn()
    assert bastion.grown() < QUEUES


def test_outputThatNobodyTakesWaitsAtTheHost(bastion: Any) -> None:
    """
    The client allows as much as it can, and takes nothing; it says goodbye, and takes
    nothing either: then it is cut, with what was not sent.
    """
    client = Client(word=bastion.password.encode())
    attacker = bastion.connects("127.0.20.3", client, room=ROOM)
    assert attacker.goes(Stage.SESSION)
    client.opens(window=2**32 - 1)
    while not client.last(MSG_CHANNEL_OPEN_CONFIRMATION):
        assert attacker.reads()
    client.asks(b"exec", string(b"head -c 200000000 /dev/zero"), reply=False)
    until(lambda: bastion.unsent(attacker), SECONDS, "something waits for the client")
    bastion.logsIn()
    bastion.logsIn()
    assert bastion.grown() < QUEUES

    client.until = Stage.CONNECTED
    client.sends(MSG_DISCONNECT, uint32(11) + string(b"bye") + string(b""))

    until(lambda: bastion.events("connection.closed", "127.0.20.3"), SECONDS, "it is cut")
    until(lambda: not bastion.sockets(), SECONDS, "its sockets are gone")
