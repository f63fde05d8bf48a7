"""
Tests of L{bastion.hosts.timed}: how long a host takes.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from zope.interface import implementer
from zope.interface.verify import verifyObject

from bastion.hosts.timed import TimedHost
from bastion.interfaces import HostAddress, HostUnhealthy, ICheckedHost


@implementer(ICheckedHost)
class Slow:
    """
    A host whose handshake ends when the test says so.
    """

    address = HostAddress("nice1.example.org")
    endpoint = object()

    def __init__(self) -> None:
        self.cancelled: list[Any] = []
        self.shaking: Deferred[Any] = Deferred(self.cancelled.append)

    def handshake(self) -> Deferred[Any]:
        """
        See L{ICheckedHost}.
        """
        return self.shaking


def test_itIsTheHostThatItTimes() -> None:
    timed = TimedHost(Slow(), Clock())
    assert verifyObject(ICheckedHost, timed)
    assert (timed.address, timed.endpoint) == (Slow.address, Slow.endpoint)
    assert timed.seconds is None


def test_handshakeIsTimedFromItsBeginningToItsSuccess() -> None:
    clock, host, came = Clock(), Slow(), []
    timed = TimedHost(host, clock)
    clock.advance(10)
    timed.handshake().addCallback(came.append)
    clock.advance(0.25)
    assert timed.seconds is None
    host.shaking.callback("ready")
    clock.advance(1)
    assert (came, timed.seconds) == (["ready"], 0.25)


def test_handshakeThatFailsTakesNoTime() -> None:
    host = Slow()
    timed = TimedHost(host, Clock())
    failing = timed.handshake()
    host.shaking.errback(HostUnhealthy("no"))
    with pytest.raises(HostUnhealthy):
        raise failing.result.value
    failing.addErrback(lambda _: None)
    assert timed.seconds is None


def test_handshakeCanBeCancelled() -> None:
    host = Slow()
    timed = TimedHost(host, Clock())
    cancelled = timed.handshake().addErrback(lambda failure: failure.trap(CancelledError))
    cancelled.cancel()
    assert host.cancelled == [host.shaking]
    assert timed.seconds is None
