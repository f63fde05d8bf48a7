"""
Somebody to talk to the bastion: clients and hosts that speak SSH, and say what
the test tells them to.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from attrs import define, field
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.service import SSHService
from twisted.internet.task import Clock

from bastion.interfaces import HostUnavailable
from bastion.ssh.client import ClientTransport
from bastion.ssh.owner import Owner
from bastion.ssh.server import ServerTransport
from bastion.ssh.transport import Transport


class Recorder(SSHService):
    """
    A service that writes down what it is sent, and says what it is told to say.

    @ivar heard: message numbers and payloads, in order.
    """

    transport: Any

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.heard: deque[tuple[int, bytes]] = deque()

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        """
        Write a message down.
        """
        self.heard.append((messageNum, packet))

    def say(self, messageNum: int, packet: bytes = b"") -> None:
        """
        Send a message.
        """
        self.transport.sendPacket(messageNum, packet)


class Witness(Owner):
    """
    An owner that writes down what becomes of its transport.

    @ivar events: what was told, in order.
    """

    def __init__(self) -> None:
        self.events: list[Any] = []

    def secured(self, transport: Transport) -> None:
        """
        See L{Owner}.
        """
        self.events.append("secured")

    def disconnected(self, transport: Transport, reason: int, description: bytes) -> None:
        """
        See L{Owner}.
        """
        self.events.append(("disconnected", reason, description))

    def failed(self, transport: Transport, problem: str) -> None:
        """
        See L{Owner}.
        """
        self.events.append(("failed", problem))

    def lost(self, transport: Transport) -> None:
        """
        See L{Owner}.
        """
        self.events.append("lost")


@define
class TrustedKeys:
    """
    Trusts certain keys (L{bastion.ssh.client.HostKeys}).
    """

    blobs: set[bytes]

    def formats(self) -> frozenset[bytes]:
        """
        The formats of the trusted keys.
        """
        return frozenset(Key.fromString(blob).sshType() for blob in self.blobs)

    def verify(self, blob: bytes) -> None:
        """
        @raise HostUnavailable: unless the key is trusted.
        """
        if blob not in self.blobs:
            raise HostUnavailable("an unexpected key")


class KeyHolder:
    """
    What a L{ServerTransport} wants of its factory.
    """

    def __init__(self, *keys: Key) -> None:
        self.privateKeys = {key.sshType(): key for key in keys}
        self.publicKeys = {name: key.public() for name, key in self.privateKeys.items()}


@define(eq=False)
class Speaker:
    """
    Somebody who speaks SSH: a host, or a client.

    Its transport is ours; what it says in the login and in the session is up to
    the test.

    @ivar transport: its end of the connection.
    @ivar witness: what became of it.
    @ivar login: its login service.
    @ivar session: its connection service, once L{startSession} was called.
    """

    transport: Any
    witness: Witness
    login: Recorder = field(factory=lambda: Recorder(b"ssh-userauth"))
    session: Recorder = field(factory=lambda: Recorder(b"ssh-connection"))

    def startSession(self) -> Recorder:
        """
        The login is done: speak the connection protocol from now on.
        """
        self.transport.setService(self.session)
        return self.session


def speakingClient(clock: Clock, trusted: Key) -> Speaker:
    """
    A client that trusts one host key.
    """
    witness = Witness()
    login = Recorder(b"ssh-userauth")
    keys = TrustedKeys({trusted.public().blob()})
    return Speaker(ClientTransport(witness, clock, keys, login), witness, login)


def speakingHost(clock: Clock, key: Key) -> Speaker:
    """
    A host that has one host key.
    """
    witness = Witness()
    transport = ServerTransport(witness, clock)
    holder: Any = KeyHolder(key)
    transport.factory = holder
    speaker = Speaker(transport, witness)
    transport.makeUserAuth = lambda: speaker.login
    return speaker
