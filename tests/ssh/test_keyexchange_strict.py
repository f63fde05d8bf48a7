"""
L{bastion.ssh.keyexchange}: strict key exchange (OpenSSH's PROTOCOL 1.10), and the
numbers of the packets.
"""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from bastion.algorithms import TO_CLIENTS, withLastResort
from bastion.ssh.keyexchange import Turn
from bastion.ssh.negotiation import STRICT_CLIENT, STRICT_SERVER, Offer
from bastion.ssh.phases import KEX_METHOD, Phase
from bastion.wire import MSG_DISCONNECT, MSG_KEXINIT, MSG_NEWKEYS, string, uint32

DATA = 94
LAST = 2**32 - 1
BEFORE: dict[Turn, frozenset[int]] = {
    Turn.AGREED: KEX_METHOD,
    Turn.KEYED: frozenset({MSG_NEWKEYS}),
}
STRICT = {STRICT_CLIENT, STRICT_SERVER}
#: In these the number of a packet is part of its nonce, or of what the MAC is of.
NUMBERED = [
    (b"chacha20-poly1305@openssh.com", b""),
    (b"aes128-ctr", b"hmac-sha2-256-etm@openssh.com"),
    (b"aes256-ctr", b"hmac-sha2-512"),
]
numbered = pytest.mark.parametrize(("cipher", "mac"), NUMBERED)
either = pytest.mark.parametrize("strict", [True, False], ids=["strict", "not strict"])
smallTalk = pytest.mark.parametrize("number", [2, 3, 4])
SMALL_TALK = uint32(0) + string(b"small talk")


def withoutMarker(offer: Offer) -> Offer:
    """
    As a peer says it that has never heard of strict key exchange.
    """
    names = tuple(name for name in offer.keyExchanges if name not in STRICT)
    return evolve(offer, keyExchanges=names)


def among(leg: Any, strict: bool, cipher: bytes = b"", mac: bytes = b"") -> Any:
    """
    With a peer that is strict or not, and takes one cipher.
    """
    compatible = withLastResort(TO_CLIENTS)
    leg.ours.speakOn(evolve(leg.ours.terms, algorithms=lambda identification: compatible))

    def change(offer: Offer) -> Offer:
        if cipher:
            offer = evolve(offer, ciphersToServer=(cipher,), ciphersToClient=(cipher,))
        if mac:
            offer = evolve(offer, macsToServer=(mac,), macsToClient=(mac,))
        return offer if strict else withoutMarker(offer)

    return leg.offered(change)


def talks(leg: Any) -> bool:
    """
    Whether the two sides hear each other.
    """
    leg.service.say(DATA, b"you")
    leg.peer.session.say(DATA, b"me")
    leg.network.settle()
    heard = [*leg.service.heard, *leg.peer.session.heard]
    leg.service.heard.clear()
    leg.peer.session.heard.clear()
    return heard == [(DATA, b"me"), (DATA, b"you")]


def rekeyed(leg: Any, who: str) -> Any:
    """
    One key exchange later.
    """
    (leg.peer.transport if who == "peer" else leg.ours).sendKexInit()
    leg.network.settle()
    return leg


# Who is strict


@either
def test_bothAreStrictOrNeither(leg: Any, strict: bool) -> None:
    among(leg, strict).inLogin()

    assert leg.ours.strict is leg.peer.transport.strict is strict
    assert leg.ours.phase is Phase.LOGIN


def test_markerOfTheOtherSideIsNone(leg: Any) -> None:
    wrong = STRICT_SERVER if leg.facesClient else STRICT_CLIENT
    leg.offered(
        lambda offer: evolve(offer, keyExchanges=(*withoutMarker(offer).keyExchanges, wrong))
    )
    leg.connected().hearsUntil(lambda: leg.ours.turn is Turn.AGREED)

    assert not leg.ours.strict


def test_onlyTheFirstKexinitSaysWhetherWeAreStrict(leg: Any) -> None:
    markers: list[bytes] = []

    def change(offer: Offer) -> Offer:
        own = STRICT_CLIENT if leg.facesClient else STRICT_SERVER
        names = withoutMarker(offer).keyExchanges
        return evolve(offer, keyExchanges=(*names, own) if markers else names)

    leg.offered(change).inSession()
    markers.append(b"from now on")
    rekeyed(leg, "peer")

    assert not leg.ours.strict
    assert talks(leg)


def test_laterKexinitOfOursHasNoMarkers(leg: Any) -> None:
    offered: list[tuple[bytes, ...]] = []
    leg.witness.keyExchanging = lambda transport: offered.append(
        transport._ours.keyExchanges if transport.turn is Turn.ASKED else ()
    )
    rekeyed(leg.inSession(), "we")

    first, later = filter(None, offered)
    markers = (b"ext-info-s", STRICT_SERVER) if leg.facesClient else (b"ext-info-c", STRICT_CLIENT)
    assert first == later + markers


# The numbers of the packets


@either
@numbered
def test_numbersBeginAnewWithEachNewKeysOfAStrictPeer(
    leg: Any, strict: bool, cipher: bytes, mac: bytes
) -> None:
    among(leg, strict, cipher, mac).inSession()
    for who in ("peer", "we", "peer"):
        assert talks(rekeyed(leg, who))
        for direction in (leg.ours.incoming, leg.ours.outgoing):
            assert (direction.sequence == direction.packets) is strict

    assert leg.failures == []


@numbered
def test_peerThatDoesNotBeginAnewIsNotUnderstood(leg: Any, cipher: bytes, mac: bytes) -> None:
    """
    Or the test above would say nothing.
    """
    among(leg, True, cipher, mac).inSession()
    leg.peer.transport.outgoing.sequence += 1
    leg.peer.session.say(DATA, b"me")
    leg.network.settle()

    assert len(leg.failures) == 1 or leg.ours.incoming.wanted > 4
    assert list(leg.service.heard) == []


@numbered
def test_numbersGoOnBehindTheLast(leg: Any, cipher: bytes, mac: bytes) -> None:
    """
    RFC 4253 section 6.4: modulo 2^32.
    """
    among(leg, False, cipher, mac).inSession()
    ends = leg.ours, leg.peer.transport
    for end in ends:
        end.incoming.sequence = end.outgoing.sequence = LAST
    assert talks(leg)
    assert [(end.incoming.sequence, end.outgoing.sequence) for end in ends] == [(0, 0)] * 2

    for who in ("peer", "we"):
        assert talks(rekeyed(leg, who))
    assert leg.failures == []


def test_numbersGoOnBehindTheLastWithinAKeyExchange(leg: Any) -> None:
    among(leg, False, *NUMBERED[0]).inSession()
    for end in (leg.ours, leg.peer.transport):
        end.incoming.sequence = end.outgoing.sequence = LAST - 1

    assert talks(rekeyed(leg, "we"))
    assert leg.failures == []


# What the first key exchange may bear beside itself


@either
@smallTalk
def test_messageBeforeTheKexinit(leg: Any, strict: bool, number: int) -> None:
    """
    CVE-2023-48795: whoever adds a packet here can take one away later.
    """
    among(leg, strict).hearsBefore({MSG_KEXINIT}, number, SMALL_TALK)
    leg.connected().network.settle()

    problem = "a message before the KEXINIT of a strict key exchange"
    assert leg.failures == ([problem] if strict else [])
    assert leg.witness.events[-1] == ("lost" if strict else "secured")


@either
@smallTalk
@pytest.mark.parametrize("turn", BEFORE)
def test_messageWithinTheFirstKeyExchange(leg: Any, strict: bool, number: int, turn: Turn) -> None:
    among(leg, strict).hearsBefore(BEFORE[turn], number, SMALL_TALK)
    leg.connected().network.settle()

    problem = f"message {number} outside of its key exchange"
    assert leg.failures == ([problem] if strict else [])
    assert leg.witness.events[-1] == ("lost" if strict else "secured")


@either
@smallTalk
@pytest.mark.parametrize("turn", BEFORE)
def test_messageWithinALaterKeyExchange(leg: Any, strict: bool, number: int, turn: Turn) -> None:
    among(leg, strict).inSession().hearsBefore(BEFORE[turn], number, SMALL_TALK)
    rekeyed(leg, "we")

    assert leg.failures == []
    assert talks(leg)


@either
@pytest.mark.parametrize("before", [{MSG_KEXINIT}, *BEFORE.values()])
def test_goodbyeWithinTheFirstKeyExchangeIsHeard(leg: Any, strict: bool, before: set[int]) -> None:
    goodbye = uint32(11) + string(b"bye") + string(b"")
    among(leg, strict).hearsBefore(before, MSG_DISCONNECT, goodbye)
    leg.connected().network.settle()

    assert leg.witness.events == [("disconnected", 11, b"bye"), "lost"]
    leg.over()


@either
def test_messageBetweenTheKeysAndTheLogin(leg: Any, strict: bool) -> None:
    """
    Behind the first key exchange the strictness is over.
    """
    among(leg, strict).beforeService().hears(2, string(b"small talk"))

    assert leg.failures == []
