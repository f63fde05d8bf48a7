"""
Who a transport reports to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bastion.interfaces import HostUnavailable

if TYPE_CHECKING:
    from bastion.ssh.transport import Transport


class Owner:
    """
    Is told what becomes of a connection as a whole; does nothing about it.
    """

    def secured(self, transport: Transport) -> None:
        """
        The first key exchange is done; called once.
        """

    def keyExchanging(self, transport: Transport) -> None:
        """
        C{transport.exchangingKeys} may have changed.
        """

    def disconnected(self, transport: Transport, reason: int, description: bytes) -> None:
        """
        The peer said goodbye (SSH_MSG_DISCONNECT); L{lost} follows.
        """

    def failed(self, transport: Transport, problem: str) -> None:
        """
        We end the connection because of what the peer sent or did not send;
        L{lost} follows.

        @param problem: for the log; what it has of the peer's own words is escaped.
        """

    def hostKeyRefused(self, transport: Transport, problem: HostUnavailable) -> None:
        """
        The host's key is not the known one; L{failed} follows.
        """

    def lost(self, transport: Transport) -> None:
        """
        The connection is gone; called once, last.
        """
