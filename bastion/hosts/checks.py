"""
The health checks that come with the bastion.

One class each, with the class of its options.  None of them names an account, so
none can lock one out.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ConnectingCancelledError,
    ConnectionRefusedError,
    DNSLookupError,
    TimeoutError,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from bastion import __version__
from bastion.interfaces import HostUnhealthy, ICheckedHost, IHealthCheck
from bastion.wire import DISCONNECT_BY_APPLICATION, MSG_DISCONNECT, byte, shown, string, uint32

#: With its line end (RFC 4253 section 4.2).
MAX_LINE = 255
#: So much is read of what a host says until it has identified itself; a login reads as
#: much and no more.
MAX_HEARD = 8192
_SHOWN = 80

_IDENTIFICATION = re.compile(rb"^SSH-[^\n]*\n", re.MULTILINE)
#: 1.99 is 2 (RFC 4253 section 5.1).
_VERSION_2 = re.compile(rb"SSH-(2\.0|1\.99)-[^\r\n]")


def _plain(payload: bytes) -> bytes:
    """
    A packet as it is before the key exchange (RFC 4253 section 6).
    """
    padding = 4 + -(5 + len(payload) + 4) % 8
    return uint32(1 + len(payload) + padding) + byte(padding) + payload + bytes(padding)


# A host that is left without a word logs an error for each check.
_HELLO = b"SSH-2.0-bastion_" + __version__.replace("-", "_").encode() + b"\r\n"
_GOODBYE = _plain(
    byte(MSG_DISCONNECT) + uint32(DISCONNECT_BY_APPLICATION) + string(b"health check") + string(b"")
)


@frozen
class NoOptions:
    """
    Nothing to set.
    """


@implementer(IHealthCheck)
class Tcp:
    """
    Whether the host takes connections.  The kernel of a host does that even while its
    SSH server hangs.
    """

    Options = NoOptions

    def __init__(self, options: NoOptions) -> None: ...

    def check(self, host: ICheckedHost) -> Deferred[Any]:
        """
        See L{IHealthCheck}.
        """
        return _Visit(host).pay()


@implementer(IHealthCheck)
class Identification:
    """
    Whether the host takes connections and says that it speaks SSH.
    """

    Options = NoOptions

    def __init__(self, options: NoOptions) -> None: ...

    def check(self, host: ICheckedHost) -> Deferred[Any]:
        """
        See L{IHealthCheck}.
        """
        return _IdentifyingVisit(host).pay()


@implementer(IHealthCheck)
class Handshake:
    """
    Whether the host is ready for a login: with the key that is known, and as far as
    nobody need be named.
    """

    Options = NoOptions

    def __init__(self, options: NoOptions) -> None: ...

    def check(self, host: ICheckedHost) -> Any:
        """
        See L{IHealthCheck}.
        """
        return host.handshake()


class _Visit(Protocol):
    """
    A connection that is made and closed.
    """

    transport: Any

    def __init__(self, host: ICheckedHost) -> None:
        self._host = host
        self._over: Deferred[None] = Deferred(lambda _: self.transport.abortConnection())

    def pay(self) -> Deferred[Any]:
        """
        Go there.

        @return: fires when the host is well; fails with L{HostUnhealthy}.  Cancelling
            it cuts the connection.
        """
        factory: Any = Factory.forProtocol(lambda: self)
        factory.noisy = False
        visiting: Deferred[Any] = self._host.endpoint.connect(factory)
        return visiting.addCallbacks(lambda _: self._over, self._ebConnect)

    def _ebConnect(self, failure: Failure) -> NoReturn:
        raise HostUnhealthy(f"{self._host.address} {_spoken(failure)}")

    def connectionMade(self) -> None:
        """
        That is all that is asked.
        """
        self._well()

    def _well(self, goodbye: bytes = b"") -> None:
        self.transport.write(goodbye)
        self.transport.loseConnection()
        self._over.callback(None)

    def _unwell(self, problem: str) -> None:
        self._over.errback(HostUnhealthy(f"{self._host.address} {problem}"))
        self.transport.abortConnection()


class _IdentifyingVisit(_Visit):
    """
    A connection that is kept until the host has identified itself.
    """

    _heard = b""

    def connectionMade(self) -> None:
        """
        Both sides identify themselves at once (RFC 4253 section 4.2).
        """
        self.transport.write(_HELLO)

    def dataReceived(self, data: bytes) -> None:
        """
        Look for the identification string: other lines may come before it.
        """
        self._heard = (self._heard + data)[:MAX_HEARD]
        found = _IDENTIFICATION.search(self._heard)
        if found is not None and len(found[0]) <= MAX_LINE and _VERSION_2.match(found[0]):
            self._well(_GOODBYE)
        elif found is not None:
            self._unwell(_said(found[0]))
        elif len(self._heard) == MAX_HEARD:
            self._unwell(_said(self._heard))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        A host that turns somebody away may say why before it closes.
        """
        if not self._over.called:
            silent = "closed the connection without a word"
            self._unwell(_said(self._heard) if self._heard else silent)


def _said(text: bytes) -> str:
    line = shown(text.partition(b"\n")[0].rstrip(b"\r"), _SHOWN)
    return f'says "{line}" instead of an SSH identification (SSH-2.0-...)'


def _spoken(failure: Failure) -> str:
    """
    Why a connection could not be made, as an operator says it.
    """
    if failure.check(ConnectionRefusedError):
        return "refuses connections"
    if failure.check(TimeoutError, CancelledError, ConnectingCancelledError):
        return "did not answer in time"
    if failure.check(DNSLookupError):
        return "has no address"
    return f"cannot be reached: {failure.getErrorMessage()}"
