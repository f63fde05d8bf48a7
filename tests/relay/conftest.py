"""
Relayed sessions: two ends that say what the test tells them to, without a
network; and two speakers with the bastion's transports and valves between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key
from twisted.internet.task import Clock

from bastion.algorithms import TO_HOSTS
from bastion.interfaces import ChannelRequest, HostAddress, Login
from bastion.relay.allowance import UNLIMITED
from bastion.relay.channels import MAX_CHANNELS, Channel
from bastion.relay.connection import Side
from bastion.relay.coupling import Coupling
from bastion.relay.pair import Relay
from bastion.relay.session import SessionAdapter
from bastion.ssh.client import ClientTransport
from bastion.ssh.owner import Owner
from bastion.ssh.packets import Outgoing, payloadOf
from bastion.ssh.server import ServerTransport
from bastion.ssh.terms import Terms
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

    def choosePasses(self) -> None:
        """
        What the bastion calls when it looks into other messages.
        """

    def forward(self, plain: memoryview) -> None:
        """
        What the bastion calls to hand it a message of the other end's.
        """
        self.sendPacket(plain[1], payloadOf(plain))

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
        if number in self._side.passes:
            self._side.passOn(memoryview(Outgoing().plain(number, payload)))
        else:
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

    def __init__(
        self,
        *policies: Any,
        speaks: bool = False,
        share: Any = None,
        allowance: Any = UNLIMITED,
    ) -> None:
        """
        @param speaks: whether the bastion may have something to say.
        @param share: of the bandwidth.
        @param allowance: of the channels that others have too.
        """
        self.told: list[Any] = []
        adapter = SessionAdapter(policies, LOGIN)
        self.relay = Relay(adapter, self, speaks, share, MAX_CHANNELS, allowance)
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


#: Each way to seal a packet once: a cipher, and a MAC if it needs one.
SEALINGS = {
    "gcm": (b"aes128-gcm@openssh.com", b""),
    "chacha": (b"chacha20-poly1305@openssh.com", b""),
    "etm": (b"aes128-ctr", b"hmac-sha2-256-etm@openssh.com"),
    "mac": (b"aes256-ctr", b"hmac-sha2-512"),
}


def terms(sealing: str = "gcm", **others: Any) -> Terms:
    """
    The terms of a leg that is sealed in one way.
    """
    cipher, mac = SEALINGS[sealing]
    algorithms = evolve(TO_HOSTS, ciphers=(cipher,), macs=(mac,))
    return Terms(lambda identification: algorithms, **others)


class Coupled(Owner):
    """
    A session between two speakers, through the bastion's transports.

    @ivar clock: the bastion's; the speakers have one of their own, which stands.
    @ivar toClient: the bastion's transport that faces the client.
    @ivar toHost: the bastion's transport that faces the host.
    @ivar ended: what became of these two.
    """

    def __init__(self, client: Terms | None = None, host: Terms | None = None) -> None:
        """
        @param client: the terms of the leg toward the client, for both of its ends.
        @param host: those of the other leg.
        """
        self.network = Network()
        self.clock = self.network.clock
        self.ended: list[Any] = []
        self.coupling: Coupling | None = None
        self.client = speakingClient(Clock(), HOST_KEY)
        self.host = speakingHost(Clock(), HOST_KEY)
        holder: Any = KeyHolder(HOST_KEY)
        self.toClient = ServerTransport(self, self.clock)
        self.toClient.factory = holder
        self.toClient.makeUserAuth = lambda: Recorder(b"ssh-userauth")
        trusted = TrustedKeys({HOST_KEY.public().blob()})
        self.toHost = ClientTransport(self, self.clock, trusted, Recorder(b"ssh-userauth"))
        for terms, speaker, ours in (
            (client, self.client, self.toClient),
            (host, self.host, self.toHost),
        ):
            if terms is not None:
                speaker.transport.speakOn(terms)
                ours.speakOn(terms)
        self.network.link(self.client.transport, self.toClient)
        self.network.link(self.toHost, self.host.transport)
        self.network.settle()
        self.relay = Relay(SessionAdapter((), LOGIN), Session())
        self.coupling = Coupling(self.relay, self.toClient, self.toHost, self.clock)
        self.client.startSession()
        self.host.startSession()

    def over(self) -> None:
        """
        Both connections are cut; see that nothing is left.
        """
        assert self.coupling is not None
        self.coupling.remove()
        for transport in (self.toClient, self.toHost):
            transport.transport.abortConnection()
        assert self.clock.getDelayedCalls() == []

    def keyExchanging(self, transport: Transport) -> None:
        """
        See L{Owner}.
        """
        if self.coupling is not None:
            self.coupling.settle()

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
def termsOf() -> Callable[..., Terms]:
    """
    Makes terms by one of the names C{gcm}, C{chacha}, C{etm} and C{mac}.
    """
    return terms


@pytest.fixture
def couple() -> Iterator[Callable[..., Coupled]]:
    """
    Makes sessions between two speakers.
    """
    made: list[Coupled] = []

    def make(*terms: Terms) -> Coupled:
        made.append(Coupled(*terms))
        return made[-1]

    yield make
    for each in made:
        each.over()


@pytest.fixture
def coupled(couple: Callable[..., Coupled]) -> Coupled:
    """
    A session between two speakers.
    """
    return couple()
