"""
Asking a DNS server by TCP (RFC 7766), for what does not fit into a datagram.
"""

from __future__ import annotations

import random
import struct
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from bastion.admission.dnsmessage import BadReply, Question, Reply, number, reply
from bastion.admission.dnsports import Server, asMessage
from bastion.admission.dnsverdict import NoAnswer

#: How many connections there may be at once.
MAX_STREAMS = 32

_LENGTH = struct.Struct(">H")


class Streams:
    """
    Asks DNS servers by TCP, with a connection for each question.  Who asks cancels what
    takes too long.
    """

    def __init__(self, reactor: Any, chance: random.Random) -> None:
        """
        @param reactor: an C{IReactorTCP}.
        @param chance: where the numbers of the questions come from.
        """
        self._reactor = reactor
        self._chance = chance
        self._open = 0

    def ask(self, server: Server, question: Question) -> Deferred[Reply]:
        """
        Ask one server, once.

        @return: fails with L{NoAnswer}.
        """
        if self._open >= MAX_STREAMS:
            return fail(NoAnswer("too many connections to DNS servers are open"))
        self._open += 1
        return Deferred.fromCoroutine(self._ask(server, question)).addBoth(self._over)

    async def _ask(self, server: Server, question: Question) -> Reply:
        endpoint = TCP6ClientEndpoint if ":" in server[0] else TCP4ClientEndpoint
        chosen = self._chance.getrandbits(16)
        try:
            ear: Any = await endpoint(self._reactor, *server).connect(_EARS)
            message = await ear.ask(asMessage(chosen, question))
        except ConnectError as error:
            raise NoAnswer(f"{server[0]} cannot be asked by TCP: {error}") from None
        try:
            heard = reply(message, question) if number(message) == chosen else None
        except BadReply as error:
            raise NoAnswer(f"{server[0]} has sent a reply that is no good: {error}") from None
        if heard is None or heard.truncated:
            raise NoAnswer(f"{server[0]} has sent no reply to what it was asked")
        return heard

    def _over(self, result: Any) -> Any:
        self._open -= 1
        return result


class _Ear(Protocol):
    """
    Sends one message and hears one.
    """

    transport: Any

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._heard: Deferred[bytes] = Deferred(lambda _: self.transport.abortConnection())

    def ask(self, message: bytes) -> Deferred[bytes]:
        """
        Send a message.

        @return: fires with the one that comes, after the connection was closed.
        """
        self.transport.write(_LENGTH.pack(len(message)) + message)
        return self._heard

    def dataReceived(self, data: bytes) -> None:
        """
        See C{IProtocol}.
        """
        self._buffer += data
        if len(self._buffer) < _LENGTH.size or self._heard.called:
            return
        (size,) = _LENGTH.unpack_from(self._buffer)
        if len(self._buffer) >= _LENGTH.size + size:
            self.transport.abortConnection()
            self._heard.callback(bytes(self._buffer[_LENGTH.size : _LENGTH.size + size]))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See C{IProtocol}.
        """
        if not self._heard.called:
            self._heard.errback(NoAnswer("a DNS server has closed the connection"))


_EARS = Factory.forProtocol(_Ear)
_EARS.noisy = False
