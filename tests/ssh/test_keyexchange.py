"""
L{bastion.ssh.keyexchange}: keys are exchanged at the beginning and anew, with
every cipher, and with safe ones only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from bastion.algorithms import AEAD_CIPHERS, COMPATIBLE_TO_CLIENTS, TO_CLIENTS, withLastResort
from bastion.ssh.keyexchange import Turn
from bastion.ssh.negotiation import Agreement, Offer
from bastion.ssh.phases import Phase
from bastion.wire import (
    DISCONNECT_KEY_EXCHANGE_FAILED,
    MSG_DISCONNECT,
    MSG_KEXINIT,
    byte,
    string,
    uint32,
)

VERSION = b"SSH-2.0-test\r\n"
DATA = 94
PAIRS = [
    *((cipher, b"") for cipher in COMPATIBLE_TO_CLIENTS.ciphers if cipher in AEAD_CIPHERS),
    *(
        (cipher, mac)
        for cipher in COMPATIBLE_TO_CLIENTS.ciphers
        if cipher not in AEAD_CIPHERS
        for mac in COMPATIBLE_TO_CLIENTS.macs
    ),
]
whoever = pytest.mark.parametrize("who", ["peer", "we", "both"])


def starts(leg: Any, who: str) -> None:
    """
    Start a key exchange.
    """
    if who in ("peer", "both"):
        leg.peer.transport.sendKexInit()
    if who in ("we", "both"):
        leg.ours.sendKexInit()


def talks(leg: Any) -> bool:
    """
    Whether the two sides hear each other, as they should.
    """
    payload = b"a few words, or more: " + bytes(500)
    leg.service.say(DATA, payload)
    leg.peer.session.say(DATA, payload)
    leg.network.settle()
    return (leg.service.heard.pop(), leg.peer.session.heard.pop()) == ((DATA, payload),) * 2


def agreements(leg: Any) -> list[Agreement]:
    """
    What will be agreed on; it is not kept for longer than is needed.
    """
    found: list[Agreement] = []

    def look(transport: Any) -> None:
        if transport.turn is Turn.AGREED:
            found.append(transport._agreement)

    leg.witness.keyExchanging = look
    leg.met().peer.witness.keyExchanging = look
    return found


# The first one


def test_keysAreExchanged(leg: Any) -> None:
    leg.inLogin()

    assert leg.ours.phase is leg.peer.transport.phase is Phase.LOGIN
    assert leg.witness.events == leg.peer.witness.events == ["secured"]
    assert leg.ours.turn is leg.peer.transport.turn is Turn.NONE
    assert leg.ours.sessionID == leg.peer.transport.sessionID
    assert leg.clock.getDelayedCalls() == []


def test_bestOfWhatBothHaveIsAgreedOn(leg: Any) -> None:
    found = agreements(leg)
    leg.inLogin()

    agreed, peers = found
    assert agreed == peers
    assert leg.ours.kexAlg == agreed.keyExchange == TO_CLIENTS.keyExchanges[0]
    assert leg.ours.keyAlg == agreed.hostKey == b"ssh-ed25519"
    assert agreed.cipherToServer == agreed.cipherToClient == b"aes128-gcm@openssh.com"


@pytest.mark.parametrize(("cipher", "mac"), PAIRS)
def test_everyCipherServesBothDirectionsAndAnew(leg: Any, cipher: bytes, mac: bytes) -> None:
    compatible = withLastResort(TO_CLIENTS)
    leg.ours.speakOn(evolve(leg.ours.terms, algorithms=lambda identification: compatible))
    only = {"ciphersToServer": (cipher,), "ciphersToClient": (cipher,)}
    if mac:
        only |= {"macsToServer": (mac,), "macsToClient": (mac,)}
    found = agreements(leg)
    leg.offered(lambda offer: evolve(offer, **only)).inSession()

    agreed = found[0]
    assert {agreed.cipherToServer, agreed.cipherToClient} == {cipher}
    assert {agreed.macToServer, agreed.macToClient} == {mac}
    assert talks(leg)
    for who in ("peer", "we"):
        starts(leg, who)
        leg.network.settle()
        assert talks(leg)


def test_eachDirectionHasItsOwnCipher(leg: Any) -> None:
    def change(offer: Offer) -> Offer:
        return evolve(
            offer,
            ciphersToServer=(b"aes256-ctr",),
            ciphersToClient=(b"aes256-gcm@openssh.com",),
            macsToServer=(b"hmac-sha2-512-etm@openssh.com",),
        )

    found = agreements(leg)
    leg.offered(change).inSession()

    assert talks(leg)
    agreed = found[0]
    assert (agreed.cipherToServer, agreed.macToClient) == (b"aes256-ctr", b"")


# What is not safe is not agreed on

NOT_SAFE: list[tuple[str, dict[str, bytes]]] = [
    ("key exchange", {"keyExchanges": b"diffie-hellman-group14-sha1"}),
    ("key exchange", {"keyExchanges": b"ext-info-c"}),
    ("key exchange", {"keyExchanges": b"ext-info-s"}),
    ("key exchange", {"keyExchanges": b"kex-strict-s-v00@openssh.com"}),
    ("host key algorithm", {"hostKeys": b"ssh-rsa"}),
    ("cipher", {"ciphersToServer": b"aes256-cbc"}),
    ("cipher", {"ciphersToClient": b"none"}),
    ("MAC", {"ciphersToServer": b"aes128-ctr", "macsToServer": b"hmac-sha1"}),
    ("MAC", {"ciphersToClient": b"aes128-ctr", "macsToClient": b"none"}),
    ("compression", {"compressionsToServer": b"zlib"}),
    ("compression", {"compressionsToClient": b"zlib@openssh.com"}),
]


def only(offer: Offer, names: dict[str, bytes]) -> Offer:
    """
    An offer with one name in some of its lists.
    """
    lists: Any = {name: (value,) for name, value in names.items()}
    return evolve(offer, **lists)


@pytest.mark.parametrize(("kind", "names"), NOT_SAFE)
def test_peerWithNothingSafeInCommonIsRefused(leg: Any, kind: str, names: dict[str, bytes]) -> None:
    leg.offered(lambda offer: only(offer, names)).connected().network.settle()

    (problem,) = leg.failures
    assert problem.startswith(f"no {kind} in common: the other side has ")
    assert "secured" not in leg.witness.events
    leg.over()


@pytest.mark.parametrize(("kind", "names"), NOT_SAFE)
def test_peerWithNothingSafeInCommonIsToldSo(
    leg: Any, packet: Callable[..., bytes], kind: str, names: dict[str, bytes]
) -> None:
    offer = only(Offer.of(evolve(TO_CLIENTS, hostKeys=(b"ssh-ed25519",))), names)
    peer = leg.raw(VERSION, packet(MSG_KEXINIT, offer.payload(bytes(16))))

    reason = byte(MSG_DISCONNECT) + uint32(DISCONNECT_KEY_EXCHANGE_FAILED)
    assert reason + string(leg.failures[0].encode()) in peer.heard
    assert peer.gone
    leg.over()


# Anew


@whoever
def test_keysAreExchangedAnew(leg: Any, who: str) -> None:
    leg.inSession()
    session, keys = leg.ours.sessionID, (leg.ours.incoming._cipher, leg.ours.outgoing._cipher)
    starts(leg, who)
    assert leg.ours.exchangingKeys == (who != "peer")
    leg.network.settle()

    assert leg.ours.turn is Turn.NONE
    assert leg.ours.incoming._cipher is not keys[0]
    assert leg.ours.outgoing._cipher is not keys[1]
    assert leg.ours.sessionID == leg.peer.transport.sessionID == session
    assert leg.witness.events == leg.peer.witness.events == ["secured"]
    assert talks(leg)


@whoever
def test_keysAreExchangedManyTimes(leg: Any, who: str) -> None:
    leg.inSession()
    for number in range(20):
        starts(leg, who)
        leg.peer.session.say(DATA, uint32(number))
        leg.network.settle()

    assert [payload for _, payload in leg.service.heard] == [uint32(n) for n in range(20)]


def test_loginIsRequestedOnce(leg: Any) -> None:
    leg.inSession()
    for who in ("peer", "we"):
        starts(leg, who)
        leg.network.settle()

    assert leg.failures == []
    assert leg.ours.service is leg.service
    assert leg.ours.phase is Phase.CONNECTION


def test_ownerIsToldOfEachTurn(leg: Any) -> None:
    told: list[tuple[bool, bool]] = []
    leg.inSession()
    leg.witness.keyExchanging = lambda transport: told.append(
        (transport.exchangingKeys, transport.holdsBack)
    )
    starts(leg, "peer")
    leg.network.settle()

    assert told == [(True, True), (True, True), (True, False), (False, False)]
