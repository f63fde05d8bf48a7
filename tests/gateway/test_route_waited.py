"""
L{bastion.gateway.route}: a connection that has waited for its login may be dead.
"""

from __future__ import annotations

from typing import Any

import pytest

from bastion.auth.messages import NONE, PASSWORD, Password
from bastion.gateway.route import FRESH
from bastion.interfaces import HostAddress
from bastion.upstream.search import PATIENCE
from bastion.wire import MSG_USERAUTH_FAILURE, MSG_USERAUTH_SUCCESS

NICE1 = HostAddress("nice1")


def waiting(memory: Any, count: int = 1) -> list[Any]:
    """
    Strangers have left connections to nice1 behind, which wait for a login.
    """
    for stranger in [memory.connects() for _ in range(count)]:
        stranger.leaves()
    memory.network.advance(FRESH + 0.2)
    hosts: list[Any] = memory.hosts["nice1"]
    assert len(hosts) == count
    return list(hosts)


def logsIn(client: Any, host: Any) -> None:
    """
    The login that the host has heard of comes to its end.
    """
    host.offers(PASSWORD)
    assert client.hears()[-1][0] == MSG_USERAUTH_FAILURE
    proves(client, host)


def proves(client: Any, host: Any) -> None:
    """
    The password is right.
    """
    client.requests(PASSWORD, Password(b"right").pack())
    host.accepts()
    assert client.hears()[-1] == (MSG_USERAUTH_SUCCESS, b"")
    client.speaker.startSession()


@pytest.mark.parametrize("count", [1, 3])
def test_silentConnectionThatHasWaitedIsReplaced(memory: Any, count: int) -> None:
    """
    All that have waited are given up, for they are of the same age.
    """
    dead = waiting(memory, count)
    client = memory.connects()
    client.requests(NONE)
    assert memory.leased == {NICE1: 1}

    memory.network.advance(PATIENCE + 0.2)

    assert len(memory.hosts["nice1"]) == count + 1
    assert all(host.fate[-1] == "lost" for host in dead)
    assert memory.leased == {NICE1: 1}
    logsIn(client, memory.host())
    (passed,) = memory.named("host.refused")
    assert passed["reason"] == "nice1 did not answer on a connection that had waited"
    assert memory.witnesses.told[-1][0] == "reached"


def test_whoHasAnsweredInTimeMayTakeAnyTime(memory: Any) -> None:
    (host,) = waiting(memory)
    client = memory.connects()
    client.requests(NONE)
    host.offers(PASSWORD)

    memory.network.advance(10)

    assert memory.named("host.refused") == []
    proves(client, host)


def test_newConnectionMayTakeAnyTime(memory: Any) -> None:
    """
    Its host has just said something; it is busy.
    """
    client = memory.connects()
    client.requests(NONE)

    memory.network.advance(10)

    assert memory.named("host.refused") == []
    logsIn(client, memory.host())


def test_waitedConnectionThatEndsIsNotJudgedTwice(memory: Any) -> None:
    (host,) = waiting(memory)
    client = memory.connects()
    client.requests(NONE)
    host.leaves()
    logsIn(client, memory.host("nice2"))

    memory.network.advance(10)

    (passed,) = memory.named("host.refused")
    assert passed["reason"] == "it closed the connection during the login"


def test_clientThatLeavesMeanwhileLeavesNothing(memory: Any) -> None:
    waiting(memory)
    client = memory.connects()
    client.requests(NONE)
    client.leaves()

    memory.check()
