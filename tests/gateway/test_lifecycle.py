"""
L{bastion.gateway.lifecycle}: one connection, from accept to close, and what the
audit log says of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.auth.messages import KEYBOARD_INTERACTIVE, NONE, PASSWORD, Password
from bastion.wire import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_OPEN,
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
    string,
    uint32,
)


def data(text: bytes) -> bytes:
    """
    The payload of data on channel 0.
    """
    return uint32(0) + string(text)


def test_loginIsCarriedToTheHostAndBack(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE)
    host = memory.host()
    assert [number for number, _ in host.hears()] == [MSG_USERAUTH_REQUEST]

    host.offers(PASSWORD)
    assert [number for number, _ in client.hears()] == [MSG_USERAUTH_FAILURE]

    client.requests(PASSWORD, Password(b"right").pack())
    host.accepts()
    assert client.hears() == [(MSG_USERAUTH_SUCCESS, b"")]


def test_hostHearsOfTheAccountAsSoonAsItIsKnown(memory: Any) -> None:
    client = memory.connects()
    assert memory.host().hears() == []

    client.requests(NONE)

    (request,) = memory.host().hears()
    assert b"johnson" in request[1]
    assert len(memory.hosts["nice1"]) == 1


def test_everyEventIsOfTheConnectionAndTellsWhatIsKnown(memory: Any) -> None:
    client, host = memory.loggedIn()
    memory.opened(client, host)
    client.leaves()

    (reference,) = {fields["reference"] for _, fields in memory.events}
    known = {"reference": reference, "gateway": "esrf", "source": "198.51.100.7"}
    identified = known | {"client": "SSH-2.0-bastion_0.1.0.dev0", "account": "johnson"}
    identified["client"] = memory.events[1][1]["client"]
    assert identified["client"].startswith("SSH-2.0-")
    there = identified | {"host": "nice1"}
    assert memory.events[:3] == [
        ("connection.opened", known),
        ("login.accepted", there | {"method": "password"}),
        ("channel.opened", there | {"type": "session", "opened_by": "client"}),
    ]
    (closed,) = memory.events[3:]
    assert closed[0] == "connection.closed"
    assert closed[1].items() >= there.items()


def test_bytesOfBothDirectionsAndTheDurationAreRecorded(memory: Any) -> None:
    client, host = memory.loggedIn()
    memory.opened(client, host)
    client.says(MSG_CHANNEL_DATA, data(bytes(1000)))
    host.says(MSG_CHANNEL_DATA, data(bytes(30000)))
    host.says(MSG_CHANNEL_EXTENDED_DATA, uint32(0) + uint32(1) + string(bytes(5)))
    memory.clock.advance(12.5)
    client.leaves()

    (closed,) = memory.named("connection.closed")
    assert (closed["bytes_to_host"], closed["bytes_to_client"]) == (1000, 30005)
    assert closed["duration"] == 12.5


def test_connectionWithoutALoginIsRecordedToo(memory: Any) -> None:
    client = memory.connects()
    client.leaves()

    assert [name for name, _ in memory.events] == ["connection.opened", "connection.closed"]
    (closed,) = memory.named("connection.closed")
    assert (closed["bytes_to_host"], closed["bytes_to_client"]) == (0, 0)
    assert "account" not in closed


def test_refusedAttemptsAreRecorded(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE)
    host = memory.host()
    host.offers(PASSWORD)
    assert memory.named("login.refused") == []

    client.requests(PASSWORD, Password(b"wrong").pack())
    host.offers(PASSWORD)
    client.requests(PASSWORD, Password(b"right").pack())
    host.accepts()

    (refused,) = memory.named("login.refused")
    assert (refused["account"], refused["method"]) == ("johnson", "password")
    (accepted,) = memory.named("login.accepted")
    assert accepted["method"] == "password"


def test_leaseIsTakenWhileTheConnectionLives(memory: Any) -> None:
    client, _ = memory.loggedIn()
    (lease,) = memory.leased.values()
    assert lease == 1

    client.leaves()

    assert sum(memory.leased.values()) == 0


def test_startupEndsWithTheLogin(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE)
    assert memory.startups.total == 1

    memory.host().accepts()

    assert memory.startups.total == 0


def test_graceTimeEndsWithTheLogin(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(keepalive=0.0, cluster={"keepalive": 0.0})
    client, host = memory.loggedIn()

    memory.network.advance(600)

    assert client.fate == host.fate == []


def test_sessionBeforeTheLoginIsAcceptedEndsTheConnection(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE)
    memory.host().hears()

    client.says(MSG_CHANNEL_OPEN, string(b"session") + uint32(0) * 3)

    assert client.fate[0][0] == "disconnected"
    assert memory.host().hears() == []


def test_hostOpensNothingUnasked(memory: Any) -> None:
    client, host = memory.loggedIn()
    memory.opened(client, host)

    host.says(MSG_CHANNEL_OPEN, string(b"x11") + uint32(1) * 3 + data(b""))

    assert client.hears() == []
    (refused,) = memory.named("channel.refused")
    assert (refused["type"], refused["host"]) == ("x11", "nice1")


@pytest.mark.parametrize(("count", "told"), [(100, None), (101, 101)])
def test_refusalsThatAreNotRecordedAreCounted(memory: Any, count: int, told: int | None) -> None:
    client, host = memory.loggedIn()
    for number in range(count):
        host.says(MSG_CHANNEL_OPEN, string(b"x11") + uint32(number) * 3 + data(b""))
    client.leaves()

    assert len(memory.named("channel.refused")) == 100
    (closed,) = memory.named("connection.closed")
    assert closed.get("refusals") == told


def test_bannerOfTheHostIsShown(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE)

    memory.host().says(MSG_USERAUTH_BANNER, string(b"Welcome") + string(b""))

    assert client.hears() == [(MSG_USERAUTH_BANNER, string(b"Welcome") + string(b""))]


NASTY = b"evil\n\x1b]0;owned\x07\xff\xe2\x80\xae"


def test_nothingThatAPeerSendsReachesTheLogUnescaped(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE, account=NASTY)
    host = memory.host()
    host.accepts()
    client.speaker.startSession()
    client.says(MSG_CHANNEL_OPEN, string(NASTY) + uint32(0) * 2 + uint32(32768))
    host.says(91, uint32(0) * 3 + uint32(32768))
    host.transport.disconnect(11, NASTY)
    memory.network.settle()

    for _, fields in memory.events:
        for value in fields.values():
            assert str(value).isascii() and str(value).isprintable()
    assert client.fate[0] == ("disconnected", 11, NASTY)


def test_secretsAreInNoEvent(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE)
    host = memory.host()
    host.offers(PASSWORD, KEYBOARD_INTERACTIVE)
    client.requests(PASSWORD, Password(b"canary").pack())
    host.offers(PASSWORD, KEYBOARD_INTERACTIVE)
    client.requests(KEYBOARD_INTERACTIVE, string(b"") * 2)
    host.says(60, string(b"canary") * 3 + uint32(1) + string(b"canary") + b"\0")
    client.says(61, uint32(1) + string(b"canary"))
    host.accepts()
    client.speaker.startSession()
    memory.opened(client, host)
    client.says(MSG_CHANNEL_DATA, data(b"canary"))
    client.says(79, b"canary")

    assert "canary" not in repr(memory.events)
    assert [name for name, _ in memory.events][-1] == "connection.closed"


def test_connectionsDoNotKnowEachOther(memory: Any) -> None:
    first, host1 = memory.loggedIn()
    second, host2 = memory.loggedIn()
    memory.opened(first, host1)
    memory.opened(second, host2)

    first.leaves()
    second.says(MSG_CHANNEL_DATA, data(b"still here"))

    assert host1.fate == ["lost"]
    assert host2.hears() == [(MSG_CHANNEL_DATA, data(b"still here"))]
    assert len(memory.named("connection.closed")) == 1


def test_policiesOfTheGatewayJudge(memoryOf: Callable[..., Any]) -> None:
    class NoSessions:
        def decide(self, request: Any, login: Any) -> Any:
            raise PermissionError(login.account)

    memory = memoryOf(policies=(NoSessions(),))
    client, host = memory.loggedIn()

    client.says(MSG_CHANNEL_OPEN, string(b"session") + uint32(0) * 3)

    assert host.hears() == []
    assert client.hears()[0][0] == 92
    (failure,) = memory.failures
    assert failure["log_failure"].check(PermissionError)
    memory.failures.clear()
