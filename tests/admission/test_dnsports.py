"""
Tests of L{bastion.admission.dnsports}: sockets on the loopback, and a reactor that turns.
"""

from __future__ import annotations

import errno
import os
import random
import select
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet import main
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.interfaces import IReadDescriptor
from twisted.names import dns
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from bastion.admission import dnsports
from bastion.admission.dnsmessage import NO_ERROR, A, Question, Reply
from bastion.admission.dnsports import MAX_PORTS, Port, Ports, Server, asMessage
from bastion.admission.dnsverdict import NoAnswer
from bastion.testing.dnsreplies import Query, query, truth
from bastion.testing.dnszone import Entry, Known

NAME = (b"pc7", b"example", b"org")
PC7 = Question(NAME, A)
HERE = Known(NO_ERROR, (Entry(NAME, A, 60, b"\xc0\0\2\7"),), 0)


class Wire:
    """
    A server's bare socket, and the ports that ask it.
    """

    def __init__(self, address: str) -> None:
        self.reactor: Any = EPollReactor()
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = self.newSocket(address)
        self.server: Server = self.socket.getsockname()[:2]
        self.ports = Ports(self.reactor, random.Random(7))
        self._own = set(self.reactor.getReaders())

    def newSocket(self, address: str) -> socket.socket:
        """
        Another socket, with a port of its own.
        """
        fresh = socket.socket(self.family, socket.SOCK_DGRAM)
        fresh.settimeout(10)
        fresh.bind((address, 0))
        return fresh

    def dies(self) -> None:
        """
        The server is gone.  It had a port that nobody is given by chance: whoever asks a
        port that he has got himself hears himself.
        """
        self.socket.close()
        self.server = (self.server[0], 1)

    def ask(self, question: Question = PC7) -> tuple[Deferred[Any], list[Any]]:
        """
        Ask; and what comes of it, when it does.
        """
        told: list[Any] = []
        asked: Deferred[Any] = self.ports.ask(self.server, question).addBoth(told.append)
        return asked, told

    def heard(self) -> tuple[Query, Any]:
        """
        What the server was asked, and from where.
        """
        message, address = self.socket.recvfrom(4096)
        return query(message, False), address

    def turn(self) -> None:
        """
        Let the reactor do what there is to do.
        """
        for _ in range(5):
            self.reactor.iterate(0)

    def until(self, told: Callable[[], Any]) -> Any:
        """
        Let the reactor turn until something has happened.
        """
        for _ in range(1000):
            if told():
                return told()
            self.reactor.iterate(0.01)
        raise AssertionError("the loopback takes no ten seconds")

    def open(self) -> list[Any]:
        """
        The ports that are open.
        """
        return [each for each in self.reactor.getReaders() if each not in self._own]

    def close(self) -> None:
        """
        Nothing is left of it.
        """
        self.socket.close()
        for reader in self.reactor.removeAll():
            reader.connectionLost(Failure(main.CONNECTION_LOST))


@pytest.fixture(params=["127.0.0.1", "::1"])
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    """
    A server of each family.
    """
    wire = Wire(request.param)
    yield wire
    assert wire.open() == []
    assert (wire.ports._ports, wire.ports._questions) == ({}, {})
    wire.close()


def test_questionIsAnOrdinaryOne() -> None:
    message = dns.Message()
    message.fromStr(asMessage(4711, PC7))
    assert (message.id, message.answer, message.opCode, message.recDes) == (4711, 0, 0, 1)
    assert message.queries == [dns.Query(b"pc7.example.org", dns.A, dns.IN)]


def test_replyIsTold(wire: Wire) -> None:
    _, told = wire.ask()
    asked, address = wire.heard()
    wire.socket.sendto(truth(asked, HERE), address)
    reply = wire.until(lambda: told)[0]
    assert isinstance(reply, Reply)
    assert reply.answers[0].data == b"\xc0\0\2\7"


def test_questionsHaveNumbersAndPortsOfTheirOwn(wire: Wire) -> None:
    waiting = [wire.ask()[0] for _ in range(20)]
    heard = [wire.heard() for _ in waiting]
    assert len({asked.number for asked, _ in heard}) == 20
    assert len({address[1] for _, address in heard}) == 20
    for each in waiting:
        each.cancel()


def test_portsAreSharedWhenThereAreTooMany(wire: Wire) -> None:
    waiting = [wire.ask() for _ in range(3 * MAX_PORTS)]
    heard = [wire.heard() for _ in waiting]
    assert len({address[1] for _, address in heard}) == len(wire.open()) == MAX_PORTS
    for asked, address in heard:
        wire.socket.sendto(truth(asked, HERE), address)
    for _, told in waiting:
        assert isinstance(wire.until(lambda told=told: told)[0], Reply)


def test_portsAreSharedWhenNoMoreCanBeOpened(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    def noMore(*arguments: Any) -> Port:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    first, _ = wire.ask()
    with monkeypatch.context() as patched:
        patched.setattr(dnsports, "Port", noMore)
        second, told = wire.ask()
        assert (told, len(wire.open())) == ([], 1)
        first.cancel()
        second.cancel()
        _, told = wire.ask()
    expected = f"{wire.server[0]} cannot be asked: Too many open files"
    assert told[0].getErrorMessage() == expected


def test_numberThatIsInUseIsNotUsedAgain(wire: Wire) -> None:
    class Stubborn(random.Random):
        def getrandbits(self, bits: int) -> int:
            """
            Say each number twice.
            """
            self.said = getattr(self, "said", 0) + 1
            return self.said // 2

    closed: list[Any] = []
    port = Port(wire.reactor, wire.server, closed.append)
    chance = Stubborn()
    waiting = [port.ask(PC7, chance).addErrback(lambda _: None) for _ in range(4)]
    assert [wire.heard()[0].number for _ in waiting] == [0, 1, 2, 3]
    for each in waiting:
        each.cancel()
    assert closed == [port]


def test_forgedReplyIsPassedOver(wire: Wire) -> None:
    """
    From another port, with another number or question, or too short for one; the right
    one is heard behind them.
    """
    _, told = wire.ask()
    asked, address = wire.heard()
    right = truth(asked, HERE)
    other = wire.newSocket(wire.server[0])
    other.sendto(right, address)
    other.close()
    wrongNumber = truth(Query(asked.number ^ 1, NAME, A, False), HERE)
    wrongName = truth(Query(asked.number, (b"x", *NAME), A, False), HERE)
    for forged in (wrongNumber, wrongName, asMessage(asked.number, PC7), right[:11], b""):
        wire.socket.sendto(forged, address)
    wire.turn()
    assert told == []
    wire.socket.sendto(right, address)
    assert isinstance(wire.until(lambda: told)[0], Reply)


@pytest.mark.parametrize("wire", ["127.0.0.1"], indirect=True)
def test_replyFromAnotherAddressIsNotHeard(wire: Wire) -> None:
    waiting, told = wire.ask()
    asked, address = wire.heard()
    other = socket.socket(wire.family, socket.SOCK_DGRAM)
    other.bind(("127.0.0.2", 0))
    other.sendto(truth(asked, HERE), address)
    other.close()
    wire.turn()
    assert told == []
    waiting.cancel()


def test_replyThatIsNoGoodIsNoAnswer(wire: Wire) -> None:
    _, told = wire.ask()
    asked, address = wire.heard()
    wire.socket.sendto(truth(asked, HERE)[:-1], address)
    (failure,) = wire.until(lambda: told)
    assert failure.check(NoAnswer)
    expected = f"{wire.server[0]} has sent a reply that is no good: it ends too early"
    assert failure.getErrorMessage() == expected


def test_replyComesOnce(wire: Wire) -> None:
    told = [wire.ask()[1] for _ in range(2)]
    for _ in told:
        asked, address = wire.heard()
        for _ in range(3):
            wire.socket.sendto(truth(asked, HERE), address)
    for each in told:
        assert len(wire.until(lambda each=each: each)) == 1
    wire.turn()


def test_whatIsCancelledIsForgotten(wire: Wire) -> None:
    waiting, told = wire.ask()
    asked, address = wire.heard()
    assert len(wire.open()) == 1
    waiting.cancel()
    assert told[0].check(CancelledError)
    assert wire.open() == []
    wire.socket.sendto(truth(asked, HERE), address)
    wire.turn()


def test_deadServerIsNoticed(wire: Wire) -> None:
    """
    The kernel is told that nobody listens there: whoever shares a port is told too.
    """
    wire.dies()
    waiting = [wire.ask()[1] for _ in range(MAX_PORTS + 10)]
    for told in waiting:
        failure = wire.until(lambda told=told: told)[0]
        assert failure.check(NoAnswer)
        assert failure.getErrorMessage() == f"{wire.server[0]} cannot be asked: Connection refused"


def test_serverThatCannotBeReachedIsNoAnswer(wire: Wire) -> None:
    """
    A UDP port 0 takes nothing.
    """
    told: list[Any] = []
    wire.ports.ask((wire.server[0], 0), PC7).addErrback(told.append)
    (failure,) = wire.until(lambda: told)
    assert failure.check(NoAnswer)
    assert "cannot be asked" in failure.getErrorMessage()


def test_errorMayComeInThePlaceOfAMessage(wire: Wire) -> None:
    """
    As it does with other reactors.
    """
    wire.dies()
    _, told = wire.ask()
    (port,) = wire.open()
    select.select([port], (), (), 10)
    port.doRead()
    assert told[0].getErrorMessage() == f"{wire.server[0]} cannot be asked: Connection refused"


def test_noMoreQuestionsAreOutThanTheLimit(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dnsports, "MAX_QUESTIONS", 3)
    waiting = [wire.ask()[0] for _ in range(3)]
    _, told = wire.ask()
    assert told[0].getErrorMessage() == "too many questions are out"
    waiting.pop().cancel()
    waiting.append(wire.ask()[0])
    for each in waiting:
        each.cancel()
    assert not wire.ports._questions


def test_oneServersQuestionsAreNotAnothers(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dnsports, "MAX_QUESTIONS", 1)
    waiting, _ = wire.ask()
    told: list[Any] = []
    wire.ports.ask((wire.server[0], 0), PC7).addErrback(told.append)
    (failure,) = wire.until(lambda: told)
    assert "cannot be asked" in failure.getErrorMessage()
    waiting.cancel()


def test_portIsWhatTheReactorReads(wire: Wire) -> None:
    waiting, _ = wire.ask()
    (port,) = wire.open()
    verifyObject(IReadDescriptor, port)
    assert port.logPrefix() == "Port"
    waiting.cancel()
    assert port.fileno() == -1
    port.connectionLost(Failure(main.CONNECTION_LOST))


def test_reactorThatEndsEndsTheWait(wire: Wire) -> None:
    _, told = wire.ask()
    for reader in wire.reactor.removeAll():
        reader.connectionLost(Failure(main.CONNECTION_LOST))
    assert told[0].check(NoAnswer)
