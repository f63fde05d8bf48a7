"""
The end of a connection that faces a client.
"""

from __future__ import annotations

from typing import Any

from twisted.conch.ssh import transport as conch

from bastion import algorithms
from bastion.ssh import identification
from bastion.ssh.phases import FROM_CLIENT, KEX_METHOD
from bastion.ssh.transport import Transport
from bastion.wire import (
    DISCONNECT_SERVICE_NOT_AVAILABLE,
    MSG_SERVICE_ACCEPT,
    Malformed,
    Reader,
    shown,
    string,
)

#: Paramiko asks once for each attempt.
MAX_SERVICE_REQUESTS = 32


class ServerTransport(Transport, conch.SSHServerTransport):
    """
    The end that faces a client.

    @ivar makeUserAuth: makes the service that a client may request.
    """

    allowed = FROM_CLIENT
    ourVersionString = identification.TO_CLIENTS
    supportedKeyExchanges = list(algorithms.SERVER_KEY_EXCHANGES)
    _preamble = False

    makeUserAuth: Any
    _asked = 0

    def sayPlainly(self, text: str) -> None:
        """
        A client that is not at packets yet, SSH 1 for one, shows plain text to
        its user.
        """
        self.transport.write(text.encode() + b"\r\n")

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:
        """
        A wrong guess of the client's at our method is passed over, whatever its
        number (RFC 4253 section 7).
        """
        if self.ignoreNextPacket and messageNum in KEX_METHOD:
            self.ignoreNextPacket = 0
        else:
            super().dispatchMessage(messageNum, payload)

    def ssh_SERVICE_REQUEST(self, payload: bytes) -> None:
        """
        ::
            string  service name

        Asked for again, the login goes on where it is: it does not start anew.
        """
        name = Reader(payload).string()
        if name != b"ssh-userauth":
            self.owner.failed(self, f"the client asked for the service {shown(name)}")
            self.disconnect(DISCONNECT_SERVICE_NOT_AVAILABLE, b"log in first: ssh-userauth")
            return
        self._asked += 1
        if self._asked > MAX_SERVICE_REQUESTS:
            raise Malformed("too many service requests")
        self.sendPacket(MSG_SERVICE_ACCEPT, string(name))
        if self.service is None:
            self.setService(self.makeUserAuth())
