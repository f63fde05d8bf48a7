"""
The ports from which DNS servers are asked.

A port asks one server, and the kernel lets in what comes from there.  A forged reply has
to guess the port and the number of a question, and both are chosen by chance: a question
has a port of its own as long as there are not too many, and shares one of those
otherwise.
"""

from __future__ import annotations

import os
import random
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReadDescriptor
from twisted.names.dns import Message
from twisted.python.failure import Failure
from zope.interface import implementer

from bastion.admission.dnsmessage import BadReply, Question, Reply, number, reply
from bastion.admission.dnsverdict import NoAnswer

#: The address of a DNS server, and its port.
Server = tuple[str, int]

#: From how many ports one server is asked at once.
MAX_PORTS = 64
#: How many questions may be out at once at one server: enough for all addresses that may
#: be looked up at once, even if each has silent names only.
MAX_QUESTIONS = 6000

#: Without an extension a datagram has 512 bytes at most (RFC 1035 section 4.2.1).
_DATAGRAM = 4096
#: How many datagrams are taken from a port before the others have their turn.
_AT_ONCE = 16


def asMessage(chosen: int, question: Question) -> bytes:
    """
    A question as it is sent.

    @param chosen: its number.
    """
    message = Message(chosen, recDes=1)
    message.addQuery(b".".join(question.name), question.type)
    return message.toStr()


class Ports:
    """
    Asks DNS servers by UDP.  Who asks cancels what takes too long.
    """

    def __init__(self, reactor: Any, chance: random.Random) -> None:
        """
        @param reactor: an C{IReactorFDSet}.
        @param chance: where the numbers of the questions come from.
        """
        self._reactor = reactor
        self._chance = chance
        self._ports: dict[Server, list[Port]] = {}
        self._questions: Counter[Server] = Counter()

    def ask(self, server: Server, question: Question) -> Deferred[Reply]:
        """
        Ask one server, once.

        @return: fails with L{NoAnswer} if that is known before anything has come.
        """
        if self._questions[server] >= MAX_QUESTIONS:
            return fail(NoAnswer("too many questions are out"))
        try:
            port = self._port(server)
        except OSError as error:
            return fail(NoAnswer(f"{server[0]} cannot be asked: {error.strerror}"))
        self._questions[server] += 1
        return port.ask(question, self._chance).addBoth(self._over, server)

    def _over(self, result: Any, server: Server) -> Any:
        self._questions[server] -= 1
        if not self._questions[server]:
            del self._questions[server]
        return result

    def _port(self, server: Server) -> Port:
        ports = self._ports.setdefault(server, [])
        if len(ports) < MAX_PORTS:
            try:
                ports.append(Port(self._reactor, server, self._closed))
                return ports[-1]
            except OSError:
                if not ports:
                    del self._ports[server]
                    raise
        return self._chance.choice(ports)

    def _closed(self, port: Port) -> None:
        self._ports[port.server].remove(port)
        if not self._ports[port.server]:
            del self._ports[port.server]


@implementer(IReadDescriptor)
class Port:
    """
    One port; it is open as long as something is asked.

    @ivar server: the one that is asked.
    """

    def __init__(self, reactor: Any, server: Server, closed: Callable[[Port], None]) -> None:
        """
        @raise OSError: when there cannot be one.
        """
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.connect(server)
        except OSError:
            self._socket.close()
            raise
        self.server = server
        self._reactor = reactor
        self._closed = closed
        self._asked: dict[int, tuple[Question, Deferred[Reply]]] = {}
        reactor.addReader(self)

    def ask(self, question: Question, chance: random.Random) -> Deferred[Reply]:
        """
        Ask; see L{Ports.ask}.
        """
        chosen = chance.getrandbits(16)
        while chosen in self._asked:
            chosen = chance.getrandbits(16)
        asked: Deferred[Reply] = Deferred(lambda _: self._forget(chosen))
        self._asked[chosen] = question, asked
        try:
            self._socket.send(asMessage(chosen, question))
        except BlockingIOError:
            # As good as lost on its way.
            pass
        except OSError as error:
            self.fail(f"{self.server[0]} cannot be asked: {error.strerror}")
        return asked

    def _forget(self, chosen: int) -> None:
        del self._asked[chosen]
        if not self._asked:
            self._close()

    def doRead(self) -> None:
        """
        See C{IReadDescriptor}.
        """
        for _ in range(_AT_ONCE):
            try:
                message = self._socket.recv(_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:
                self.fail(f"{self.server[0]} cannot be asked: {error.strerror}")
                return
            self._received(message)
            if not self._asked:
                return

    def _received(self, message: bytes) -> None:
        chosen = number(message)
        if chosen is None or chosen not in self._asked:
            return
        question, asked = self._asked[chosen]
        try:
            result: Any = reply(message, question)
        except BadReply as error:
            result = Failure(
                NoAnswer(f"{self.server[0]} has sent a reply that is no good: {error}")
            )
        if result is not None:
            self._forget(chosen)
            asked.callback(result)

    def fail(self, reason: str) -> None:
        """
        Nothing that was asked is answered.
        """
        asked, self._asked = self._asked, {}
        self._close()
        for _, each in asked.values():
            each.errback(NoAnswer(reason))

    def _close(self) -> None:
        if self.fileno() >= 0:
            self._reactor.removeReader(self)
            self._socket.close()
            self._closed(self)

    def connectionLost(self, reason: Failure) -> None:
        """
        See C{IReadDescriptor}: the reactor has seen an error, or it stops.
        """
        if self.fileno() >= 0:
            problem = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self.fail(f"{self.server[0]} cannot be asked: {os.strerror(problem)}")

    def fileno(self) -> int:
        """
        See C{IFileDescriptor}.
        """
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """
        See C{ILoggingContext}.
        """
        return type(self).__name__
