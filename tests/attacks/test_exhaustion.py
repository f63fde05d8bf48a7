"""
Attack A14: more channels, channel requests and global requests than anybody needs, from
either end.  What is passed on is the other end's to judge; of what is kept there is a
bound, and of what is written down too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attacking.client import Client, opening
from attacking.peer import Message
from attacking.stages import Stage

from bastion.gateway.sessionlog import MAX_REFUSALS
from bastion.interfaces import ALLOW, ChannelRequest, Login, Verdict
from bastion.relay.channels import MAX_CHANNELS, MAX_PENDING
from bastion.relay.connection import MAX_UNREAD
from bastion.relay.grants import MAX_FORWARDS
from bastion.relay.windows import RESERVE
from bastion.ssh.farewell import PARTING_TIME
from bastion.wire import (
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_CONFIRMATION,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_GLOBAL_REQUEST,
    MSG_REQUEST_FAILURE,
    OPEN_RESOURCE_SHORTAGE,
    byte,
    openFailure,
    string,
    uint32,
)

OPENS, CHANNEL_REQUESTS, GLOBAL_REQUESTS = 20_000, 100_000, 10_000
#: So many messages come to the bastion at once.
AT_ONCE = 500
#: What may be kept of each channel, of each request and of all else, in bytes.
CHANNEL, REQUEST, REST = 400, 200, 100_000


class Strict:
    """
    A policy that refuses what bears a certain name.
    """

    def decide(self, request: ChannelRequest, login: Login) -> Verdict:
        """
        See L{bastion.interfaces.ISessionPolicy}.
        """
        return Verdict("not here") if request.name == b"refused" else ALLOW


@pytest.fixture
def site(siteOf: Any) -> Any:
    """
    A site with a policy.
    """
    return siteOf(policies=(Strict(),))


def ends(site: Any, leg: str) -> tuple[Any, Any]:
    """
    A session's end that attacks, and the other one, with one channel; neither does
    anything by itself any more.
    """
    client = site.connects(Client())
    client.opens()
    site.settle()
    host = site.host
    client.until = host.until = Stage.CONNECTED
    client.heard.clear()
    host.heard.clear()
    return (client, host) if leg == "client" else (host, client)


def floods(site: Any, attacker: Any, messages: Iterator[Message]) -> int:
    """
    Send messages until they are sent, or the connection has ended.

    @return: how much the bastion has kept at most, in bytes.
    """
    before, most = site.kept, 0
    packets: list[bytes] = []
    for message in messages:
        packets.append(attacker.packet(*message))
        if len(packets) == AT_ONCE:
            if site.writes(attacker, b"".join(packets)):
                return most
            packets.clear()
            most = max(most, site.kept - before)
    site.writes(attacker, b"".join(packets))
    return max(most, site.kept - before)


def opens(type: bytes = b"session", data: bytes = b"", **own: int) -> Iterator[Message]:
    """
    Wishes for channels, of which each has a number of its own.
    """
    for number in range(1, OPENS + 1):
        yield MSG_CHANNEL_OPEN, opening(number, type=type, data=data, **own)


def mayOpen(site: Any, leg: str, attacker: Any, other: Any) -> dict[str, bytes]:
    """
    What the attacker may open: a host only what the client has asked for.
    """
    if leg == "client":
        return {}
    where = string(b"") + uint32(8080)
    site.sends(other, MSG_GLOBAL_REQUEST, string(b"tcpip-forward") + byte(0) + where)
    attacker.heard.clear()
    return {"type": b"forwarded-tcpip", "data": where + string(b"192.0.2.9") + uint32(4242)}


def refused(site: Any, count: int) -> None:
    """
    See that so many refusals are counted, and no more than the first are recorded.
    """
    assert len(site.named("channel.refused")) == min(count, MAX_REFUSALS)
    for client in site.clients:
        site.tcp(client).abortConnection()
    site.settle()
    assert site.named("connection.closed")[-1]["refusals"] == count


# Channels


def test_channelsBeyondOurLimitAreRefused(site: Any, leg: str) -> None:
    attacker, other = ends(site, leg)
    most = floods(site, attacker, opens(**mayOpen(site, leg, attacker, other)))

    # One there is already.
    passed = MAX_CHANNELS - 1
    assert other.numbers() == [MSG_CHANNEL_OPEN] * passed
    reason = f"no more than {MAX_CHANNELS} open channels are allowed"
    first = openFailure(passed + 1, OPEN_RESOURCE_SHORTAGE, reason)
    assert attacker.heard[0] == (MSG_CHANNEL_OPEN_FAILURE, first)
    assert attacker.numbers() == [MSG_CHANNEL_OPEN_FAILURE] * (OPENS - passed)
    assert most < MAX_CHANNELS * CHANNEL + REST
    refused(site, OPENS - passed)


def test_channelsUpToOurLimitAreTheOtherEndsToOpen(site: Any, leg: str) -> None:
    attacker, other = ends(site, leg)
    floods(site, attacker, opens(**mayOpen(site, leg, attacker, other)))
    attacker.heard.clear()
    for number in range(1, MAX_CHANNELS):
        other.confirms(number)
    site.settle()

    assert attacker.numbers() == [MSG_CHANNEL_OPEN_CONFIRMATION] * (MAX_CHANNELS - 1)
    assert len(site.named("channel.opened")) == MAX_CHANNELS
    assert not site.sends(attacker, MSG_CHANNEL_OPEN, opening(40_000))
    assert attacker.numbers() == [MSG_CHANNEL_OPEN_FAILURE]


@pytest.mark.parametrize("own", [{"type": b"refused"}, {"maxPacket": 0}], ids=["type", "size"])
def test_channelsThatMayNotBeAreRefused(site: Any, leg: str, own: Any) -> None:
    attacker, other = ends(site, leg)
    may = mayOpen(site, leg, attacker, other)
    most = floods(site, attacker, opens(**{**may, **own}))

    assert other.numbers() == []
    assert attacker.numbers() == [MSG_CHANNEL_OPEN_FAILURE] * OPENS
    assert most < REST
    refused(site, OPENS)


def test_whoDoesNotReadTheRefusalsIsEnded(site: Any, leg: str) -> None:
    attacker, other = ends(site, leg)
    site.tcp(attacker).pauseProducing()
    most = floods(site, attacker, opens(maxPacket=0))
    site.clock.advance(PARTING_TIME)
    site.settle()

    assert other.gone
    assert site.reason.endswith("answers are not read")
    assert len(site.named("channel.refused")) == MAX_REFUSALS
    assert most < MAX_UNREAD * REQUEST + REST
    site.tcp(attacker).resumeProducing()
    site.settle()
    assert attacker.gone


# Requests of a channel


def asks(name: bytes, reply: bool) -> Iterator[Message]:
    """
    Requests of the channel that there is.
    """
    fields = uint32(0) + string(name) + byte(reply)
    return ((MSG_CHANNEL_REQUEST, fields) for _ in range(CHANNEL_REQUESTS))


def test_channelRequestsArePassedOnAndNotKept(site: Any, leg: str) -> None:
    attacker, other = ends(site, leg)
    most = floods(site, attacker, asks(b"no-such-request", False))

    assert other.numbers() == [MSG_CHANNEL_REQUEST] * CHANNEL_REQUESTS
    assert attacker.numbers() == []
    assert most < REST


def test_channelRequestsThatNobodyAnswersEndTheSession(site: Any, leg: str) -> None:
    attacker, other = ends(site, leg)
    most = floods(site, attacker, asks(b"no-such-request", True))

    assert attacker.gone
    assert other.gone
    assert other.numbers().count(MSG_CHANNEL_REQUEST) <= MAX_PENDING
    assert most < MAX_PENDING * REQUEST + REST


def answers(attacker: Any) -> list[int]:
    """
    What an end is sent, but for the words that say why: there is room for some.
    """
    numbers = attacker.numbers()
    assert numbers.count(MSG_CHANNEL_EXTENDED_DATA) <= RESERVE // len(b"gateway: \r\n")
    return [number for number in numbers if number != MSG_CHANNEL_EXTENDED_DATA]


def test_channelRequestsThatMayNotBeAreRefused(site: Any, leg: str) -> None:
    attacker, other = ends(site, leg)
    most = floods(site, attacker, asks(b"refused", True))

    assert other.numbers() == []
    assert answers(attacker) == [MSG_CHANNEL_FAILURE] * CHANNEL_REQUESTS
    assert most < REST
    refused(site, CHANNEL_REQUESTS)


# Global requests


def asksGlobally(name: bytes, reply: bool) -> Iterator[Message]:
    """
    Requests with data of which no two are alike.
    """
    for number in range(GLOBAL_REQUESTS):
        where = string(b"x" * 400 + b"%d" % number) + uint32(number + 1)
        yield MSG_GLOBAL_REQUEST, string(name) + byte(reply) + where


def test_globalRequestsArePassedOnAndNotKept(site: Any, leg: str) -> None:
    attacker, other = ends(site, leg)
    most = floods(site, attacker, asksGlobally(b"no-such-request", False))

    assert other.numbers() == [MSG_GLOBAL_REQUEST] * GLOBAL_REQUESTS
    assert most < REST


def test_globalRequestsThatNobodyAnswersEndTheSession(site: Any, leg: str) -> None:
    attacker, other = ends(site, leg)
    floods(site, attacker, asksGlobally(b"no-such-request", True))

    assert attacker.gone
    assert other.gone
    assert other.numbers().count(MSG_GLOBAL_REQUEST) <= MAX_PENDING


def test_globalRequestsThatMayNotBeAreRefused(site: Any, leg: str) -> None:
    attacker, other = ends(site, leg)
    most = floods(site, attacker, asksGlobally(b"refused", True))

    assert other.numbers() == []
    assert answers(attacker) == [MSG_REQUEST_FAILURE] * GLOBAL_REQUESTS
    assert most < REST
    refused(site, GLOBAL_REQUESTS)


@pytest.mark.parametrize("name", [b"tcpip-forward", b"streamlocal-forward@openssh.com"])
def test_forwardingsBeyondOurLimitAreRefused(site: Any, name: bytes) -> None:
    client, host = ends(site, "client")
    most = floods(site, client, asksGlobally(name, False))

    assert host.numbers() == [MSG_GLOBAL_REQUEST] * MAX_FORWARDS
    assert not client.gone
    assert most < MAX_FORWARDS * 1000 + REST
    refused(site, GLOBAL_REQUESTS - MAX_FORWARDS)


@pytest.mark.parametrize("name", [b"tcpip-forward", b"streamlocal-forward@openssh.com"])
def test_nothingIsKeptOfForwardingsThatTheHostRefuses(site: Any, name: bytes) -> None:
    client, host = ends(site, "client")
    before = site.kept
    for number, payload in asksGlobally(name, True):
        site.sends(client, number, payload)
        site.sends(host, MSG_REQUEST_FAILURE)

    assert client.numbers() == [MSG_REQUEST_FAILURE] * GLOBAL_REQUESTS
    assert site.kept - before < 1000
