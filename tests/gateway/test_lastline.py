"""
L{bastion.gateway.lastline}: a line of plain text, and no SSH.
"""

from __future__ import annotations

from twisted.internet.testing import StringTransport

from bastion.gateway.lastline import LastLine


def test_lineIsSaidAndTheConnectionClosed() -> None:
    transport = StringTransport()
    LastLine("Please try again later.").makeConnection(transport)

    assert transport.value() == b"Please try again later.\r\n"
    assert transport.disconnecting


def test_whatIsSaidToItIsNotListenedTo() -> None:
    last = LastLine("No.")
    last.makeConnection(StringTransport())
    last.dataReceived(b"SSH-2.0-x\r\n")
