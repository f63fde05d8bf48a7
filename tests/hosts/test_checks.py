"""
Tests of L{bastion.hosts.checks}: hosts in memory that say what they like, and a few on
the loopback.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_twisted
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionDone,
    DNSLookupError,
    TimeoutError,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.tcp import Connection
from twisted.logger import capturedLogs
from zope.interface import implementer
from zope.interface.verify import verifyObject

from bastion.hosts.checks import MAX_HEARD, MAX_LINE, Handshake, Identification, Tcp
from bastion.interfaces import HostAddress, HostUnhealthy, ICheckedHost, IHealthCheck
from bastion.ssh.identification import IdentificationReader
from bastion.testing.network import MemoryTransport, Network
from bastion.testing.speakers import Speaker, speakingHost
from bastion.wire import DISCONNECT_BY_APPLICATION, Malformed

NICE = HostAddress("nice1.example.org")
SSH = b"SSH-2.0-OpenSSH_9.2\r\n"
INSTEAD = "instead of an SSH identification (SSH-2.0-...)"


class Host(Protocol):
    """
    A host that says something, and writes down what it hears.

    @ivar says: what, when it is connected to.
    @ivar closes: whether it closes the connection then.
    @ivar spokenTo: fires when it has heard something.
    @ivar lost: fires with the reason when the connection is gone.
    """

    transport: Any

    def __init__(self, says: bytes = b"", closes: bool = False) -> None:
        self.says = says
        self.closes = closes
        self.heard = b""
        self.spokenTo: Deferred[None] = Deferred()
        self.lost: Deferred[Any] = Deferred()

    def connectionMade(self) -> None:
        """
        Somebody is here.
        """
        self.transport.write(self.says)
        if self.closes:
            self.transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        """
        See L{Protocol}.
        """
        self.heard += data
        if not self.spokenTo.called:
            self.spokenTo.callback(None)

    def connectionLost(self, reason: Any = None) -> None:
        """
        See L{Protocol}.
        """
        self.lost.callback(reason.type)


@implementer(ICheckedHost)
class Checked:
    """
    The way to a host, and what comes of a handshake.
    """

    address = NICE

    def __init__(self, endpoint: Any, handshake: Any = None) -> None:
        self.endpoint = endpoint
        self._handshake = handshake

    def handshake(self) -> Any:
        """
        See L{ICheckedHost}.
        """
        return self._handshake


class Checking:
    """
    A check of a host in memory.

    @ivar came: what came of it, when it is over.
    """

    def __init__(self, check: Any, host: Any) -> None:
        self.network = Network()
        self.network.listen(NICE, lambda: host)
        self.came: list[Any] = []
        self.running = check.check(Checked(self.network.endpoint(NICE)))
        self.running.addCallbacks(self.came.append, lambda failure: self.came.append(failure.value))

    def settled(self) -> list[Any]:
        """
        What has come of it when nothing moves any more.
        """
        self.network.settle()
        return self.came

    def problem(self) -> str:
        """
        Why the host is not well.
        """
        (problem,) = self.settled()
        assert isinstance(problem, HostUnhealthy), problem
        return str(problem)


def identification() -> Identification:
    """
    The check of the identification string.
    """
    return Identification(Identification.Options())


def tcp() -> Tcp:
    """
    The check that only connects.
    """
    return Tcp(Tcp.Options())


def inMemory(protocol: Any) -> MemoryTransport:
    """
    The transport of a protocol.
    """
    assert isinstance(protocol.transport, MemoryTransport)
    return protocol.transport


def outcome(running: Deferred[Any]) -> Any:
    """
    What came of a Deferred that has fired.
    """
    came: list[Any] = []
    running.addCallbacks(came.append, lambda failure: came.append(failure.value))
    (value,) = came
    return value


@pytest.fixture(autouse=True)
def nothingIsLogged() -> Iterator[None]:
    """
    No failure is logged, and none is left that nobody has looked at.
    """
    with capturedLogs() as events:
        yield
        gc.collect()
    assert [event for event in events if "log_failure" in event] == []


CHECKS = [Tcp, Identification, Handshake]
eachCheck = pytest.mark.parametrize("made", CHECKS)
eachVisit = pytest.mark.parametrize("made", [Tcp, Identification])


@eachCheck
def test_checkIsOneAndNeedsNoOptions(made: Any) -> None:
    assert verifyObject(IHealthCheck, made(made.Options()))


def test_ourHostIsOne() -> None:
    assert verifyObject(ICheckedHost, Checked(Network().endpoint(NICE)))


# Not reached


@eachVisit
def test_hostThatRefusesIsUnwell(made: Any) -> None:
    problem = outcome(made(made.Options()).check(Checked(Network().endpoint(NICE))))
    assert isinstance(problem, HostUnhealthy)
    assert str(problem) == f"{NICE} refuses connections"


class Broken:
    """
    An endpoint that leads nowhere.
    """

    def __init__(self, error: Exception) -> None:
        self.error = error

    def connect(self, factory: Any) -> Deferred[Any]:
        """
        Fail.
        """
        return fail(self.error)


@eachVisit
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError(), "did not answer in time"),
        (CancelledError(), "did not answer in time"),
        (ConnectingCancelledError(None), "did not answer in time"),
        (DNSLookupError("gai"), "has no address"),
        (ConnectError(string="no route"), "cannot be reached: An error occurred while connecting"),
    ],
)
def test_reasonIsAsAnOperatorSaysIt(made: Any, error: Exception, said: str) -> None:
    problem = outcome(made(made.Options()).check(Checked(Broken(error))))
    assert isinstance(problem, HostUnhealthy)
    assert str(problem).startswith(f"{NICE} {said}")


@eachVisit
def test_checkThatIsCancelledWhileItConnectsConnectsNoMore(made: Any) -> None:
    cancelled: list[Any] = []

    class Waiting:
        """
        An endpoint that takes its time.
        """

        def connect(self, factory: Any) -> Deferred[Any]:
            """
            Wait.
            """
            return Deferred(cancelled.append)

    running = made(made.Options()).check(Checked(Waiting()))
    running.cancel()
    assert len(cancelled) == 1
    assert isinstance(outcome(running), HostUnhealthy)


# TCP


def test_connectingIsEnough() -> None:
    host = Host()
    checking = Checking(tcp(), host)
    assert checking.settled() == [None]
    assert outcome(host.lost) is ConnectionDone
    assert host.heard == b""


# The identification string


SAID = [
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"SSH-2.0-OpenSSH_9.2\n",
    b"SSH-2.0-OpenSSH_10.0p1 Debian-7\r\n\0\0\1\x0c",
    b"SSH-1.99-Cisco-1.25\n",
    b"SSH-2.0--\n",
    b"Welcome.\r\nNobody but us.\n\n" + SSH,
    b"not SSH-2.0-here\n" + SSH,
    b"\n" * 1024 + SSH,
    b"x" * 8000 + b"\n" + SSH,
    b"SSH-2.0-" + b"x" * (MAX_LINE - 10) + b"\r\n",
]
NOT_SAID = [
    b"SSH-1.5-OpenSSH_1.2\n",
    b"SSH-2.0\n",
    b"SSH-2.0-\n",
    b"SSH-2.0-\r\n",
    b"SSH-\n",
    b"SSH-3.0-x\n",
    b"SSH-2.1-x\n",
    b"SSH-2.0x-x\n",
    b"SSH-1.5-x\n" + SSH,
    b"SSH-2.0-" + b"x" * (MAX_LINE - 9) + b"\r\n",
    b"x" * 8192 + b"\n" + SSH,
    b"\n" * 8192 + SSH,
]


def pieces(text: bytes) -> list[list[bytes]]:
    """
    The ways in which it may arrive: at once, or byte by byte.
    """
    return [[text], [text[at : at + 1] for at in range(len(text))]]


def told(text: bytes, way: int) -> Checking:
    """
    A check of a host that has said something.
    """
    host = Host()
    checking = Checking(identification(), host)
    for piece in pieces(text)[way]:
        inMemory(host).write(piece)
        checking.network.settle()
    return checking


@pytest.mark.parametrize("way", [0, 1], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("text", SAID)
def test_hostThatIdentifiesItselfIsWell(text: bytes, way: int) -> None:
    assert told(text, way).came == [None]


@pytest.mark.parametrize("way", [0, 1], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("text", NOT_SAID)
def test_hostThatSaysSomethingElseIsUnwell(text: bytes, way: int) -> None:
    checking = told(text, way)
    assert INSTEAD in checking.problem()
    assert not checking.network._ends, "the connection is cut"


@pytest.mark.parametrize("text", [*SAID, *NOT_SAID])
def test_checkAsksForWhatALoginNeeds(text: bytes) -> None:
    try:
        needed = IdentificationReader(preamble=True).feed(text) is not None
    except Malformed:
        needed = False
    assert (told(text, 0).came == [None]) is needed


@pytest.mark.parametrize("text", [b"", b"Welcome.\r\n", b"SSH-2.0-OpenSSH_9.2", b"SS", b"x" * 1000])
def test_hostMayTakeItsTime(text: bytes) -> None:
    assert told(text, 0).came == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"220 mail ESMTP\r\n", "220 mail ESMTP"),
        (b"Not allowed at this time\r\n", "Not allowed at this time"),
        (b"Exceeded MaxStartups", "Exceeded MaxStartups"),
        (b"first\nsecond\n", "first"),
        (b"SSH-1.5-old\r\n", "SSH-1.5-old"),
        (b"\x1b]0;owned\x07\xff\\\n", "\\x1b]0;owned\\x07\\xff\\\\"),
        (b"x" * 500 + b"\n", "x" * 80 + "..."),
    ],
)
def test_operatorIsToldWhatItSaysWithoutAnythingThatMovesTheCursor(text: bytes, shown: str) -> None:
    problem = Checking(identification(), Host(text, closes=True)).problem()
    assert problem == f'{NICE} says "{shown}" {INSTEAD}'


def test_hostThatClosesWithoutAWordIsUnwell() -> None:
    problem = Checking(identification(), Host(closes=True)).problem()
    assert problem == f"{NICE} closed the connection without a word"


def test_hostThatGoesOnTalkingIsNotListenedTo() -> None:
    host = Host()
    checking = Checking(identification(), host)
    visit = inMemory(host).other.protocol
    for _ in range(100):
        inMemory(host).write(b"x" * 1000)
        checking.network.settle()
        assert len(visit._heard) <= MAX_HEARD
    assert "xxx..." in checking.problem()
    assert host.lost.called


def test_bytesBehindTheIdentificationAreNotLookedAt() -> None:
    host = Host(SSH + b"SSH-1.5-x\n")
    assert Checking(identification(), host).settled() == [None]


def test_hostIsLeftAsOneLeavesAnSshServer() -> None:
    """
    A real one takes it for a connection that was closed, not for an error.
    """
    speaker: Speaker = speakingHost(Clock(), Key(Ed25519PrivateKey.generate()))
    assert Checking(identification(), speaker.transport).settled() == [None]
    assert speaker.transport.otherVersionString.startswith(b"SSH-2.0-bastion_")
    goodbye = ("disconnected", DISCONNECT_BY_APPLICATION, b"health check")
    assert speaker.witness.events == [goodbye, "lost"]


def test_cancellingCutsTheConnection() -> None:
    host = Host(b"Welcome.\r\n")
    checking = Checking(identification(), host)
    assert checking.settled() == []
    checking.running.cancel()
    checking.network.settle()
    assert len(checking.came) == 1
    assert host.lost.called
    assert not checking.network._ends


# The handshake


def test_handshakeIsTheHosts() -> None:
    check = Handshake(Handshake.Options())
    problem = HostUnhealthy("no")
    nowhere = Network().endpoint(NICE)
    assert outcome(check.check(Checked(nowhere, succeed(0.1)))) == 0.1
    assert outcome(check.check(Checked(nowhere, fail(problem)))) is problem


def test_handshakeThatIsCancelledIsCancelledThere() -> None:
    cancelled: list[Any] = []
    shaking: Deferred[Any] = Deferred(cancelled.append)
    check = Handshake(Handshake.Options())
    check.check(Checked(Network().endpoint(NICE), shaking)).cancel()
    assert cancelled == [shaking]
    assert isinstance(outcome(shaking), CancelledError)


# On the loopback


@contextlib.asynccontextmanager
async def listening(host: Host) -> AsyncIterator[Checked]:
    """
    A host on a real port, and the way to it; when it is over, no connection is left.
    """
    before = connections()
    factory: Any = Factory.forProtocol(lambda: host)
    factory.noisy = False
    port: Any = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    try:
        yield Checked(TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port))
    finally:
        await port.stopListening()
    assert connections() <= before


def connections() -> set[Any]:
    """
    The connections of this process.
    """
    return {each for each in reactor.getReaders() if isinstance(each, Connection)}


@eachVisit
@pytest_twisted.ensureDeferred
async def test_realConnectionIsClosedWhenTheCheckIsOver(made: Any) -> None:
    host = Host(SSH)
    async with listening(host) as way:
        assert await made(made.Options()).check(way) is None
        await host.lost


@pytest_twisted.ensureDeferred
async def test_realConnectionIsCutWhenTheCheckIsCancelled() -> None:
    host = Host(b"Welcome.\r\n")
    async with listening(host) as way:
        running = identification().check(way)
        await host.spokenTo
        running.cancel()
        with pytest.raises(CancelledError):
            await running
        await host.lost


@eachVisit
@pytest_twisted.ensureDeferred
async def test_portThatNobodyListensOnIsUnwell(made: Any) -> None:
    async with listening(Host()) as way:
        pass
    with pytest.raises(HostUnhealthy, match="refuses connections"):
        await made(made.Options()).check(way)
