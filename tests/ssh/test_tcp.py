"""
Tests of L{bastion.ssh.tcp}, with sockets on the loopback.
"""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactor

from bastion.ssh import tcp
from bastion.testing.network import MemoryTransport

Pair = tuple[Connection, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """
    Our end of a connection, as Twisted knows it, and the peer's.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        peer = socket.create_connection(listening.getsockname())
        ours, _ = listening.accept()
    with ours, peer:
        yield Connection(ours, Protocol(), MemoryReactor()), peer


def arrived(ours: Connection, events: int) -> None:
    """
    Wait until the kernel has told our socket of what the peer did.
    """
    waiting = select.poll()
    waiting.register(ours.getHandle(), events)
    assert waiting.poll(10_000), "the loopback takes no ten seconds"


def reset(peer: socket.socket) -> None:
    """
    Let the peer vanish: an RST instead of a FIN.
    """
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def test_peerThatIsThereHasNoState(pair: Pair) -> None:
    ours, _ = pair
    assert tcp.peerState(ours) == 0


def test_unreadDataAreNoState(pair: Pair) -> None:
    ours, peer = pair
    peer.sendall(b"unread")
    arrived(ours, select.POLLIN)
    assert tcp.peerState(ours) == 0


@pytest.mark.parametrize("unread", [b"", b"unread"])
def test_peerThatHasClosedIsNoticedBehindUnreadData(pair: Pair, unread: bytes) -> None:
    ours, peer = pair
    peer.sendall(unread)
    peer.close()
    arrived(ours, select.POLLRDHUP)
    assert tcp.peerState(ours) == select.POLLRDHUP
    assert ours.getHandle().recv(100) == unread


def test_peerThatOnlyWritesNoMoreIsNoticedToo(pair: Pair) -> None:
    ours, peer = pair
    peer.shutdown(socket.SHUT_WR)
    arrived(ours, select.POLLRDHUP)
    assert tcp.peerState(ours) == select.POLLRDHUP


@pytest.mark.parametrize("unread", [b"", b"unread"])
def test_connectionThatIsGoneIsAnError(pair: Pair, unread: bytes) -> None:
    ours, peer = pair
    peer.sendall(unread)
    reset(peer)
    arrived(ours, 0)
    assert tcp.peerState(ours) & (select.POLLERR | select.POLLHUP)


def test_askingDoesNotChangeTheAnswer(pair: Pair) -> None:
    ours, peer = pair
    peer.close()
    arrived(ours, select.POLLRDHUP)
    assert [tcp.peerState(ours) for _ in range(3)] == [select.POLLRDHUP] * 3


def test_tunedConnectionSendsAtOnceAndNoticesVanishedPeers(pair: Pair) -> None:
    ours, _ = pair
    quick = tcp.tune(ours)
    handle = ours.getHandle()
    assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert quick is hasattr(socket, "TCP_QUICKACK")


def test_connectionThatIsNotTcpIsLeftAlone() -> None:
    untouched: Any = object()
    assert tcp.tune(untouched) is False
    assert tcp.tune(MemoryTransport(untouched, "192.0.2.1")) is False


def test_systemWithoutQuickAcknowledgementIsNotAskedForIt(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "_QUICK_ACKNOWLEDGEMENT", None)
    assert tcp.tune(pair[0]) is False


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="TCP_QUICKACK is Linux's")
def test_acknowledgementIsAskedForAnewEachTime(pair: Pair) -> None:
    ours, _ = pair
    handle = ours.getHandle()
    for _ in range(2):
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        tcp.acknowledgeAtOnce(handle)
        assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK) == 1
