"""
One host of the lab: a Conch SSH server on loopback.
"""

from __future__ import annotations

import hmac
from typing import Any

from twisted.conch.avatar import ConchUser
from twisted.conch.error import ConchError
from twisted.conch.interfaces import IConchUser
from twisted.conch.ssh.connection import OPEN_RESOURCE_SHORTAGE
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from zope.interface import implementer

from bastion.lab.channel import PacedChannel
from bastion.lab.forward import ForwardingChannel, isLoopback
from bastion.lab.process import Running
from bastion.lab.session import SessionChannel
from bastion.lab.shell import Shell
from bastion.lab.transport import HostConnection, HostLogin, HostTransport

LOOPBACK = "127.0.0.1"
LOG_NAMESPACE = "lab"

_log = Logger(LOG_NAMESPACE)


class HostUser(ConchUser):
    """
    A client that has logged in: what it may open.
    """

    # sshd's limits: sessions for a connection, and a packet that is worth it.
    maxChannels = 64
    minPacket = 256

    def __init__(self, shell: Shell, running: Running, reactor: Any) -> None:
        super().__init__()
        self._shell = shell
        self._running = running
        self._reactor = reactor

    def lookupChannel(
        self, channelType: bytes, windowSize: int, maxPacket: int, data: bytes
    ) -> PacedChannel | None:
        """
        Open a session, or a connection to loopback.
        """
        if maxPacket < self.minPacket or len(self.conn.channels) >= self.maxChannels:
            raise ConchError("packets too small or too many channels", OPEN_RESOURCE_SHORTAGE)
        common = {
            "remoteWindow": windowSize,
            "remoteMaxPacket": maxPacket,
            "data": data,
            "reactor": self._reactor,
        }
        if channelType == b"session":
            return SessionChannel(shell=self._shell, running=self._running, **common)
        if channelType == b"direct-tcpip":
            return ForwardingChannel(**common)
        return None


@implementer(IRealm, ICredentialsChecker)
class OnePassword:
    """
    Let in any account name with the one password.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, name: str, password: str, makeUser: Any) -> None:
        self._name = name
        self._password = password.encode("utf-8")
        self._makeUser = makeUser

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """
        Check the password.
        """
        right = hmac.compare_digest(credentials.password, self._password)
        _log.info(
            "{name}: login of {account} {verdict}",
            name=self._name,
            account=ascii(credentials.username),
            verdict="accepted" if right else "refused",
        )
        return succeed(credentials.username) if right else fail(UnauthorizedLogin("wrong password"))

    def requestAvatar(self, avatarId: object, mind: object, *interfaces: Any) -> Any:
        """
        Make the user.
        """
        return IConchUser, self._makeUser(), lambda: None


class HostFactory(SSHFactory):
    """
    The connections of one host.
    """

    protocol = HostTransport
    services = {b"ssh-userauth": HostLogin, b"ssh-connection": HostConnection}

    def __init__(self, reactor: Any, key: Key, portal: Portal) -> None:
        self.reactor = reactor
        self.portal = portal
        self.publicKeys = {key.sshType(): key.public()}
        self.privateKeys = {key.sshType(): key}
        self.transports: set[HostTransport] = set()


class Host:
    """
    One SSH server on loopback.

    @ivar port: where it listens, once it does.
    """

    def __init__(
        self,
        reactor: Any,
        name: str,
        key: Key,
        password: str,
        shell: Shell,
        interface: str = LOOPBACK,
        grace: float = 2.0,
    ) -> None:
        """
        @param grace: seconds that a process has, at the end, to end itself.
        """
        if not isLoopback(interface):
            raise ValueError(f"{interface}: the lab gives away a shell and stays on loopback")
        self.name = name
        self.key = key
        self.port = 0
        self._reactor = reactor
        self._interface = interface
        self._grace = grace
        self._running = Running(reactor)
        login = OnePassword(name, password, lambda: HostUser(shell, self._running, reactor))
        portal = Portal(login, [login])
        self._factory = HostFactory(reactor, key, portal)
        self._listening: Any = None

    def start(self) -> None:
        """
        Listen on a port that the kernel chooses.
        """
        self._listening = self._reactor.listenTCP(0, self._factory, interface=self._interface)
        self.port = self._listening.getHost().port

    async def stop(self) -> None:
        """
        Close everything, and wait until nothing runs.
        """
        if self._listening is None:
            return
        listening, self._listening = self._listening, None
        await listening.stopListening()
        for transport in list(self._factory.transports):
            transport.loseConnection()
        await self._running.stop(self._grace)
        for transport in list(self._factory.transports):
            transport.transport.abortConnection()
