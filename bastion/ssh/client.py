"""
The end of a connection that faces a host.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.conch.ssh import transport as conch
from twisted.conch.ssh.service import SSHService
from twisted.internet import defer
from twisted.internet.interfaces import IReactorTime

from bastion import algorithms
from bastion.interfaces import HostUnavailable
from bastion.ssh import identification
from bastion.ssh.owner import Owner
from bastion.ssh.phases import FROM_HOST, Phase
from bastion.ssh.transport import Transport
from bastion.wire import DISCONNECT_HOST_KEY_NOT_VERIFIABLE, Malformed, Reader


class HostKeys(Protocol):
    """
    What a L{ClientTransport} must know of the keys of its host.
    """

    def formats(self) -> set[bytes]:
        """
        The formats of the known keys.
        """

    def verify(self, blob: bytes) -> None:
        """
        @raise HostUnavailable: unless the key is the known one.
        """


class ClientTransport(Transport, conch.SSHClientTransport):
    """
    The end that faces a host.
    """

    allowed = FROM_HOST
    supportedKeyExchanges = list(algorithms.CLIENT_KEY_EXCHANGES)
    _preamble = True

    def __init__(
        self,
        owner: Owner,
        clock: IReactorTime,
        hostKeys: HostKeys,
        userAuth: SSHService,
        client: bytes = b"",
    ) -> None:
        """
        @param userAuth: the service to request when the host is verified.
        @param client: the identification string of the client that this
            connection is for.
        """
        super().__init__(owner, clock)
        self.ourVersionString = identification.toHosts(client)
        self._gotNewKeys = 0
        self._hostKeys = hostKeys
        self._userAuth = userAuth
        self.supportedPublicKeys = list(algorithms.hostKeysFor(hostKeys.formats()))

    def _ssh_KEX_ECDH_REPLY(self, packet: bytes) -> Any:
        """
        ::
            string  server host key
            string  server Elliptic Curve Diffie-Hellman public key
            string  signature

        Conch checks the signature with whatever algorithm it names; it must
        be the one that was agreed on.
        """
        reader = Reader(packet)
        key, _, signature = reader.string(), reader.string(), reader.string()
        agreed = algorithms.keyFormat(self.keyAlg)
        if Reader(key).string() != agreed or Reader(signature).string() != self.keyAlg:
            raise Malformed("the host key is not of the agreed algorithm")
        return super()._ssh_KEX_ECDH_REPLY(packet)

    def verifyHostKey(self, hostKey: bytes, fingerprint: bytes) -> defer.Deferred[bool]:
        """
        Let the host go on only if its key is the known one.
        """
        try:
            self._hostKeys.verify(hostKey)
        except HostUnavailable as problem:
            self.owner.failed(self, str(problem))
            self.disconnect(DISCONNECT_HOST_KEY_NOT_VERIFIABLE, b"unexpected host key")
            return defer.Deferred()
        return defer.succeed(True)

    def ssh_SERVICE_ACCEPT(self, payload: bytes) -> None:
        """
        ::
            string  service name
        """
        if Reader(payload).string() != self._userAuth.name:
            raise Malformed("the host accepts a service that nobody has asked for")
        self.setService(self._userAuth)

    def connectionSecure(self) -> None:
        """
        Called by Conch after every key exchange; only the first one starts the
        login.
        """
        if self.phase is Phase.SERVICE and self.service is None:
            self.requestService(self._userAuth)
