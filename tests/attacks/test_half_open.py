"""
Attack A16: many connections that say nothing, or say it as slowly as they can.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import accumulate
from select import select
from typing import Any

import pytest
from attacking.client import Client
from attacking.process import SECONDS, started, surviving
from attacking.stages import Stage
from harness.waiting import until

from bastion.wire import MSG_IGNORE, string

running = pytest.fixture(scope="module")(started)
bastion = pytest.fixture(surviving)

CONNECTIONS, SOURCES = 1000, 50
#: The defaults of C{max_startups}: where chance begins, and where it ends.
BEGIN, FULL = 100, 300
PER_SOURCE = 50
#: So many fit into the queue of a socket that listens.
BATCH = 25


def inOrder(bastion: Any) -> list[str]:
    """
    What has become of the silent connections, one record after the other.
    """
    names = ("connection.opened", "connection.refused", "connection.closed")
    found = [event for name in names for event in bastion.events(name, "127.0.16.")]
    return [event["event"] for event in sorted(found, key=lambda event: event["time"])]


def test_silentConnectionsKeepNobodyOut(bastion: Any) -> None:
    def decided() -> bool:
        return sum(name != "connection.closed" for name in inOrder(bastion)) == len(attackers)

    attackers: list[Any] = []
    for number in range(CONNECTIONS):
        attackers.append(bastion.connects(f"127.0.16.{number % SOURCES + 1}"))
        if len(attackers) % BATCH == 0:
            until(decided, SECONDS, "all are let in or refused")
        if len(attackers) == BEGIN - BATCH:
            bastion.logsIn()

    # Nobody has to wait for longer than the silent ones may take.
    until(bastion.tries, SECONDS, "an honest login")
    for attacker in attackers:
        attacker.hearsToTheEnd()
    bastion.logsIn()
    names = inOrder(bastion)
    steps = [{"connection.opened": 1, "connection.refused": 0}.get(name, -1) for name in names]
    assert BEGIN <= max(accumulate(steps)) <= FULL
    assert names.count("connection.refused") >= (CONNECTIONS - FULL) // 2


def test_oneSourceTakesNoMoreThanItsShare(bastion: Any) -> None:
    for _ in range(2 * PER_SOURCE):
        bastion.connects("127.0.17.1")

    def decided() -> bool:
        refused = bastion.events("connection.refused", "127.0.17.1")
        return len(refused) == PER_SOURCE

    until(decided, SECONDS, "half of them are refused")
    assert len(bastion.events("connection.opened", "127.0.17.1")) == PER_SOURCE
    bastion.logsIn()


def test_nameThatComesByteByByteHasItsTime(bastion: Any) -> None:
    """
    Each byte buys no time: the connection is cut while they still come.
    """
    attacker = bastion.connects("127.0.18.1", gateway="hasty")
    attacker.socket.recv(1000)
    letters = iter(b"SSH-2.0-" + b"a" * 200)

    def goesOn() -> bool:
        with suppress(ConnectionError):
            attacker.socket.sendall(bytes((next(letters),)))
            ready, _, _ = select([attacker.socket], (), (), 0.2)
            return bool(ready)
        return True

    until(goesOn, SECONDS, "it is cut")
    bastion.logsIn()
    until(lambda: bastion.events("connection.closed", "127.0.18.1"), SECONDS)


def test_packetInSegmentsOfOneByteIsTaken(bastion: Any) -> None:
    """
    The longest packet, which is right but for its way.
    """
    attacker = bastion.connects("127.0.19.1", Client(strict=False))
    assert attacker.goes(Stage.KEYED)
    packet = attacker.peer.packet(MSG_IGNORE, string(bytes(34_900)))
    half = len(packet) // 2
    for at in range(half):
        attacker.socket.sendall(packet[at : at + 1])
    bastion.logsIn()
    for at in range(half, len(packet)):
        attacker.socket.sendall(packet[at : at + 1])

    assert attacker.goes(Stage.LOGIN)
    assert bastion.grown() < 16 << 10
