"""
One host of the lab: who gets in, what may be opened, where it listens.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import pytest_twisted
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.error import ConchError
from twisted.conch.interfaces import IConchUser
from twisted.conch.ssh.forwarding import packOpen_direct_tcpip
from twisted.conch.ssh.keys import Key
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from zope.interface.verify import verifyObject

from bastion.lab.forward import ForwardingChannel
from bastion.lab.host import Host, HostUser, OnePassword
from bastion.lab.process import Running
from bastion.lab.session import SessionChannel
from bastion.lab.shell import Shell

KEY = Key(Ed25519PrivateKey.generate())
PASSWORD = "abcd-efgh-jkmn"


@pytest.fixture
def user(shell: Shell) -> HostUser:
    """
    A client that has logged in.
    """
    clock = Clock()
    user = HostUser(shell, Running(clock), clock)
    user.conn = SimpleNamespace(channels={})
    return user


@pytest.fixture
def portal() -> Portal:
    """
    A portal with the one password.
    """
    login = OnePassword("nice1", PASSWORD, lambda: "a user")
    assert verifyObject(IRealm, login)
    assert verifyObject(ICredentialsChecker, login)
    return Portal(login, [login])


@pytest.mark.parametrize("account", [b"johnson", b"in1000", b"\xff"])
@pytest_twisted.ensureDeferred
async def test_anyAccountGetsInWithThePassword(portal: Portal, account: bytes) -> None:
    credentials = UsernamePassword(account, PASSWORD.encode())
    _, user, logout = await portal.login(credentials, None, IConchUser)
    assert user == "a user"
    logout()


@pytest.mark.parametrize("password", [b"", b"abcd-efgh-jkm", b"abcd-efgh-jkmnx", b"\xff"])
@pytest_twisted.ensureDeferred
async def test_noOtherPasswordWill(portal: Portal, password: bytes) -> None:
    with pytest.raises(UnauthorizedLogin):
        await portal.login(UsernamePassword(b"johnson", password), None, IConchUser)


@pytest_twisted.ensureDeferred
async def test_theLogNamesTheAccountAndNoPassword(portal: Portal) -> None:
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    try:
        await portal.login(UsernamePassword(b"x\n\x1b", PASSWORD.encode()), None, IConchUser)
        with pytest.raises(UnauthorizedLogin):
            await portal.login(UsernamePassword(b"y", b"canary"), None, IConchUser)
    finally:
        globalLogPublisher.removeObserver(events.append)
    text = [formatEvent(event) for event in events]
    assert text == [
        "nice1: login of b'x\\n\\x1b' accepted",
        "nice1: login of b'y' refused",
    ]


def test_sessionsAndForwardingsMayBeOpened(user: HostUser) -> None:
    session = user.lookupChannel(b"session", 1000, 32768, b"")
    assert isinstance(session, SessionChannel)
    assert (session.remoteWindowLeft, session.remoteMaxPacket) == (1000, 32768)
    data = packOpen_direct_tcpip(("127.0.0.1", 22), ("127.0.0.1", 1))
    assert isinstance(user.lookupChannel(b"direct-tcpip", 0, 32768, data), ForwardingChannel)


def test_othersAreUnknown(user: HostUser) -> None:
    assert user.lookupChannel(b"x11", 1000, 32768, b"") is None


@pytest.mark.parametrize("size", [0, 1, 255])
def test_packetsAreLargeEnough(user: HostUser, size: int) -> None:
    with pytest.raises(ConchError):
        user.lookupChannel(b"session", 1000, size, b"")


def test_channelsHaveALimit(user: HostUser) -> None:
    user.conn.channels = dict.fromkeys(range(64))
    with pytest.raises(ConchError):
        user.lookupChannel(b"session", 1000, 32768, b"")


@pytest.mark.parametrize("interface", ["", "0.0.0.0", "::", "192.0.2.1"])
def test_aHostStaysOnLoopback(shell: Shell, interface: str) -> None:
    with pytest.raises(ValueError, match="stays on loopback"):
        Host(reactor, "nice1", KEY, PASSWORD, shell, interface=interface)


@pytest_twisted.ensureDeferred
async def test_aHostListensFromStartToStop(shell: Shell) -> None:
    host = Host(reactor, "nice1", KEY, PASSWORD, shell)
    host.start()
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", host.port)
    connected: Any = await endpoint.connect(Factory.forProtocol(Protocol))
    connected.transport.loseConnection()
    await host.stop()
    await host.stop()
    with pytest.raises(ConnectError):
        await endpoint.connect(Factory.forProtocol(Protocol))


@pytest_twisted.ensureDeferred
async def test_aHostThatNeverStartedCanBeStopped(shell: Shell) -> None:
    await Host(reactor, "nice1", KEY, PASSWORD, shell).stop()
