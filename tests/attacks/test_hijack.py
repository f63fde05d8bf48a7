"""
Attack A27: what a client forwards, its agent, its display and its ports, is taken by
somebody else (CVE-2023-38408).  What a policy refuses is not there; and a host that was
taken over gets what its client has asked for in that session, and nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attacking.client import Client, opening
from attacking.host import Host
from attacking.stages import Stage
from attrs import define, field

from bastion.config.policies import Permitted, PolicyTable
from bastion.wire import (
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_CONFIRMATION,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_GLOBAL_REQUEST,
    MSG_REQUEST_FAILURE,
    MSG_REQUEST_SUCCESS,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    Reader,
    byte,
    string,
    uint32,
)

NONE: Any = Permitted(False)
CLOSED = PolicyTable(
    name="closed",
    agent=False,
    x11=False,
    local_forwarding=NONE,
    remote_forwarding=NONE,
    streamlocal_forwarding=NONE,
    tunnel=False,
    other=False,
)
#: Of the host's numbers for channels that it opens.
THEIRS = 40

AGENT, OLD_AGENT, X11 = b"agent-req", b"auth-agent-req@openssh.com", b"x11-req"
ON_CHANNEL = (AGENT, OLD_AGENT, X11)
COOKIE = byte(0) + string(b"MIT-MAGIC-COOKIE-1") + string(b"00" * 16) + uint32(0)
PORT, SOCKET = string(b"localhost") + uint32(8080), string(b"/tmp/socket")
FROM = string(b"192.0.2.66") + uint32(50000)

#: What a host can open toward its client, by the request that asks for it.
OPENS = {
    AGENT: opening(THEIRS, type=b"agent-connect"),
    OLD_AGENT: opening(THEIRS, type=b"auth-agent@openssh.com"),
    X11: opening(THEIRS, type=b"x11", data=FROM),
    b"tcpip-forward": opening(THEIRS, type=b"forwarded-tcpip", data=PORT + FROM),
    b"streamlocal-forward@openssh.com": opening(
        THEIRS, type=b"forwarded-streamlocal@openssh.com", data=SOCKET + string(b"")
    ),
}
#: What only a client opens.
NEVER = {
    "session": opening(THEIRS),
    "direct-tcpip": opening(THEIRS, type=b"direct-tcpip", data=PORT + FROM),
    "direct-streamlocal": opening(
        THEIRS, type=b"direct-streamlocal@openssh.com", data=SOCKET + string(b"") + uint32(0)
    ),
    "tun": opening(THEIRS, type=b"tun@openssh.com", data=uint32(1) + uint32(0)),
    "unknown": opening(THEIRS, type=b"agent@example.org"),
}
DATA = {
    AGENT: b"",
    OLD_AGENT: b"",
    X11: COOKIE,
    b"tcpip-forward": PORT,
    b"streamlocal-forward@openssh.com": SOCKET,
}

eachAsked = pytest.mark.parametrize("asked", OPENS, ids=lambda name: name.decode())


@define(eq=False)
class Hostile(Host):
    """
    A host that says yes to what is asked of it, or no.

    @ivar agrees: which.
    """

    agrees: bool = field(default=True, kw_only=True)

    def hears(self, number: int, payload: bytes) -> None:
        """
        See L{attacking.peer.Peer}.
        """
        if number != MSG_GLOBAL_REQUEST or self.stage is not Stage.SESSION:
            super().hears(number, payload)
        elif payload[4 + int.from_bytes(payload[:4])]:
            self.says(MSG_REQUEST_SUCCESS if self.agrees else MSG_REQUEST_FAILURE)


class Victim(Client):
    """
    A client that opens whatever its host wants.
    """

    def hears(self, number: int, payload: bytes) -> None:
        """
        See L{attacking.peer.Peer}.
        """
        super().hears(number, payload)
        if number == MSG_CHANNEL_OPEN:
            reader = Reader(payload)
            reader.string()
            self.confirms(reader.uint32(), own=9)


def session(site: Any, source: str = "198.51.100.7", agrees: bool = True) -> tuple[Any, Any]:
    """
    A client with a session, and its host.
    """
    site.makeHost["nice1"] = lambda: Hostile(agrees=agrees)
    client = site.connects(Victim(), source)
    host = site.host
    assert client.stage is Stage.SESSION
    client.opens()
    site.settle()
    client.numbers(), host.numbers()
    return client, host


def asks(site: Any, client: Any, name: bytes, cancel: bool = False) -> None:
    """
    The client asks for something to be forwarded to it.
    """
    if name in ON_CHANNEL:
        client.asks(name, DATA[name])
    else:
        name = b"cancel-" + name if cancel else name
        client.says(
            MSG_GLOBAL_REQUEST, string(name) + byte(1) + DATA[name.removeprefix(b"cancel-")]
        )
    site.settle()


def isOpened(site: Any, host: Any, client: Any, open_: bytes) -> bool:
    """
    Have the host open something.

    @return: whether it is open; if not, the client has heard nothing of it.
    """
    host.numbers(), client.numbers()
    assert not site.sends(host, MSG_CHANNEL_OPEN, open_)
    if host.last(MSG_CHANNEL_OPEN_CONFIRMATION):
        return True
    refusal = host.last(MSG_CHANNEL_OPEN_FAILURE)
    assert refusal is not None
    assert refusal[:8] == uint32(THEIRS) + uint32(OPEN_ADMINISTRATIVELY_PROHIBITED)
    assert client.numbers() == []
    return False


# The host opens what nobody has asked for


@pytest.mark.parametrize(
    "open_", [*OPENS.values(), *NEVER.values()], ids=[*map(str, OPENS), *NEVER]
)
def test_whatWasNotAskedForIsRefused(site: Any, open_: bytes) -> None:
    client, host = session(site)

    assert not isOpened(site, host, client, open_)
    client.writes(b"as before")
    site.settle()
    assert client.answers == b"as before"


@eachAsked
def test_whatWasAskedForIsOpenedAndNothingElse(site: Any, asked: bytes) -> None:
    client, host = session(site)
    asks(site, client, asked)

    for name, open_ in OPENS.items():
        assert isOpened(site, host, client, open_) == (name == asked)
    for open_ in NEVER.values():
        assert not isOpened(site, host, client, open_)


@eachAsked
def test_whatOneClientAskedForIsNotThereForAnothersHost(site: Any, asked: bytes) -> None:
    """
    Of the same account, on the same host.
    """
    client, _ = session(site)
    asks(site, client, asked)
    client.numbers()
    other, othersHost = session(site, "198.51.100.8")

    assert not isOpened(site, othersHost, other, OPENS[asked])
    assert client.numbers() == []


@pytest.mark.parametrize("asked", [name for name in OPENS if name not in ON_CHANNEL])
def test_forwardingThatTheHostItselfRefusedIsNotThere(site: Any, asked: bytes) -> None:
    client, host = session(site, agrees=False)
    asks(site, client, asked)

    assert client.numbers() == [MSG_REQUEST_FAILURE]
    assert not isOpened(site, host, client, OPENS[asked])


@pytest.mark.parametrize("asked", [name for name in OPENS if name not in ON_CHANNEL])
def test_forwardingThatIsCancelledIsNoLongerThere(site: Any, asked: bytes) -> None:
    client, host = session(site)
    asks(site, client, asked)
    assert isOpened(site, host, client, OPENS[asked])
    asks(site, client, asked, cancel=True)

    assert not isOpened(site, host, client, OPENS[asked])


def test_otherPortThanAskedForIsRefused(site: Any) -> None:
    client, host = session(site)
    asks(site, client, b"tcpip-forward")
    bound = string(b"localhost") + uint32(8081)

    other = opening(THEIRS, type=b"forwarded-tcpip", data=bound + FROM)
    assert not isOpened(site, host, client, other)


@pytest.mark.parametrize(
    "open_", [*OPENS.values(), *NEVER.values()], ids=[*map(str, OPENS), *NEVER]
)
def test_beforeThereIsASessionNothingIsOpenedEither(site: Any, open_: bytes) -> None:
    site.makeHost["nice1"] = Hostile
    client = site.connects(Victim())

    assert not isOpened(site, site.host, client, open_)


def test_hostThatTriesAgainAndAgainIsRefusedEachTime(site: Any) -> None:
    """
    And does not fill the log.
    """
    client, host = session(site)
    packets = [host.packet(MSG_CHANNEL_OPEN, OPENS[AGENT]) for _ in range(2000)]
    host.numbers(), client.numbers()
    site.writes(host, b"".join(packets))

    assert client.numbers() in ([], [MSG_CHANNEL_OPEN_FAILURE])
    assert set(host.numbers()) <= {MSG_CHANNEL_OPEN_FAILURE}
    assert len(site.named("channel.refused")) <= 100


# The policy refuses it


def refusing(siteOf: Callable[..., Any]) -> tuple[Any, Any, Any]:
    """
    A session that may forward nothing.
    """
    site = siteOf(tables=(CLOSED,))
    return site, *session(site)


@eachAsked
def test_hostDoesNotHearOfWhatIsRefused(siteOf: Any, asked: bytes) -> None:
    """
    And cannot open it all the same.
    """
    site, client, host = refusing(siteOf)
    asks(site, client, asked)

    assert host.numbers() == []
    heard = client.numbers()
    assert MSG_CHANNEL_EXTENDED_DATA in heard, "the reason is not said"
    assert not isOpened(site, host, client, OPENS[asked])
    [asking, opened] = site.named("channel.refused")
    assert asking["reason"].endswith("is not allowed here")
    assert opened["reason"] == "the client has not asked for it"


@pytest.mark.parametrize("asked", [AGENT, OLD_AGENT], ids=lambda name: name.decode())
def test_agentIsRefusedWhicheverOfItsNamesIsUsed(siteOf: Any, asked: bytes) -> None:
    """
    Where requests that the policy does not know are allowed.
    """
    site = siteOf(tables=(PolicyTable(name="agentless", agent=False),))
    client, host = session(site)
    asks(site, client, asked)

    assert host.numbers() == []
    for open_ in (OPENS[AGENT], OPENS[OLD_AGENT]):
        assert not isOpened(site, host, client, open_)
    assert site.named("channel.refused")[0]["reason"] == "agent forwarding is not allowed here"


@eachAsked
@pytest.mark.parametrize("reply", [0, 1])
def test_refusedRequestIsNotTakenInAnotherForm(siteOf: Any, asked: bytes, reply: int) -> None:
    """
    Without an answer; in a channel, where it belongs to the connection, or the other way
    round; in a channel that is not there; with data behind.
    """
    site, client, host = refusing(siteOf)
    data = DATA[asked] + bytes(100)
    client.says(MSG_CHANNEL_REQUEST, uint32(0) + string(asked) + byte(reply) + data)
    client.says(MSG_GLOBAL_REQUEST, string(asked) + byte(reply) + data)
    site.settle()

    assert MSG_GLOBAL_REQUEST not in host.numbers()
    for open_ in OPENS.values():
        assert not isOpened(site, host, client, open_)


def test_clientIsRefusedWhatLeadsSomewhere(siteOf: Any) -> None:
    site, client, host = refusing(siteOf)
    opens = {name: open_ for name, open_ in NEVER.items() if name != "session"}
    for open_ in opens.values():
        assert not site.sends(client, MSG_CHANNEL_OPEN, open_)
        refusal = client.last(MSG_CHANNEL_OPEN_FAILURE)
        assert refusal[:8] == uint32(THEIRS) + uint32(OPEN_ADMINISTRATIVELY_PROHIBITED)
        assert b"is not allowed here" in refusal
        client.numbers()

    assert host.numbers() == []
    assert len(site.named("channel.refused")) == len(opens)


def test_nothingOfAClientsOwnMakesTheHostsOpensRight(siteOf: Any) -> None:
    """
    A client that helps: it asks for everything, opens what the host would, and cancels
    what was never there.
    """
    site, client, host = refusing(siteOf)
    for name in OPENS:
        asks(site, client, name)
        asks(site, client, name, cancel=True)
    for open_ in OPENS.values():
        client.says(MSG_CHANNEL_OPEN, open_)
    site.settle()
    for open_ in OPENS.values():
        assert not isOpened(site, host, client, open_)
