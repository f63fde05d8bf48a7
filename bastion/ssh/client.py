"""
The end of a connection that faces a host.
"""

from __future__ import annotations

from typing import Protocol

from twisted.conch.ssh.service import SSHService
from twisted.internet import defer
from twisted.internet.interfaces import IReactorTime

from bastion.algorithms import Algorithms, hostKeysFor
from bastion.interfaces import HostUnavailable
from bastion.ssh import extensions, identification
from bastion.ssh.kexmethods import ClientMethods
from bastion.ssh.owner import Owner
from bastion.ssh.phases import FROM_HOST
from bastion.ssh.stream import outbox
from bastion.ssh.terms import WITH_HOSTS, Terms
from bastion.ssh.transport import Transport
from bastion.wire import (
    DISCONNECT_HOST_KEY_NOT_VERIFIABLE,
    MSG_EXT_INFO,
    Malformed,
    Reader,
)


class HostKeys(Protocol):
    """
    What is known of a host's keys.
    """

    def formats(self) -> frozenset[bytes]:
        """
        The formats of the known keys.
        """

    def verify(self, blob: bytes) -> None:
        """
        @raise HostUnavailable: unless the key is the known one.
        """


class ClientTransport(Transport, ClientMethods):
    """
    The end that faces a host.
    """

    allowed = FROM_HOST
    _preamble = True

    def __init__(
        self,
        owner: Owner,
        clock: IReactorTime,
        hostKeys: HostKeys,
        userAuth: SSHService,
        client: bytes = b"",
        terms: Terms = WITH_HOSTS,
    ) -> None:
        """
        @param userAuth: the service to request when the host is verified.
        @param client: the identification string of the client that this
            connection is for.
        """
        super().__init__(owner, clock, terms)
        self.ourVersionString = identification.toHosts(client)
        self._hostKeys = hostKeys
        self._userAuth = userAuth

    # The key exchange

    def connectionMade(self) -> None:
        """
        What we offer does not depend on the host: it need not wait for what the
        host says of itself.
        """
        with outbox:
            super().connectionMade()
            self.sendKexInit()

    def offered(self) -> Algorithms:
        """
        See L{bastion.ssh.keyexchange.KeyExchange}.
        """
        algorithms = self.terms.algorithms(self.otherVersionString)
        hostKeys = hostKeysFor(self._hostKeys.formats(), algorithms.hostKeys)
        return algorithms.withHostKeys(hostKeys)

    def verifyHostKey(self, hostKey: bytes, fingerprint: bytes) -> defer.Deferred[bool]:
        """
        Let the host go on only if its key is the known one.
        """
        try:
            self._hostKeys.verify(hostKey)
        except HostUnavailable as problem:
            self.owner.hostKeyRefused(self, problem)
            self.owner.failed(self, str(problem))
            self.disconnect(DISCONNECT_HOST_KEY_NOT_VERIFIABLE, b"unexpected host key")
            return defer.Deferred()
        return defer.succeed(True)

    def keysSent(self) -> None:
        """
        See L{bastion.ssh.keyexchange.KeyExchange}.
        """
        if self.phaseIsFirst and self.peerWantsExtensions:
            self.sendPacket(MSG_EXT_INFO, extensions.toHost())

    def keysTaken(self) -> None:
        """
        The first time, start the login.
        """
        first = self.phaseIsFirst
        super().keysTaken()
        if first:
            self.requestService(self._userAuth)

    # The login service

    def ssh_SERVICE_ACCEPT(self, payload: bytes) -> None:
        """
        ::
            string  service name
        """
        if Reader(payload).string() != self._userAuth.name:
            raise Malformed("the host accepts a service that nobody has asked for")
        self.setService(self._userAuth)
