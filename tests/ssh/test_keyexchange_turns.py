"""
L{bastion.ssh.keyexchange}: keys are exchanged at the beginning and anew, each
message in its turn, and in time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.ssh.keyexchange import HANDSHAKE_TIME, REKEY_TIME
from bastion.ssh.phases import Phase
from bastion.wire import string, uint32

VERSION = b"SSH-2.0-test\r\n"
KEXINIT, NEWKEYS, DATA = 20, 21, 94


def starts(leg: Any, who: str) -> None:
    """
    Start a key exchange.
    """
    if who in ("peer", "both"):
        leg.peer.transport.sendKexInit()
    if who in ("we", "both"):
        leg.ours.sendKexInit()


def begun(leg: Any) -> Any:
    """
    The peer has started a key exchange, and does not go on.
    """
    leg.peer.transport.sendKexInit()
    leg.peer.transport.transport.step()
    leg.ours.transport._outgoing.clear()
    assert leg.ours.exchangingKeys
    return leg


def kexinit(leg: Any) -> bytes:
    """
    The payload of a KEXINIT that has something in common with us.
    """
    peer: bytes = leg.peer.transport.ourKexInitPayload
    return peer[1:]


# The first one


def test_keysAreExchanged(leg: Any) -> None:
    leg.inLogin()

    assert leg.ours.phase is Phase.LOGIN
    assert leg.witness.events == ["secured"]
    assert leg.ours.isEncrypted("both") and leg.ours.isVerified("both")
    assert leg.ours.sessionID == leg.peer.transport.sessionID
    assert leg.clock.getDelayedCalls() == []


def test_onlyWhatIsSafeIsAgreedOn(leg: Any) -> None:
    leg.inLogin()

    used = leg.ours.currentEncryptions
    assert {used.outCipType, used.inCipType} == {b"aes128-ctr"}
    assert {used.outMACType, used.inMACType} == {b"hmac-sha2-256"}
    assert leg.ours.outgoingCompression is leg.ours.incomingCompression is None
    assert leg.ours.kexAlg == b"curve25519-sha256"


@pytest.mark.parametrize(
    ("attribute", "name"),
    [
        ("supportedKeyExchanges", b"diffie-hellman-group14-sha1"),
        ("supportedKeyExchanges", b"ext-info-c"),
        ("supportedKeyExchanges", b"ext-info-s"),
        ("supportedPublicKeys", b"ssh-rsa"),
        ("supportedCiphers", b"aes256-cbc"),
        ("supportedCiphers", b"none"),
        ("supportedMACs", b"hmac-sha1"),
        ("supportedMACs", b"none"),
        ("supportedCompressions", b"zlib"),
        ("supportedCompressions", b"zlib@openssh.com"),
    ],
)
def test_peerWithNothingSafeInCommonIsToldSo(leg: Any, attribute: str, name: bytes) -> None:
    leg.connected()
    setattr(leg.peer.transport, attribute, [name])
    leg.network.settle()

    assert leg.failures == ["no algorithms in common; a newer SSH program is needed"]
    assert (
        "disconnected",
        3,
        b"no algorithms in common; a newer SSH program is needed",
    ) in leg.peer.witness.events or (
        "failed",
        "no algorithms in common; a newer SSH program is needed",
    ) in leg.peer.witness.events
    leg.over()


@pytest.mark.parametrize("said", [b"", VERSION[:5], VERSION, VERSION + b"\0\0\0"])
def test_handshakeHasItsTime(leg: Any, said: bytes) -> None:
    peer = leg.raw(said)
    leg.network.advance(HANDSHAKE_TIME - 0.2)
    assert leg.witness.events == []

    leg.network.advance(0.3)

    assert leg.failures == ["the key exchange took too long"]
    assert peer.gone
    leg.over()


def test_handshakeOfAPeerThatTalksAllTheTimeHasItsTimeToo(
    leg: Any, packet: Callable[..., bytes]
) -> None:
    peer = leg.raw(VERSION)
    for _ in range(int(HANDSHAKE_TIME * 10) + 1):
        peer.transport.write(packet(2, string(b"ignore me")))
        leg.network.advance(0.1)

    assert leg.failures == ["the key exchange took too long"]


# Turns


@pytest.mark.parametrize("number", [NEWKEYS, *range(30, 50)])
def test_messageOfAKeyExchangeBeforeItsBeginningEndsTheConnection(
    leg: Any, packet: Callable[..., bytes], number: int
) -> None:
    leg.raw(VERSION, packet(number, string(bytes(32))))

    assert leg.failures == [f"message {number} outside of its key exchange"]
    leg.over()


def test_newKeysBeforeTheyAreComputedEndTheConnection(leg: Any) -> None:
    begun(leg.inSession()).hears(NEWKEYS)

    assert leg.failures == ["message 21 outside of its key exchange"]
    leg.over()


def test_secondKexinitEndsTheConnection(leg: Any) -> None:
    begun(leg.inSession())
    leg.hears(KEXINIT, kexinit(leg))

    assert leg.failures == ["a second KEXINIT within one key exchange"]
    leg.over()


def test_newKeysWithAPayloadEndTheConnection(leg: Any) -> None:
    leg.connected()
    send = leg.peer.transport.sendPacket

    def sendPacket(number: int, payload: bytes) -> None:
        send(number, b"x" if number == NEWKEYS else payload)

    leg.peer.transport.sendPacket = sendPacket
    leg.network.settle()

    assert leg.failures == ["NEWKEYS takes no data"]
    assert "secured" not in leg.witness.events


@pytest.mark.parametrize("number", range(30, 50))
def test_messageThatTheMethodDoesNotKnowReachesNoService(leg: Any, number: int) -> None:
    begun(leg.inSession())
    leg.hears(number, b"\0\0\0\4payl")

    assert list(leg.service.heard) == []


@pytest.mark.parametrize("number", [80, DATA, 100, 127])
def test_peerSaysNothingElseWhileItExchangesKeys(leg: Any, number: int) -> None:
    """
    RFC 4253 section 7.1.  Such a peer is never stopped, so it could fill the
    memory of the bastion.
    """
    begun(leg.inSession())
    leg.hears(number, b"payload")

    assert list(leg.service.heard) == []
    assert len(leg.failures) == 1


# Anew


@pytest.mark.parametrize("who", ["peer", "we", "both"])
def test_keysAreExchangedAnew(leg: Any, who: str) -> None:
    leg.inSession()
    session, keys = leg.ours.sessionID, leg.ours.currentEncryptions
    starts(leg, who)
    leg.network.settle()

    assert not leg.ours.exchangingKeys
    assert leg.ours.currentEncryptions is not keys
    assert leg.ours.sessionID == session
    assert leg.witness.events == ["secured"]
    assert leg.clock.getDelayedCalls() == []


@pytest.mark.parametrize("who", ["peer", "we", "both"])
def test_whatIsSentMeanwhileArrivesBehindIt(leg: Any, who: str) -> None:
    leg.inSession()
    messages = [(DATA, uint32(number)) for number in range(10)]
    starts(leg, who)
    for number, payload in messages:
        leg.service.say(number, payload)
        leg.peer.session.say(number, payload)
    leg.network.settle()

    assert list(leg.service.heard) == messages
    assert list(leg.peer.session.heard) == messages
    assert leg.failures == []


@pytest.mark.parametrize("who", ["peer", "we", "both"])
def test_keysAreExchangedManyTimes(leg: Any, who: str) -> None:
    leg.inSession()
    for number in range(20):
        starts(leg, who)
        leg.peer.session.say(DATA, uint32(number))
        leg.network.settle()

    assert [payload for _, payload in leg.service.heard] == [uint32(n) for n in range(20)]


def test_loginIsRequestedOnce(leg: Any) -> None:
    leg.inLogin()
    for who in ("peer", "we"):
        starts(leg, who)
        leg.network.settle()

    assert leg.failures == []
    assert leg.ours.service is leg.service
    assert leg.ours.phase is Phase.LOGIN


def test_ownerIsToldWhenAKeyExchangeBeginsAndEnds(leg: Any) -> None:
    told: list[bool] = []
    leg.witness.keyExchanging = lambda transport: told.append(transport.exchangingKeys)
    leg.inSession()
    starts(leg, "peer")
    leg.network.settle()

    assert told == [True, False, True, False]


@pytest.mark.parametrize("who", ["peer", "we"])
def test_laterKeyExchangeHasItsTime(leg: Any, who: str) -> None:
    leg.inSession()
    leg.peer.transport.transport.pauseProducing()
    starts(leg, who)
    leg.network.advance(REKEY_TIME - 0.2)
    assert leg.failures == []

    leg.network.advance(0.3)
    assert leg.failures == ["the key exchange took too long"]
    leg.peer.transport.transport.resumeProducing()
    leg.network.settle()
    leg.over()
