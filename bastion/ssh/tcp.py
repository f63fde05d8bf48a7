"""
What is asked of the kernel for a TCP connection.

Transports that are not TCP, such as those of tests, are left alone.
"""

from __future__ import annotations

import select
import socket
from typing import Any

from twisted.internet.interfaces import IPushProducer, ITCPTransport
from zope.interface import implementer

#: A peer that has been silent for 15 s is asked, three times, 15 s apart.
_KEEPALIVE = {
    getattr(socket, name): value
    for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
}
_QUICK_ACKNOWLEDGEMENT = getattr(socket, "TCP_QUICKACK", None)


@implementer(IPushProducer)
class Pacer:
    """
    Stops reading from a peer that does not take our answers, as long as its
    requests lead to nothing but answers.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        transport.registerProducer(self, True)

    def pauseProducing(self) -> None:
        """
        The peer does not take what it is sent.
        """
        self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        """
        The peer has taken everything.
        """
        self._transport.resumeProducing()

    def stopProducing(self) -> None:
        """
        The connection is gone.
        """

    def release(self) -> None:
        """
        Leave the pace to somebody else.
        """
        self._transport.unregisterProducer()
        self._transport.resumeProducing()


def tune(transport: Any) -> bool:
    """
    Send small packets at once, and notice a peer that has vanished.

    @return: whether L{acknowledgeAtOnce} works.
    """
    if not ITCPTransport.providedBy(transport):
        return False
    transport.setTcpNoDelay(True)
    transport.setTcpKeepAlive(True)
    handle: Any = transport
    for option, value in _KEEPALIVE.items():
        handle.getHandle().setsockopt(socket.IPPROTO_TCP, option, value)
    return _QUICK_ACKNOWLEDGEMENT is not None


def acknowledgeAtOnce(handle: Any) -> None:
    """
    Ask for the acknowledgement of what was received now: until the login is
    done, OpenSSH leaves Nagle's algorithm on, so it waits for ours before it
    sends the next piece.  The kernel forgets the option, so this is for every
    read; what is sent acknowledges too, so it is for those without an answer.

    @param handle: the socket of a connection that is tuned.
    """
    handle.setsockopt(socket.IPPROTO_TCP, _QUICK_ACKNOWLEDGEMENT, 1)


def peerState(transport: Any) -> int:
    """
    What the kernel knows of the peer of a socket that is not being read.

    @return: bits of C{select.poll}: POLLRDHUP when the peer has closed, POLLERR
        or POLLHUP when the connection is gone; 0 for a peer that is there.
    """
    if not ITCPTransport.providedBy(transport):
        return 0
    handle: Any = transport
    if getattr(handle, "disconnected", False):
        return select.POLLHUP
    poll = select.poll()
    poll.register(handle.getHandle(), select.POLLRDHUP)
    found = poll.poll(0)
    return found[0][1] if found else 0
