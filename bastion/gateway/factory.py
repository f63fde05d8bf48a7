"""
One gateway at work: a Conch factory behind one listening port.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol

from bastion.admission.gate import Decision
from bastion.admission.sources import addressOf
from bastion.gateway.entrance import Doors
from bastion.gateway.gateway import Gateway
from bastion.gateway.lastline import LastLine
from bastion.gateway.lifecycle import Connection
from bastion.interfaces import HostRequest


class GatewayFactory(SSHFactory):
    """
    Makes a L{Connection} for each client that may come in.

    @ivar connections: those that are there.
    @ivar gateway: what they share.
    @ivar doors: what they have to pass.
    """

    noisy = False

    def __init__(self, gateway: Gateway, doors: Doors) -> None:
        self.connections: set[Connection] = set()
        self.portal = gateway.portal
        self.gateway = gateway
        self.doors = doors

    def getPublicKeys(self) -> Mapping[bytes, Key]:
        """
        The public halves of the host keys.
        """
        return {name: key.public() for name, key in self.gateway.hostKeys.items()}

    def getPrivateKeys(self) -> Mapping[bytes, Key]:
        """
        The host keys.
        """
        return self.gateway.hostKeys

    def buildProtocol(  # type: ignore[override]
        self, addr: IAddress | None
    ) -> Protocol | None:
        """
        Let a client in; L{None} closes the connection without a byte.
        """
        source = str(getattr(addr, "host", ""))
        answer = self.doors.gate.admit(source)
        if answer.decision is Decision.DROP:
            self._turnAway(source, answer.sentence)
            return None
        address = addressOf(source)
        penalty = self.doors.penalty(address)
        if penalty is not None:
            self._turnAway(source, penalty)
            return LastLine(penalty)
        denial = answer.sentence if answer.decision is Decision.TELL else None
        denial = denial or self.gateway.table.notice or self.doors.connections.refusal(address)
        crowd = self.doors.startups.refusal(address, denial is None)
        if crowd is not None:
            self._turnAway(source, crowd)
            return LastLine("Too many connections are logging in; please try again.")
        name, port = self.gateway.table.name, getattr(addr, "port", 0)
        request = HostRequest(b"", source, name, port=port)
        connection = Connection(self.gateway, self.doors, request, denial)
        self.connections.add(connection)
        connection.ended.addCallback(lambda _: self.connections.discard(connection))
        transport = connection.transport
        transport.factory = self
        return transport

    def _turnAway(self, source: str, reason: str) -> None:
        self.gateway.newLog(source).event("connection.refused", reason=reason)

    def dismissAll(self, reason: str, sentence: str) -> Deferred[Any]:
        """
        End all connections.

        @return: fires when they are over.
        """
        if self.gateway.ready is not None:
            self.gateway.ready.close()
        ends = [connection.ended for connection in self.connections]
        for connection in list(self.connections):
            connection.dismiss(reason, sentence)
        return DeferredList(ends)
