"""
What is asked of the kernel for a TCP connection.

Transports that are not TCP, such as those of tests, are left alone.
"""

from __future__ import annotations

import select
import socket
from typing import Any

from twisted.internet.interfaces import ITCPTransport

_QUICK_ACKNOWLEDGEMENT = getattr(socket, "TCP_QUICKACK", None)


def tune(transport: Any) -> bool:
    """
    Send small packets at once, and notice a peer that has vanished.

    @return: whether L{acknowledgeAtOnce} works.
    """
    if not ITCPTransport.providedBy(transport):
        return False
    transport.setTcpNoDelay(True)
    transport.setTcpKeepAlive(True)
    return _QUICK_ACKNOWLEDGEMENT is not None


def acknowledgeAtOnce(transport: Any) -> None:
    """
    Ask for the acknowledgement of what was received now: until the login is
    done, OpenSSH leaves Nagle's algorithm on, so it waits for ours before it
    sends the next piece.  The kernel forgets the option, so this is for every
    read.
    """
    transport.getHandle().setsockopt(socket.IPPROTO_TCP, _QUICK_ACKNOWLEDGEMENT, 1)


def peerState(transport: Any) -> int:
    """
    What the kernel knows of the peer of a socket that is not being read.

    @return: bits of C{select.poll}: POLLRDHUP when the peer has closed, POLLERR
        or POLLHUP when the connection is gone; 0 for a peer that is there.
    """
    if not ITCPTransport.providedBy(transport):
        return 0
    poll = select.poll()
    handle: Any = transport
    poll.register(handle.getHandle(), select.POLLRDHUP)
    found = poll.poll(0)
    return found[0][1] if found else 0
