"""
Attack A33: what a policy refuses on one path is taken on another (CVE-2023-45140).  With
the messages that no program sends; L{test_policies_sessions} and its neighbours have
those of the programs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attacking.client import Client, opening
from attacking.stages import Stage

from bastion.config.policies import Permitted, PolicyTable
from bastion.wire import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_SUCCESS,
    MSG_GLOBAL_REQUEST,
    MSG_REQUEST_FAILURE,
    byte,
    string,
    uint32,
)

NONE: Any = Permitted(False)
COMMANDS: Any = Permitted(False, ("scp -t *",))
SFTP: Any = Permitted(False, ("sftp",))
TABLE = PolicyTable(
    name="files",
    pty=False,
    shell=False,
    exec=COMMANDS,
    subsystems=SFTP,
    env=NONE,
    agent=False,
    x11=False,
    local_forwarding=NONE,
    remote_forwarding=NONE,
    streamlocal_forwarding=NONE,
    tunnel=False,
    other=False,
)

TERMINAL = string(b"xterm") + uint32(80) + uint32(24) + uint32(0) + uint32(0) + string(b"")
#: What starts something, as a request and its data.
REFUSED = {
    "shell": (b"shell", b""),
    "command": (b"exec", string(b"id")),
    "command behind": (b"exec", string(b"scp -t x; id")),
    "command without a word": (b"exec", string(b"")),
    "subsystem": (b"subsystem", string(b"shell")),
    "terminal": (b"pty-req", TERMINAL),
    "unknown": (b"exec@example.org", string(b"scp -t x")),
    "upper case": (b"EXEC", string(b"scp -t x")),
    "blank behind": (b"exec ", string(b"scp -t x")),
    "nul behind": (b"exec\0", string(b"scp -t x")),
    "without a name": (b"", string(b"scp -t x")),
}
ALLOWED = {"command": (b"exec", string(b"scp -t x")), "subsystem": (b"subsystem", string(b"sftp"))}

eachRefused = pytest.mark.parametrize("name", REFUSED)


@pytest.fixture
def limited(siteOf: Callable[..., Any]) -> Any:
    """
    A site whose sessions may carry files, and do nothing else.
    """
    return siteOf(tables=(TABLE,))


def session(site: Any) -> tuple[Any, Any]:
    """
    A client with a session, and its host.
    """
    client = site.connects(Client())
    assert client.stage is Stage.SESSION
    client.opens()
    site.settle()
    client.numbers(), site.host.numbers()
    return client, site.host


def started(host: Any) -> list[bytes]:
    """
    What a host was asked to start.
    """
    return [payload for number, payload in host.heard if number == MSG_CHANNEL_REQUEST]


def replies(client: Any) -> list[int]:
    """
    How the requests of a client were answered, in order.
    """
    return [n for n, _ in client.heard if n in (MSG_CHANNEL_SUCCESS, MSG_CHANNEL_FAILURE)]


@eachRefused
@pytest.mark.parametrize("reply", [False, True])
def test_hostDoesNotHearOfIt(limited: Any, name: str, reply: bool) -> None:
    client, host = session(limited)
    request, data = REFUSED[name]
    client.asks(request, data, reply=reply)
    limited.settle()

    assert host.numbers() == []
    assert replies(client) == [MSG_CHANNEL_FAILURE] * reply
    assert MSG_CHANNEL_EXTENDED_DATA in client.numbers()
    assert len(limited.named("channel.refused")) == 1


@eachRefused
def test_refusalDoesNotOpenTheWayForTheNext(limited: Any, name: str) -> None:
    """
    Everything in one channel, one after the other.
    """
    client, host = session(limited)
    for request, data in [REFUSED[name], *REFUSED.values()]:
        client.asks(request, data)
        limited.settle()

    assert host.numbers() == []
    assert replies(client) == [MSG_CHANNEL_FAILURE] * (1 + len(REFUSED))


@eachRefused
@pytest.mark.parametrize("allowed", ALLOWED)
def test_whatIsAllowedDoesNotOpenTheWayForTheRest(limited: Any, name: str, allowed: str) -> None:
    """
    All at once, before any answer; each is answered in its turn.
    """
    client, host = session(limited)
    for request, data in (ALLOWED[allowed], REFUSED[name], REFUSED[name]):
        client.asks(request, data)
    limited.settle()

    request, data = ALLOWED[allowed]
    assert started(host) == [uint32(0) + string(request) + byte(1) + data]
    assert replies(client) == [MSG_CHANNEL_SUCCESS, MSG_CHANNEL_FAILURE, MSG_CHANNEL_FAILURE]


@eachRefused
def test_clientThatDoesNotSayThatItHasReadWhyGetsNoFurther(limited: Any, name: str) -> None:
    """
    Whatever waits for that, nothing is passed on meanwhile that would be answered.
    """
    client, host = session(limited)
    client.until = Stage.DECIDING
    asked = [REFUSED[name], *REFUSED.values(), ALLOWED["command"]]
    for request, data in asked:
        client.asks(request, data)
    limited.settle()
    assert host.numbers() == []

    for number, _ in [*client.heard]:
        if number == MSG_GLOBAL_REQUEST:
            client.says(MSG_REQUEST_FAILURE)
    limited.settle()
    assert host.numbers() == []
    assert replies(client) == [MSG_CHANNEL_FAILURE] * len(asked)


@eachRefused
def test_eachChannelIsJudged(limited: Any, name: str) -> None:
    client, host = session(limited)
    for number in range(1, 20):
        client.opens(number)
    limited.settle()
    host.numbers()
    request, data = REFUSED[name]
    for number in range(20):
        client.asks(request, data, channel=number)
    limited.settle()

    assert host.numbers() == []
    assert len(replies(client)) == 20


@pytest.mark.parametrize("name", [*REFUSED, "allowed"])
@pytest.mark.parametrize("reply", [False, True])
def test_requestInAChannelThatIsNotOpenYetEndsTheConnection(
    limited: Any, name: str, reply: bool
) -> None:
    """
    In one piece, with the number that the host will give it: the host would open the
    channel, and then do what it reads.
    """
    client, host = session(limited)
    request, data = REFUSED.get(name, ALLOWED["command"])
    wanted = client.packet(MSG_CHANNEL_OPEN, opening(1))
    asked = uint32(1) + string(request) + byte(reply) + data
    limited.writes(client, wanted + client.packet(MSG_CHANNEL_REQUEST, asked))

    assert client.gone
    assert started(host) == []
    assert "a request in a channel that is not open" in limited.reason


@pytest.mark.parametrize("name", [*REFUSED, "allowed"])
def test_requestInAChannelThatIsClosedEndsTheConnection(limited: Any, name: str) -> None:
    """
    Its number may be another one's soon.
    """
    client, host = session(limited)
    client.says(MSG_CHANNEL_CLOSE, uint32(0))
    limited.settle()
    client.asks(*REFUSED.get(name, ALLOWED["command"]))
    limited.settle()

    assert client.gone
    assert started(host) == []


def test_requestOfAHostInNoChannelIsNotPassedOn(limited: Any) -> None:
    """
    That is no fault worth the connection: some say how a program has ended too late.
    """
    client, host = session(limited)
    status = uint32(7) + string(b"exit-status") + byte(0) + uint32(0)

    assert not limited.sends(host, MSG_CHANNEL_REQUEST, status)
    assert MSG_CHANNEL_REQUEST not in client.numbers()


def test_withoutAPolicyItIsTheHostsMatter(site: Any) -> None:
    client, host = session(site)
    asked = uint32(7) + string(b"shell") + byte(0)

    assert not site.sends(client, MSG_CHANNEL_REQUEST, asked)
    assert started(host) == [asked]


@pytest.mark.parametrize("reply", [MSG_CHANNEL_SUCCESS, MSG_CHANNEL_FAILURE])
def test_hostCannotAnswerWhatItWasNotAsked(limited: Any, reply: int) -> None:
    """
    While the client has not said yet that it has read why.
    """
    client, host = session(limited)
    client.until = Stage.DECIDING
    client.asks(*REFUSED["shell"])
    limited.settle()
    for _ in range(3):
        limited.sends(host, reply, uint32(0))
    client.says(MSG_REQUEST_FAILURE)
    limited.settle()

    assert host.numbers() == []
    assert client.gone or MSG_CHANNEL_FAILURE in client.numbers()


@pytest.mark.parametrize("data", [b"", b"\0", uint32(5) + b"scp", uint32(0xFFFFFFFF) + b"scp -t x"])
@pytest.mark.parametrize("request_", [b"exec", b"subsystem", b"env"])
def test_requestThatCannotBeReadEndsTheConnection(
    limited: Any, request_: bytes, data: bytes
) -> None:
    """
    A host might read it in its own way.
    """
    client, host = session(limited)
    client.asks(request_, data)
    limited.settle()

    assert client.gone
    assert started(host) == []


def test_whatStandsBehindACommandIsNotPartOfIt(limited: Any) -> None:
    """
    RFC 4254 section 6.5: a host reads one string.
    """
    client, host = session(limited)
    client.asks(b"exec", string(b"scp -t x") + string(b"; id"))
    limited.settle()

    assert [payload[:24] for payload in started(host)] in (
        [],
        [(uint32(0) + string(b"exec") + byte(1) + string(b"scp -t x"))[:24]],
    )


def test_dataOfASessionThatWasRefusedStartNothing(limited: Any) -> None:
    """
    They reach the host's channel, in which nothing runs.
    """
    client, host = session(limited)
    client.asks(b"shell")
    client.writes(b"id\n")
    limited.settle()

    assert host.numbers() == [MSG_CHANNEL_DATA]
    assert started(host) == []


@pytest.mark.parametrize("type", [b"session@example.org", b"SESSION", b"session\0", b""])
def test_channelThatIsNearlyASessionIsRefused(limited: Any, type: bytes) -> None:
    client, host = session(limited)
    client.says(MSG_CHANNEL_OPEN, opening(1, type=type))
    limited.settle()

    assert host.numbers() == []
    assert client.last(MSG_CHANNEL_OPEN_FAILURE) is not None
