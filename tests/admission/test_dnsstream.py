"""
Tests of L{bastion.admission.dnsstream}: TCP on the loopback.
"""

from __future__ import annotations

import random
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from bastion.admission.dnsmessage import NO_ERROR, PTR, Question, Reply
from bastion.admission.dnsports import Server, asMessage
from bastion.admission.dnsstream import MAX_STREAMS, Streams
from bastion.admission.dnsverdict import NoAnswer
from bastion.testing.dnsreplies import Query, bomb, query, truth
from bastion.testing.dnszone import Entry, Known

NAME = (b"7", b"2", b"0", b"192", b"in-addr", b"arpa")
QUESTION = Question(NAME, PTR)
MANY = Known(NO_ERROR, tuple(Entry(NAME, PTR, 60, (b"pc%d" % pc, b"org")) for pc in range(1000)), 0)


class Call(Protocol):
    """
    A connection to the server.

    @ivar asked: fires with the question.
    @ivar lost: fires when the connection is gone.
    """

    transport: Any

    def __init__(self, made: Callable[[Call], None]) -> None:
        self._made = made
        self.heard = b""
        self.asked: Deferred[Query] = Deferred()
        self.lost: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self._made(self)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if len(self.heard) == 2 + int.from_bytes(self.heard[:2], "big"):
            self.asked.callback(query(self.heard[2:], True))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.callback(None)

    def say(self, message: bytes) -> None:
        """
        Send a message.
        """
        self.transport.write(struct.pack(">H", len(message)) + message)


class Caller:
    """
    A server that takes calls, and who calls it.
    """

    def __init__(self, address: str) -> None:
        self.calls: list[Call] = []
        self._arrived: list[Deferred[Call]] = []
        factory = Factory.forProtocol(lambda: Call(self._called))
        factory.noisy = False
        self.port: Any = reactor.listenTCP(0, factory, interface=address)
        self.server: Server = (address, self.port.getHost().port)
        self.streams = Streams(reactor, random.Random(7))

    def _called(self, call: Call) -> None:
        self.calls.append(call)
        if self._arrived:
            self._arrived.pop(0).callback(call)

    def ask(self) -> Deferred[Any]:
        """
        Ask the server: a reply, or the text of the problem.
        """
        asked: Deferred[Any] = self.streams.ask(self.server, QUESTION)
        return asked.addErrback(lambda failure: str(failure.trap(NoAnswer) and failure.value))

    def call(self) -> Deferred[Call]:
        """
        The next call that arrives.
        """
        self._arrived.append(Deferred())
        return self._arrived[-1]


@pytest_twisted.async_yield_fixture(params=["127.0.0.1", "::1"])
async def caller(request: pytest.FixtureRequest) -> AsyncIterator[Caller]:
    """
    A server of each family; nothing is left of its connections.
    """
    caller = Caller(request.param)
    yield caller
    await maybeDeferred(caller.port.stopListening)
    for call in caller.calls:
        call.transport.abortConnection()
        await call.lost
    assert caller.streams._open == 0


@pytest_twisted.ensureDeferred
async def test_replyIsTold(caller: Caller) -> None:
    arriving, told = caller.call(), caller.ask()
    call = await arriving
    asked = await call.asked
    assert (asked.name, asked.type) == (NAME, PTR)
    call.say(truth(asked, MANY))
    reply = await told
    assert isinstance(reply, Reply)
    assert reply.answers[-1].data == (b"pc63", b"org")
    await call.lost


@pytest_twisted.ensureDeferred
async def test_replyMayComeInPieces(caller: Caller) -> None:
    arriving, told = caller.call(), caller.ask()
    call = await arriving
    call.transport.setTcpNoDelay(True)
    message = truth(await call.asked, Known(NO_ERROR, MANY.entries[:2], 0))
    for octet in struct.pack(">H", len(message)) + message:
        call.transport.write(bytes((octet,)))
        await deferLater(reactor, 0)
    assert isinstance(await told, Reply)


@pytest_twisted.ensureDeferred
async def test_onlyOneMessageIsHeard(caller: Caller) -> None:
    arriving, told = caller.call(), caller.ask()
    call = await arriving
    asked = await call.asked
    call.say(truth(asked, Known(NO_ERROR, MANY.entries[:1], 0)))
    call.transport.write(bytes(200_000))
    reply = await told
    assert [record.data for record in reply.answers] == [(b"pc0", b"org")]


NO_REPLY = "{} has sent no reply to what it was asked"
NO_GOOD = "{} has sent a reply that is no good: "


@pytest.mark.parametrize(
    ("say", "problem"),
    [
        (lambda asked: b"", NO_REPLY),
        (lambda asked: bytes(2), NO_REPLY),
        (lambda asked: asMessage(asked.number, QUESTION), NO_REPLY),
        (lambda asked: truth(Query(asked.number ^ 1, NAME, PTR, True), MANY), NO_REPLY),
        (lambda asked: truth(Query(asked.number, NAME[1:], PTR, True), MANY), NO_REPLY),
        (lambda asked: truth(Query(asked.number, NAME, PTR, False), MANY), NO_REPLY),
        (lambda asked: truth(asked, MANY)[:99], NO_GOOD + "it ends too early"),
        (bomb, NO_GOOD + "a pointer does not lead backwards"),
    ],
    ids=["empty", "short", "question", "number", "name", "truncated", "cut", "bomb"],
)
@pytest_twisted.ensureDeferred
async def test_replyThatIsNoneIsNoAnswer(caller: Caller, say: Any, problem: str) -> None:
    arriving, told = caller.call(), caller.ask()
    call = await arriving
    call.say(say(await call.asked))
    assert await told == problem.format(caller.server[0])


@pytest.mark.parametrize("begun", [b"", b"\0", b"\xff\xff" + bytes(1000)])
@pytest_twisted.ensureDeferred
async def test_connectionThatEndsIsNoAnswer(caller: Caller, begun: bytes) -> None:
    arriving, told = caller.call(), caller.ask()
    call = await arriving
    await call.asked
    call.transport.write(begun)
    call.transport.loseConnection()
    assert await told == "a DNS server has closed the connection"


@pytest_twisted.ensureDeferred
async def test_serverThatDoesNotListenIsNoAnswer(caller: Caller) -> None:
    await caller.port.stopListening()
    problem = await caller.ask()
    assert problem.startswith(f"{caller.server[0]} cannot be asked by TCP: Connection was refused")


@pytest_twisted.ensureDeferred
async def test_whoLeavesClosesTheConnection(caller: Caller) -> None:
    arriving = caller.call()
    asking = caller.streams.ask(caller.server, QUESTION).addErrback(lambda failure: None)
    call = await arriving
    await call.asked
    asking.cancel()
    await asking
    await call.lost


@pytest_twisted.ensureDeferred
async def test_whoLeavesAtOnceIsNotConnected(caller: Caller) -> None:
    asking = caller.streams.ask(caller.server, QUESTION).addErrback(lambda failure: None)
    asking.cancel()
    await asking
    assert caller.streams._open == 0


@pytest_twisted.ensureDeferred
async def test_thereAreNoMoreConnectionsThanTheLimit(caller: Caller) -> None:
    arriving = [caller.call() for _ in range(MAX_STREAMS)]
    asking = [caller.ask() for _ in arriving]
    assert await caller.ask() == "too many connections to DNS servers are open"
    for each in arriving:
        call = await each
        call.say(truth(await call.asked, MANY))
    for told in asking:
        assert isinstance(await told, Reply)
