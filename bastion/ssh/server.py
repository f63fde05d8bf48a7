"""
The end of a connection that faces a client.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IReactorTime

from bastion.algorithms import HOST_KEYS, Algorithms, keyFormat
from bastion.ssh import extensions, identification
from bastion.ssh.kexmethods import ServerMethods
from bastion.ssh.owner import Owner
from bastion.ssh.phases import FROM_CLIENT
from bastion.ssh.programs import asksForEachAttempt
from bastion.ssh.terms import WITH_CLIENTS, Terms
from bastion.ssh.transport import Transport
from bastion.wire import (
    DISCONNECT_SERVICE_NOT_AVAILABLE,
    MSG_EXT_INFO,
    MSG_SERVICE_ACCEPT,
    Malformed,
    Reader,
    shown,
    string,
)

#: How often a program may request the login service that does so before each attempt: more
#: often than C{max_auth_tries} can allow anybody attempts.
MAX_SERVICE_REQUESTS = 128


class ServerTransport(Transport, ServerMethods):
    """
    The end that faces a client.

    @ivar makeUserAuth: makes the service that a client may request.
    """

    allowed = FROM_CLIENT
    ourVersionString = identification.TO_CLIENTS
    _preamble = False

    makeUserAuth: Any

    def __init__(self, owner: Owner, clock: IReactorTime, terms: Terms = WITH_CLIENTS) -> None:
        super().__init__(owner, clock, terms)
        self._serviceRequests = 0

    def sayPlainly(self, text: str) -> None:
        """
        A client that is not at packets yet, SSH 1 for one, shows plain text to
        its user.
        """
        self.stream.write(text.encode() + b"\r\n")

    # The key exchange

    def peerIdentified(self) -> None:
        """
        What we offer may depend on the client's program.
        """
        self.sendKexInit()

    def offered(self) -> Algorithms:
        """
        See L{bastion.ssh.keyexchange.KeyExchange}; of the signatures, those that
        our host keys can make.
        """
        algorithms = self.terms.algorithms(self.otherVersionString)
        formats = self.factory.privateKeys.keys()
        hostKeys = tuple(name for name in algorithms.hostKeys if keyFormat(name) in formats)
        return algorithms.withHostKeys(hostKeys)

    def startMethod(self) -> None:
        """
        In every method the client speaks first.
        """

    def keysSent(self) -> None:
        """
        See L{bastion.ssh.keyexchange.KeyExchange}.
        """
        if self.phaseIsFirst and self.peerWantsExtensions:
            self.sendPacket(MSG_EXT_INFO, extensions.toClient(HOST_KEYS))

    # The login service

    def ssh_SERVICE_REQUEST(self, payload: bytes) -> None:
        """
        ::
            string  service name

        Once.  A program that asks before each attempt may go on asking, and its
        login goes on where it is: it does not start anew.
        """
        name = Reader(payload).string()
        if name != b"ssh-userauth":
            self.owner.failed(self, f"the client asked for the service {shown(name)}")
            self.disconnect(DISCONNECT_SERVICE_NOT_AVAILABLE, b"log in first: ssh-userauth")
            return
        self._serviceRequests += 1
        most = MAX_SERVICE_REQUESTS if asksForEachAttempt(self.otherVersionString) else 1
        if self._serviceRequests > most:
            raise Malformed("one request too many of the login service")
        self.sendPacket(MSG_SERVICE_ACCEPT, string(name))
        if self.service is None:
            self.setService(self.makeUserAuth())
