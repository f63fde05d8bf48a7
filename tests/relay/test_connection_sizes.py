"""
L{bastion.relay.connection}: neither end is told that the other takes larger packets than
the bastion does.
"""

from __future__ import annotations

from typing import Any

import pytest

from bastion.relay.channels import MOST_PACKET
from bastion.ssh.packets import MAX_PACKET
from bastion.wire import (
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_CONFIRMATION,
    ChannelOpen,
    string,
    uint32,
)

LARGEST = 2**32 - 1
FORWARDED = string(b"") + uint32(8080) + string(b"192.0.2.9") + uint32(4242)

fromEach = pytest.mark.parametrize("fromClient", [True, False])
eachSize = pytest.mark.parametrize(
    ("size", "told"),
    [
        (32768, 32768),
        (MOST_PACKET - 1, MOST_PACKET - 1),
        (MOST_PACKET, MOST_PACKET),
        (MOST_PACKET + 1, MOST_PACKET),
        (1 << 20, MOST_PACKET),
        (LARGEST, MOST_PACKET),
    ],
)


def wish(fromClient: bool, size: int) -> ChannelOpen:
    """
    A channel that an end may open.
    """
    type, data = (b"session", b"") if fromClient else (b"forwarded-tcpip", FORWARDED)
    return ChannelOpen(type, 7, LARGEST, size, data)


@eachSize
@fromEach
def test_whoOpensAChannelIsSentNoMoreThanWeTake(
    session: Any, fromClient: bool, size: int, told: int
) -> None:
    session.client.asks(b"tcpip-forward", False, string(b"") + uint32(8080))
    session.host.hears()
    opener, other = session.ends(fromClient)

    opener.says(MSG_CHANNEL_OPEN, wish(fromClient, size).payload())

    assert other.hears() == [(MSG_CHANNEL_OPEN, wish(fromClient, told).payload())]


@pytest.mark.parametrize("more", [b"", b"of its type"])
@eachSize
@fromEach
def test_whoAcceptsAChannelIsSentNoMoreThanWeTake(
    session: Any, fromClient: bool, size: int, told: int, more: bytes
) -> None:
    session.client.asks(b"tcpip-forward", False, string(b"") + uint32(8080))
    opener, other = session.ends(fromClient)
    opener.says(MSG_CHANNEL_OPEN, wish(fromClient, 32768).payload())
    opener.hears()

    head = uint32(7) + uint32(3) + uint32(LARGEST)
    other.says(MSG_CHANNEL_OPEN_CONFIRMATION, head + uint32(size) + more)

    assert opener.hears() == [(MSG_CHANNEL_OPEN_CONFIRMATION, head + uint32(told) + more)]


def test_soMuchDataIsInAPacketThatWeTake() -> None:
    """
    Of the two messages of data, the one with a type code; with the most padding.
    """
    length, padding = 4, 1 + 255
    header = 1 + 4 + 4 + 4
    assert length + padding + header + MOST_PACKET <= MAX_PACKET
