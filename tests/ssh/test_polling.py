"""
L{bastion.ssh.polling}: a reactor with the shorter way does what it did before.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet import main
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableDescriptor, IReadWriteDescriptor
from twisted.internet.testing import MemoryReactor
from twisted.python import context
from twisted.python.log import ILogContext
from zope.interface import implementer

from bastion.ssh import polling


@implementer(IReadWriteDescriptor)
class Descriptor:
    """
    Writes down what it is told of its socket.

    @ivar reads: what it does to read.
    """

    def __init__(self) -> None:
        self.socket, self.peer = socket.socketpair()
        self.told: list[Any] = []
        self.reads: Any = lambda: None

    def fileno(self) -> int:
        """
        The socket's.
        """
        return self.socket.fileno()

    def logPrefix(self) -> str:
        """
        For the log.
        """
        return "descriptor"

    def doRead(self) -> Any:
        """
        Read once.
        """
        self.told.append(self.socket.recv(100))
        return self.reads()

    def doWrite(self) -> None:
        """
        There is room.
        """
        self.told.append("room")

    def connectionLost(self, reason: Any) -> None:
        """
        It is the end.
        """
        self.told.append(reason.type)
        self.socket.close()


@pytest.fixture
def reactor() -> Iterator[Any]:
    """
    A reactor with the shorter way.
    """
    made: Any = EPollReactor()
    polling.shorten(made)
    yield made
    made.removeAll()


@pytest.fixture
def descriptors(reactor: Any) -> Iterator[list[Descriptor]]:
    """
    Some that are read.
    """
    made = [Descriptor() for _ in range(3)]
    for each in made:
        reactor.addReader(each)
    yield made
    reactor.removeAll()
    for each in made:
        each.peer.close()
        each.socket.close()


def test_whoReadsAndWritesIsTold(reactor: Any, descriptors: list[Descriptor]) -> None:
    first, second, _ = descriptors
    first.peer.send(b"one")
    reactor.addWriter(second)
    reactor.iterate(0)
    assert [each.told for each in descriptors] == [[b"one"], ["room"], []]

    reactor.removeWriter(second)
    second.peer.send(b"two")
    reactor.iterate(0)
    assert [each.told for each in descriptors] == [[b"one"], ["room", b"two"], []]


def test_noLogContextIsMade(reactor: Any, descriptors: list[Descriptor]) -> None:
    """
    It is what takes the time.
    """
    seen: list[Any] = []
    outside = context.get(ILogContext)
    descriptors[0].reads = lambda: seen.append(context.get(ILogContext))
    descriptors[0].peer.send(b"x")
    reactor.iterate(0)
    assert seen == [outside]


def test_endIsTold(reactor: Any, descriptors: list[Descriptor]) -> None:
    first, second, _ = descriptors
    first.peer.close()
    second.reads = lambda: main.CONNECTION_LOST
    second.peer.send(b"x")
    reactor.iterate(0)
    assert second.told == [b"x", ConnectionLost]
    assert second not in reactor.getReaders()
    # Twisted reads what there is before it believes in the end.
    assert first.told == [b""]


def test_whoWasEndedByAnotherIsNotTold(reactor: Any, descriptors: list[Descriptor]) -> None:
    """
    In the turn in which both have something to read.
    """
    for each, other in zip(descriptors[:2], descriptors[1::-1], strict=True):
        each.reads = lambda other=other: reactor.removeReader(other)
        each.peer.send(b"x")
    reactor.iterate(0)
    assert sorted(each.told for each in descriptors) == [[], [], [b"x"]]


class Ours(Exception):
    """
    A bug.
    """


def raising(*arguments: object) -> None:
    """
    Has one.
    """
    raise Ours


def test_errorEndsOneAndIsLogged(
    reactor: Any, descriptors: list[Descriptor], logged: list[Any]
) -> None:
    first, second, _ = descriptors
    first.reads = raising
    for each in (first, second):
        each.peer.send(b"x")
    reactor.iterate(0)

    assert [event["failure"].type for event in logged if "failure" in event] == [Ours]
    assert (first.told, second.told) == ([b"x", Ours], [b"x"])
    logged.clear()


@implementer(IHalfCloseableDescriptor)
class HalfCloseable(Descriptor):
    """
    Is told of the end of what it reads.
    """

    def readConnectionLost(self, reason: Any) -> None:
        """
        The peer sends nothing more.
        """
        self.told.append("end of reading")

    def writeConnectionLost(self, reason: Any) -> None:
        """
        The peer takes nothing more.
        """
        self.told.append("end of writing")


def ending() -> Any:
    """
    Raise what others return.
    """
    raise ConnectionDone


@pytest.mark.parametrize(
    ("reads", "end"), [(lambda: main.CONNECTION_DONE, "end of reading"), (ending, ConnectionDone)]
)
@pytest.mark.parametrize("shorter", [True, False])
def test_halfOfAnEndIsToldAsTwistedTellsIt(
    logged: list[Any], reads: Any, end: Any, shorter: bool
) -> None:
    """
    An error is the end of both halves.
    """
    made: Any = EPollReactor()
    if shorter:
        polling.shorten(made)
    one = HalfCloseable()
    one.reads = reads
    made.addReader(one)
    one.peer.send(b"x")
    made.iterate(0)
    assert one.told == [b"x", end]
    made.removeAll()
    one.peer.close()
    one.socket.close()
    logged.clear()


def test_errorAtTheEndOfOneIsLogged(
    reactor: Any, descriptors: list[Descriptor], logged: list[Any]
) -> None:
    first, second, _ = descriptors
    first.reads = lambda: main.CONNECTION_LOST
    first.connectionLost = raising  # type: ignore[method-assign]
    for each in (first, second):
        each.peer.send(b"x")
    reactor.iterate(0)

    assert [event["failure"].type for event in logged if "failure" in event] == [Ours]
    assert second.told == [b"x"]
    logged.clear()


def test_timeIsKept(reactor: Any) -> None:
    """
    It waits for what is due, and for nothing when something is.
    """
    done: list[str] = []
    reactor.callLater(0, done.append, "now")
    reactor.callLater(0.01, done.append, "later")
    for _ in range(100):
        reactor.iterate(0.01)
        if len(done) == 2:
            break
    assert done == ["now", "later"]


def test_wholeLoopTurns(reactor: Any, descriptors: list[Descriptor]) -> None:
    """
    Without a timeout too, and when another thread has something to do.
    """
    descriptors[0].peer.send(b"x")
    descriptors[0].reads = lambda: reactor.callInThread(reactor.callFromThread, reactor.stop)
    reactor.run(installSignalHandlers=False)
    assert descriptors[0].told[0] == b"x"


# Whose insides we know


class Another(EPollReactor):
    """
    A reactor that may do something else.
    """


def test_anotherReactorStaysAsItIs() -> None:
    for made in (Another(), MemoryReactor()):
        before = vars(made).copy()
        polling.shorten(made)
        assert vars(made) == before


@pytest.mark.parametrize("name", polling._TWISTED)
def test_reactorThatLacksWhatWeKnowStaysAsItIs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = EPollReactor()
    assert polling.suits(made)
    if name in vars(made):
        monkeypatch.delattr(made, name)
    else:
        owner = next(each for each in type(made).__mro__ if name in vars(each))
        monkeypatch.delattr(owner, name)
    assert not polling.suits(made)
    polling.shorten(made)
    assert "doIteration" not in vars(made)


def test_everyPrivateNameIsThere() -> None:
    """
    Or each message would take longer, and nobody would notice.
    """
    made: Any = EPollReactor()
    names = ("_poller", "_selectables", "_doReadOrWrite", "_disconnectSelectable")
    assert polling._TWISTED == names
    reader = Descriptor()
    reactorsOwn = dict(made._selectables)
    made.addReader(reader)
    assert {**reactorsOwn, reader.fileno(): reader} == made._selectables
    made.removeAll()
    reader.socket.close()
    reader.peer.close()
