"""
Each of the bastion's two transports, and a peer at the other end of a network in
memory: one that keeps the rules unless it is told to break them, or one that says
any bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from bastion.ssh.client import ClientTransport
from bastion.ssh.negotiation import STRICT_CLIENT, STRICT_SERVER, Offer
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


def offering(transport: Any, change: Callable[[Offer], Offer]) -> None:
    """
    Let a transport offer something else than it would, and mean it.
    """
    own: dict[str, Any] = {"strict": transport.strict}

    def strict(self: Any, asked: bool) -> None:
        offered = {STRICT_CLIENT, STRICT_SERVER}.intersection(own["_ours"].keyExchanges)
        own["strict"] = asked and bool(offered)

    transport.__class__ = type(
        "Changed",
        (type(transport),),
        {
            "_ours": property(
                lambda _: own["_ours"],
                lambda _, offer: own.update(_ours=change(offer)),
                lambda _: own.pop("_ours"),
            ),
            "strict": property(lambda _: own["strict"], strict),
        },
    )


class Leg:
    """
    One of the bastion's transports.

    @ivar facesClient: which one.
    @ivar ours: the transport.
    @ivar witness: its owner.
    @ivar service: its login service.
    @ivar peer: who speaks with it; set when they meet.
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
            self.ours.makeUserAuth = lambda: self.service
        else:
            self.ours = ClientTransport(self.witness, self.clock, self.trusted, self.service)

    # A clock of its own for the peer: whose time is over is to be clear.

    def met(self, key: Key = KEY) -> Leg:
        """
        With a peer that keeps the rules, and before they are connected.

        @param key: the key of a host; a client trusts it.
        """
        if not hasattr(self, "peer"):
            self.peer = (speakingClient if self.facesClient else speakingHost)(Clock(), key)
        return self

    def offered(self, change: Callable[[Offer], Offer]) -> Leg:
        """
        With a peer that offers something else than it would.
        """
        offering(self.met().peer.transport, change)
        return self

    def connected(self, key: Key = KEY) -> Leg:
        """
        With a peer that keeps the rules, and before a byte has crossed.
        """
        self.network.link(self.ours, self.met(key).peer.transport)
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
            transport.requestService = lambda service: None
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
        transport.send(transport.outgoing.plain(number, payload))
        self.network.settle()

    def hearsBefore(self, turn: Iterable[int], number: int, payload: bytes = b"") -> Leg:
        """
        The peer will send a message, whether it may or not, before the next one
        that has one of certain numbers.
        """
        transport = self.met().peer.transport
        send = transport.send

        def sending(plain: bytes) -> None:
            if plain[1] in turn:
                transport.send = send
                send(transport.outgoing.plain(number, payload))
            send(plain)

        transport.send = sending
        return self

    def hearsUntil(self, enough: Callable[[], bool]) -> Leg:
        """
        Let arrive what the peer sends, byte by byte, until it is enough; and all
        that we send.
        """
        waiting = self.peer.transport.transport._outgoing
        while not enough():
            if not waiting:
                self.ours.transport.step()
            assert waiting, "nothing is under way any more"
            data = bytes(waiting[:1])
            del waiting[:1]
            self.ours.dataReceived(data)
        return self

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
