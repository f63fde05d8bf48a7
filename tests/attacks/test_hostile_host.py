"""
Attack A28: a host that has been taken over.  It can end the sessions that it has, and
nobody else's (CVE-2026-55199: a loop as long as the peer says).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attacking.client import Client, request
from attacking.host import KEY, OTHER_KEY, Host
from attacking.peer import Peer
from attacking.stages import Stage

from bastion.wire import (
    MSG_CHANNEL_REQUEST,
    MSG_DISCONNECT,
    MSG_EXT_INFO,
    MSG_KEXINIT,
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_REQUEST,
    byte,
    string,
    uint32,
)

MOST = 0xFFFF_FFFF
#: What one host may have the bastion keep, in bytes: what its client has not read, and
#: the packet that is not complete.
KEPT = 512 * 1024

Taken = Callable[..., Peer]


@pytest.fixture
def taken(site: Any) -> Any:
    """
    Makes a hostile host; a session with an honest one has to go on behind it.
    """
    other = site.connects(Client(), "192.0.2.100")
    other.opens()
    site.settle()
    yield lambda until, **own: site.attacker("host", until, **own)
    assert not other.gone
    other.writes(b"as before")
    site.settle()
    assert other.answers == b"as before"


@pytest.mark.parametrize("stage", [Stage.KEYED, Stage.SERVICE, Stage.LOGIN])
@pytest.mark.parametrize("count", [129, 1 << 31, MOST])
def test_extensionsWithoutAnEnd(site: Any, taken: Taken, stage: Stage, count: int) -> None:
    host = taken(stage)

    assert site.sends(host, MSG_EXT_INFO, uint32(count) + string(b"name") + string(b"value"))


@pytest.mark.parametrize("size", [35_000, 1_000_000])
def test_longBanner(site: Any, taken: Taken, size: int) -> None:
    host = taken(Stage.LOGIN)
    banner = string(b"x" * size) + string(b"en")

    assert site.sends(host, MSG_USERAUTH_BANNER, banner)
    assert all(b"xxxx" not in payload for _, payload in site.client.heard)


def test_bannersWithoutAnEnd(site: Any, taken: Taken) -> None:
    """
    They pass, or end; they are not kept.
    """
    host = taken(Stage.LOGIN)
    site.tcp(site.client).pauseProducing()
    before = site.kept
    banner = string(b"x" * 30_000) + string(b"en")
    for _ in range(100):
        if site.sends(host, MSG_USERAUTH_BANNER, banner) or not site.tcp(host).other.reading:
            break
    kept = site.kept - before
    site.tcp(site.client).resumeProducing()
    assert kept < KEPT


@pytest.fixture
def asked(site: Any, taken: Taken) -> Any:
    """
    A hostile host that was asked for a dialogue.
    """
    site.makeHost["nice1"] = lambda: Host(until=Stage.LOGIN)
    client = site.connects(Client(until=Stage.LOGIN))
    fields = string(b"") + string(b"")
    assert not site.sends(client, MSG_USERAUTH_REQUEST, request(b"keyboard-interactive", fields))
    return site.host


@pytest.mark.parametrize("said", [6001, 10_000, MOST])
def test_promptsThatAreNotThere(site: Any, asked: Any, said: int) -> None:
    questions = string(b"") * 3 + uint32(said) + (string(b"") + byte(0)) * 6000

    assert site.sends(asked, MSG_USERAUTH_INFO_REQUEST, questions)
    assert site.client.last(MSG_USERAUTH_INFO_REQUEST) is None


def test_sixThousandPrompts(site: Any, asked: Any) -> None:
    """
    No packet has room for many more; they are the client's to answer.
    """
    questions = string(b"") * 3 + uint32(6000) + (string(b"") + byte(0)) * 6000

    assert not site.sends(asked, MSG_USERAUTH_INFO_REQUEST, questions)
    assert site.client.last(MSG_USERAUTH_INFO_REQUEST) == questions


def test_tenThousandPrompts(site: Any, asked: Any) -> None:
    questions = string(b"") * 3 + uint32(10_000) + (string(b"") + byte(0)) * 10_000

    assert site.sends(asked, MSG_USERAUTH_INFO_REQUEST, questions)
    assert site.client.last(MSG_USERAUTH_INFO_REQUEST) is None


def test_questionsWithoutAnEnd(site: Any, asked: Any) -> None:
    question = string(b"") * 3 + uint32(1) + string(b"?") + byte(0)
    packets = [asked.packet(MSG_USERAUTH_INFO_REQUEST, question) for _ in range(10_000)]

    assert site.writes(asked, b"".join(packets))
    assert site.kept < KEPT


@pytest.mark.parametrize("reply", [False, True])
@pytest.mark.parametrize("channel", [0, 77])
def test_channelRequestsWithoutAnEnd(site: Any, taken: Taken, reply: bool, channel: int) -> None:
    """
    Of a client that never answers.
    """
    host = taken(Stage.SESSION)
    site.client.opens()
    site.settle()
    site.client.numbers()
    before = site.kept
    fields = uint32(channel) + string(b"exit-signal") + byte(reply)
    for _ in range(20):
        packets = [host.packet(MSG_CHANNEL_REQUEST, fields) for _ in range(500)]
        if site.writes(host, b"".join(packets)):
            break
        site.client.numbers()
        assert site.kept - before < KEPT
    assert host.gone == (reply and channel == 0)


def test_longChannelRequestsAreNotKept(site: Any, taken: Taken) -> None:
    host = taken(Stage.SESSION)
    site.client.opens()
    site.settle()
    before = site.kept
    fields = uint32(0) + string(b"no-such-request") + byte(1) + bytes(200_000)
    for _ in range(20):
        site.sends(host, MSG_CHANNEL_REQUEST, fields)
        site.client.numbers()
    assert site.kept - before < KEPT


@pytest.mark.parametrize("stage", [Stage.IDENTIFIED, Stage.ASKED, Stage.AGREED])
def test_farewellWithinTheKeyExchange(site: Any, taken: Taken, stage: Stage) -> None:
    host = taken(stage)

    assert site.sends(host, MSG_DISCONNECT, uint32(2) + string(b"no") + string(b""))
    site.clock.advance(5)
    site.settle()
    assert site.client.stage is Stage.SESSION, "the other host is there"


def test_farewellWithinALaterKeyExchange(site: Any, taken: Taken) -> None:
    host = taken(Stage.SESSION)
    host.asksForKeys()
    host.sends(MSG_DISCONNECT, uint32(2) + string(b"no") + string(b""))
    site.settle()

    assert host.gone
    assert site.client.gone


@pytest.mark.parametrize(
    ("key", "signature"),
    [(KEY, OTHER_KEY), (OTHER_KEY, None), (OTHER_KEY, KEY)],
    ids=["a wrong signature", "another key", "both"],
)
def test_otherKeyInALaterKeyExchange(site: Any, taken: Taken, key: Any, signature: Any) -> None:
    host: Any = taken(Stage.SESSION)
    host.key, host.signature = key, signature
    host.numbers()
    host.asksForKeys()
    site.settle()

    assert MSG_KEXINIT in host.numbers()
    assert host.gone
    assert site.client.gone


def test_sameKeyInALaterKeyExchange(site: Any, taken: Taken) -> None:
    """
    That the tests above would notice if their key was right.
    """
    host = taken(Stage.SESSION)
    host.asksForKeys()
    site.settle()

    assert host.exchange is None
    assert not host.gone
    assert not site.client.gone
