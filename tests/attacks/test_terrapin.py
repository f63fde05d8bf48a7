"""
Attack A1: prefix truncation (Terrapin, CVE-2023-48795).  Somebody on the way adds a
message before the keys and drops the first one behind them; the numbers of the
packets fit again, and nobody notices.  Strict key exchange ends a connection whose
first key exchange has anything beside itself, and begins the numbers anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attacking.client import Client
from attacking.exchange import (
    CHACHA_POLY,
    CTR_AND_MAC,
    CTR_THEN_MAC,
    GCM,
    STRICT_CLIENT,
    STRICT_SERVER,
    Lists,
)
from attacking.host import Host
from attacking.middle import Direction, Middle, injecting, packet
from attacking.peer import Peer
from attacking.stages import Stage

from bastion.wire import (
    MSG_DEBUG,
    MSG_EXT_INFO,
    MSG_IGNORE,
    MSG_KEXINIT,
    MSG_NEWKEYS,
    MSG_SERVICE_REQUEST,
    MSG_UNIMPLEMENTED,
    byte,
    string,
    uint32,
)

HARMLESS = {
    MSG_IGNORE: string(b"nothing"),
    MSG_UNIMPLEMENTED: uint32(0),
    MSG_DEBUG: byte(0) + string(b"nothing") + string(b""),
}
#: In all but the first, the number of a packet is part of what is verified.
SUITES = [GCM, CHACHA_POLY, CTR_THEN_MAC, CTR_AND_MAC]
#: A program that is offered all of them.
OLD = b"SSH-2.0-Old"

harmless = pytest.mark.parametrize(("number", "payload"), HARMLESS.items())
eachSuite = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite[0].decode())


@pytest.fixture
def met(site: Any, leg: str) -> Callable[..., Peer]:
    """
    An honest peer of the bastion, met by way of somebody between the two.
    """

    def meet(
        toBastion: Direction | None = None, toPeer: Direction | None = None, **own: Any
    ) -> Peer:
        peer: Any = Client(**own) if leg == "client" else Host(**own)
        site.middles[id(peer)] = Middle(toBastion or Direction(), toPeer or Direction())
        if leg == "client":
            return site.connects(peer)

        def once() -> Peer:
            site.honest("nice1")
            return peer

        site.makeHost["nice1"] = once
        site.connects(Client())
        return peer

    return meet


def size(number: int, payload: bytes) -> int:
    """
    How long a message is when it is encrypted by ChaCha20-Poly1305.
    """
    length = 2 + len(payload)
    padding = -length % 8
    return 4 + length + (padding if padding >= 4 else padding + 8) + 16


# (a)


def test_bothLegsAskForStrictKeyExchange(site: Any, leg: str) -> None:
    peer = site.attacker(leg, Stage.ASKED)
    theirs = Lists.parse(peer.exchange.theirs).keyExchanges
    ours, wrong = STRICT_SERVER, STRICT_CLIENT
    if leg == "host":
        ours, wrong = wrong, ours

    assert ours in theirs
    assert wrong not in theirs


# (b)


@harmless
@pytest.mark.parametrize("stage", [Stage.IDENTIFIED, Stage.ASKED, Stage.AGREED])
def test_anythingBesideTheFirstKeyExchangeEndsTheConnection(
    site: Any, leg: str, stage: Stage, number: int, payload: bytes
) -> None:
    peer = site.attacker(leg, stage)
    atOnce = site.sends(peer, number, payload)
    peer.goes(Stage.KEYED)
    site.settle()

    assert peer.gone
    assert atOnce or stage is Stage.IDENTIFIED
    assert peer.stage < Stage.KEYED


# (c)


@eachSuite
def test_numbersBeginAnewWithTheKeys(site: Any, leg: str, suite: Any) -> None:
    version = OLD if leg == "client" else b"SSH-2.0-OpenSSH_9.2p1"
    peer = site.attacker(leg, Stage.SESSION, suite=suite, version=version)

    assert peer.bothStrict
    assert peer.stage is Stage.SESSION
    assert site.client.stage is Stage.SESSION


@pytest.mark.parametrize("suite", SUITES[1:], ids=lambda suite: suite[0].decode())
def test_peerWhoseNumbersDoNotBeginAnewIsNotUnderstood(site: Any, leg: str, suite: Any) -> None:
    """
    Or the test above would say nothing.
    """
    peer = site.attacker(leg, Stage.AGREED, suite=suite, version=OLD)
    before = peer.outgoing.sequence
    peer.goes(Stage.KEYED)
    peer.outgoing.sequence = before + 1
    peer.goes(Stage.SERVICE)
    site.settle()
    # Whoever decrypts the length with the wrong number may wait for much.
    site.writes(peer, bytes(40_000))

    assert peer.gone
    assert peer.stage <= Stage.SERVICE


# (d)


@harmless
@pytest.mark.parametrize("before", [MSG_KEXINIT, MSG_NEWKEYS])
@eachSuite
def test_messageThatIsAddedOnTheWayToTheBastionIsNoticed(
    site: Any, met: Any, before: int, number: int, payload: bytes, suite: Any
) -> None:
    peer = met(Direction(injecting(before, number, payload)), suite=suite, version=OLD)

    assert peer.gone
    assert peer.stage < Stage.LOGIN
    assert peer is site.client or site.client.stage is Stage.SESSION


def test_messageThatIsDroppedOnTheWayToTheBastionIsNoticed(site: Any, met: Any) -> None:
    """
    The attack as it was published.
    """
    lost = size(MSG_SERVICE_REQUEST, string(b"ssh-userauth"))
    toBastion = Direction(injecting(MSG_NEWKEYS, MSG_IGNORE, string(b"")), drops=lost)
    peer = met(toBastion, suite=CHACHA_POLY, version=OLD)

    assert peer.gone
    assert peer.stage < Stage.LOGIN


@eachSuite
def test_listOfExtensionsThatIsDroppedOnTheWayFromTheBastionIsNoticed(
    site: Any, met: Any, suite: Any
) -> None:
    """
    With a peer that takes what is added in good faith, as all did.
    """
    whole = met(suite=suite, version=OLD)
    assert whole.last(MSG_EXT_INFO) is not None
    lost = size(MSG_EXT_INFO, whole.last(MSG_EXT_INFO) or b"")
    toPeer = Direction(injecting(MSG_NEWKEYS, MSG_IGNORE, string(b"")), drops=lost)
    peer = met(toPeer=toPeer, suite=suite, version=OLD)

    assert toPeer.dropped == lost
    assert peer.last(MSG_IGNORE) is not None
    assert peer.last(MSG_EXT_INFO) is None
    assert site.confused(peer) or peer.stage < Stage.LOGIN


@pytest.mark.parametrize("towardBastion", [True, False])
def test_markersThatAreRemovedOnTheWayMakeTheSignatureWrong(
    site: Any, met: Any, leg: str, towardBastion: bool
) -> None:
    """
    The host signs both KEXINITs.
    """

    def strip(number: int, data: bytes) -> bytes:
        if number != MSG_KEXINIT:
            return data
        for marker in (STRICT_CLIENT, STRICT_SERVER):
            data = data.replace(marker, b"x" * len(marker))
        return data

    here, there = Direction(strip), Direction()
    peer = met(here, there) if towardBastion else met(there, here)

    if leg == "client":
        assert peer.deceived or peer.gone
    else:
        assert peer.gone
        assert peer.secrets() == []
        refused = site.named("host.refused")[0]["reason"]
        assert "signature" in refused or "integrity" in refused


def test_peerThatIsNotStrictMaySmallTalk(site: Any, leg: str) -> None:
    """
    RFC 4253 section 7.1 allows it to those who know no better.
    """
    peer = site.attacker(leg, Stage.IDENTIFIED, strict=False)
    for number, payload in HARMLESS.items():
        peer.write(packet(number, payload))
        peer.outgoing.sequence += 1
    peer.goes(Stage.SESSION)
    site.settle()

    assert peer.stage is Stage.SESSION
