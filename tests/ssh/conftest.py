"""
Each of the bastion's two transports, and a peer at the other end of a network in
memory: one that keeps the rules unless it is told to break them, or one that says
any bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs
from twisted.python.failure import Failure

from bastion.ssh.client import ClientTransport
from bastion.ssh.server import ServerTransport
from bastion.testing.network import Network
from bastion.testing.speakers import (
    KeyHolder,
    Recorder,
    Speaker,
    TrustedKeys,
    Witness,
    speakingClient,
    speakingHost,
)

KEY = Key(Ed25519PrivateKey.generate())


def plain(number: int, payload: bytes = b"") -> bytes:
    """
    A packet as it is before the first keys (RFC 4253 section 6).
    """
    body = bytes((number,)) + payload
    padding = 8 - (len(body) + 5) % 8 + 8
    return struct.pack(">LB", 1 + len(body) + padding, padding) + body + bytes(padding)


class Raw(Protocol):
    """
    A peer that says any bytes.
    """

    def __init__(self) -> None:
        self.heard = b""
        self.gone = False

    def dataReceived(self, data: bytes) -> None:
        """
        Keep it.
        """
        self.heard += data

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        The end.
        """
        self.gone = True


class Leg:
    """
    One of the bastion's transports.

    @ivar facesClient: which one.
    @ivar ours: the transport.
    @ivar witness: its owner.
    @ivar service: its login service.
    @ivar peer: who speaks with it; set when they are connected.
    """

    peer: Speaker

    def __init__(self, facesClient: bool) -> None:
        self.facesClient = facesClient
        self.network = Network()
        self.clock = self.network.clock
        self.witness = Witness()
        self.service = Recorder(b"ssh-userauth")
        self.trusted = TrustedKeys({KEY.public().blob()})
        self.ours: Any
        if facesClient:
            holder: Any = KeyHolder(KEY)
            self.ours = ServerTransport(self.witness, self.clock)
            self.ours.factory = holder
            self.ours.supportedPublicKeys = [b"ssh-ed25519"]
            self.ours.makeUserAuth = lambda: self.service
        else:
            self.ours = ClientTransport(self.witness, self.clock, self.trusted, self.service)

    # A clock of its own for the peer: whose time is over is to be clear.

    def connected(self, key: Key = KEY) -> Leg:
        """
        With a peer that keeps the rules, and before a byte has crossed.

        @param key: the key of a host; a client trusts it.
        """
        self.peer = (speakingClient if self.facesClient else speakingHost)(Clock(), key)
        self.network.link(self.ours, self.peer.transport)
        return self

    def inLogin(self) -> Leg:
        """
        The login has begun.
        """
        self.connected()
        self.network.settle()
        return self

    def beforeService(self) -> Leg:
        """
        The keys are exchanged, and the peer does nothing about a service.
        """
        self.connected()
        transport = self.peer.transport
        if self.facesClient:
            transport.connectionSecure = lambda: None
        else:
            transport.ssh_SERVICE_REQUEST = lambda payload: None
        self.network.settle()
        return self

    def inSession(self) -> Leg:
        """
        The login is done.
        """
        self.inLogin()
        self.service = Recorder(b"ssh-connection")
        self.ours.setService(self.service)
        self.peer.startSession()
        return self

    def raw(self, *said: bytes) -> Raw:
        """
        With a peer that says bytes.
        """
        peer = Raw()
        self.network.link(self.ours, peer)
        for each in said:
            peer.transport.write(each)
            self.network.settle()
        return peer

    def hears(self, number: int, payload: bytes = b"") -> None:
        """
        The peer sends a message, whether it may or not.
        """
        transport = self.peer.transport
        state, blocked = transport._keyExchangeState, transport._blockedByKeyExchange
        transport._keyExchangeState = transport._KEY_EXCHANGE_NONE
        transport.sendPacket(number, payload)
        transport._keyExchangeState, transport._blockedByKeyExchange = state, blocked
        self.network.settle()

    @property
    def failures(self) -> list[str]:
        """
        What the owner was told to be wrong.
        """
        events = [event for event in self.witness.events if isinstance(event, tuple)]
        return [event[1] for event in events if event[0] == "failed"]

    def over(self) -> None:
        """
        See that the connection has ended, and nothing is left of it.
        """
        assert self.witness.events.count("lost") == 1
        assert self.witness.events[-1] == "lost"
        assert self.clock.getDelayedCalls() == []


LEGS = {"client": True, "host": False}


@pytest.fixture(params=LEGS.values(), ids=LEGS.keys())
def leg(request: pytest.FixtureRequest) -> Leg:
    """
    Each of the two transports in turn, not connected.
    """
    return Leg(request.param)


@pytest.fixture(params=LEGS.values(), ids=LEGS.keys())
def newLeg(request: pytest.FixtureRequest) -> Callable[[], Leg]:
    """
    Makes transports of one kind; each of the two in turn.
    """
    return lambda: Leg(request.param)


@pytest.fixture
def towardClient() -> Leg:
    """
    The transport that faces a client.
    """
    return Leg(True)


@pytest.fixture
def towardHost() -> Leg:
    """
    The transport that faces a host.
    """
    return Leg(False)


@pytest.fixture
def packet() -> Callable[..., bytes]:
    """
    Makes packets as they are before the first keys.
    """
    return plain


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[LogEvent]]:
    """
    What is logged; no traceback may be.
    """
    with capturedLogs() as events:
        yield events
    assert [event for event in events if "log_failure" in event] == []
