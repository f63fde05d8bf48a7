"""
Relayed sessions: two ends that say what the test tells them to, without a
network; and two speakers with the bastion's transports and valves between them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key

from bastion.interfaces import ChannelRequest, HostAddress, Login
from bastion.relay.channels import Channel
from bastion.relay.connection import Side
from bastion.relay.pair import Relay
from bastion.relay.session import SessionAdapter
from bastion.relay.valve import Valve
from bastion.ssh.client import ClientTransport
from bastion.ssh.owner import Owner
from bastion.ssh.server import ServerTransport
from bastion.ssh.transport import Transport
from bastion.testing.network import Network
from bastion.testing.speakers import (
    KeyHolder,
    Recorder,
    TrustedKeys,
    speakingClient,
    speakingHost,
)
from bastion.wire import (
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_CONFIRMATION,
    MSG_GLOBAL_REQUEST,
    byte,
    string,
    uint32,
)

LOGIN = Login(b"johnson", "192.0.2.1", "esrf", HostAddress("nice1"), b"password")
HOST_KEY = Key(Ed25519PrivateKey.generate())


class End:
    """
    One end of a relayed session.
    """

    def __init__(self, side: Side) -> None:
        self._side = side
        self._heard: list[tuple[int, bytes]] = []
        side.transport = self

    def sendPacket(self, messageNum: int, payload: bytes) -> None:
        """
        What the bastion calls to talk to it.
        """
        self._heard.append((messageNum, payload))

    def hears(self) -> list[tuple[int, bytes]]:
        """
        What it was sent since the last call.
        """
        heard, self._heard = self._heard, []
        return heard

    def says(self, number: int, payload: bytes = b"") -> None:
        """
        Send a message.
        """
        self._side.packetReceived(number, payload)

    def asks(self, name: bytes, wantReply: bool = True, data: bytes = b"") -> None:
        """
        Make a global request.
        """
        self.says(MSG_GLOBAL_REQUEST, string(name) + byte(wantReply) + data)

    def opens(self, type: bytes, number: int, data: bytes = b"") -> bytes:
        """
        Ask for a channel.

        @return: the payload that was sent.
        """
        payload = string(type) + uint32(number) + uint32(2**21) + uint32(32768) + data
        self.says(MSG_CHANNEL_OPEN, payload)
        return payload

    def confirms(self, recipient: int, sender: int) -> bytes:
        """
        Open the channel that the other end calls C{recipient}.

        @return: the payload that was sent.
        """
        payload = uint32(recipient) + uint32(sender) + uint32(2**21) + uint32(32768)
        self.says(MSG_CHANNEL_OPEN_CONFIRMATION, payload)
        return payload


class Session:
    """
    A relayed session.

    @ivar told: what the observer was told.
    """

    def __init__(self, *policies: Any) -> None:
        self.told: list[Any] = []
        self.relay = Relay(SessionAdapter(policies, LOGIN), self)
        self.client = End(self.relay.client)
        self.host = End(self.relay.host)

    def ends(self, fromClient: bool = True) -> tuple[End, End]:
        """
        Who talks, and who listens.
        """
        return (self.client, self.host) if fromClient else (self.host, self.client)

    def opened(self, clients: int = 0, hosts: int = 0, type: bytes = b"session") -> Session:
        """
        The state after the client has opened a channel.
        """
        self.client.opens(type, clients)
        self.host.confirms(clients, hosts)
        self.client.hears()
        self.host.hears()
        self.told.clear()
        return self

    # bastion.relay.connection.Observer

    def channelOpened(self, channel: Channel) -> None:
        """
        See L{bastion.relay.connection.Observer}.
        """
        self.told.append(("opened", channel.type, channel.opener.value, channel.target))

    def refused(self, request: ChannelRequest, reason: str) -> None:
        """
        See L{bastion.relay.connection.Observer}.
        """
        self.told.append(("refused", request.name, reason))


class Coupled(Owner):
    """
    A session between two speakers, through the bastion's transports.

    @ivar toClient: the bastion's transport that faces the client.
    @ivar toHost: the bastion's transport that faces the host.
    @ivar ended: what became of these two.
    """

    def __init__(self) -> None:
        self.network = Network()
        clock = self.network.clock
        self.ended: list[Any] = []
        self.valves: list[Valve] = []
        self.client = speakingClient(clock, HOST_KEY)
        self.host = speakingHost(clock, HOST_KEY)
        holder: Any = KeyHolder(HOST_KEY)
        self.toClient = ServerTransport(self, clock)
        self.toClient.factory = holder
        self.toClient.supportedPublicKeys = [b"ssh-ed25519"]
        self.toClient.makeUserAuth = lambda: Recorder(b"ssh-userauth")
        trusted = TrustedKeys({HOST_KEY.public().blob()})
        self.toHost = ClientTransport(self, clock, trusted, Recorder(b"ssh-userauth"))
        self.network.link(self.client.transport, self.toClient)
        self.network.link(self.toHost, self.host.transport)
        self.network.settle()
        relay = Relay(SessionAdapter((), LOGIN), Session())
        self.toClient.setService(relay.client)
        self.toHost.setService(relay.host)
        self.client.startSession()
        self.host.startSession()
        self.valves = [
            Valve(self.toClient, self.toHost, clock, 5),
            Valve(self.toHost, self.toClient, clock, None),
        ]

    def keyExchanging(self, transport: Transport) -> None:
        """
        See L{Owner}.
        """
        for valve in self.valves:
            valve.settle()

    def failed(self, transport: Transport, problem: str) -> None:
        """
        See L{Owner}.
        """
        self.ended.append((transport, problem))

    def lost(self, transport: Transport) -> None:
        """
        See L{Owner}.
        """
        self.ended.append((transport, "lost"))


@pytest.fixture
def session() -> Session:
    """
    A session without policies.
    """
    return Session()


@pytest.fixture
def sessionOf() -> Callable[..., Session]:
    """
    Makes a session with policies.
    """
    return Session


@pytest.fixture
def coupled() -> Coupled:
    """
    A session between two speakers.
    """
    return Coupled()


@pytest.fixture
def couple() -> Callable[[], Coupled]:
    """
    Makes sessions between two speakers.
    """
    return Coupled
