"""
L{bastion.ssh.keyexchange}: a peer may guess at the method, and send its first
packet behind its KEXINIT (RFC 4253 section 7).
"""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from bastion.ssh.negotiation import MARKERS, Offer
from bastion.ssh.phases import KEX_METHOD, Phase
from bastion.wire import MSG_KEXINIT, MSG_NEWKEYS, string

GUESSED = b"curve25519-sha256"
#: The first packet of a method, of one that we do not have, and of neither.
FIRST_PACKETS = [30, 31, 34, 49]
later = pytest.mark.parametrize("later", [False, True], ids=["first", "later"])


def guessing(leg: Any, *keyExchanges: bytes, hostKey: bytes = b"") -> Any:
    """
    With a peer that guesses that the first of its methods is what both take.
    """

    def change(offer: Offer) -> Offer:
        markers = tuple(name for name in offer.keyExchanges if name in MARKERS)
        names = (*(keyExchanges or offer.methods), *markers)
        hostKeys = (hostKey, *offer.hostKeys) if hostKey else offer.hostKeys
        return evolve(offer, keyExchanges=names, hostKeys=hostKeys, guessed=True)

    return leg.offered(change)


def exchanged(leg: Any, later: bool) -> Any:
    """
    One key exchange later.
    """
    if later:
        leg.peer.transport.sendKexInit()
    else:
        leg.connected()
    leg.network.settle()
    return leg


def begun(leg: Any, later: bool) -> Any:
    """
    At the beginning, or when the first key exchange is done.
    """
    return leg.inSession() if later else leg.met()


def succeeded(leg: Any, later: bool) -> bool:
    """
    Whether a key exchange has ended as it should.
    """
    phase = Phase.CONNECTION if later else Phase.LOGIN
    ended = leg.ours.phase is phase and not leg.ours.exchangingKeys
    return ended and leg.failures == [] and leg.peer.witness.events == ["secured"]


# A wrong guess is passed over


@later
@pytest.mark.parametrize("number", FIRST_PACKETS)
@pytest.mark.parametrize("payload", [b"", b"x", string(bytes(32))])
def test_wrongGuessIsPassedOver(leg: Any, later: bool, number: int, payload: bytes) -> None:
    guessing(begun(leg, later), GUESSED).hearsBefore(KEX_METHOD, number, payload)

    assert succeeded(exchanged(leg, later), later)


def test_guessAtTheHostKeyMayBeWrongToo(leg: Any) -> None:
    guessing(leg, hostKey=b"ssh-dss").hearsBefore(KEX_METHOD, 30, b"x")

    assert succeeded(exchanged(leg, False), False)


@later
def test_onlyOneGuessIsPassedOver(leg: Any, later: bool) -> None:
    guessing(begun(leg, later), GUESSED)
    leg.hearsBefore(KEX_METHOD, 30, b"x").hearsBefore(KEX_METHOD, 34, b"x")
    exchanged(leg, later)

    assert leg.failures == ["message 34 outside of its key exchange"]
    leg.over()


@later
@pytest.mark.parametrize("number", [MSG_NEWKEYS, MSG_KEXINIT, 94])
def test_onlyAMessageOfAMethodIsAGuess(leg: Any, later: bool, number: int) -> None:
    guessing(begun(leg, later), GUESSED).hearsBefore(KEX_METHOD, number, b"x")
    exchanged(leg, later)

    assert len(leg.failures) == 1
    leg.over()


def test_wrongGuessCountsForItsOwnKeyExchangeOnly(leg: Any) -> None:
    """
    Whoever says that a packet follows, and sends none, has nothing to expect.
    """
    guessing(leg.inSession(), GUESSED).hearsBefore(KEX_METHOD, 30, b"x")
    assert succeeded(exchanged(leg, True), True)

    leg.hears(34, b"x")

    assert leg.failures == ["message 34 outside of its key exchange"]


def test_nothingIsPassedOverUnlessItIsSaidToFollow(leg: Any) -> None:
    leg.offered(lambda offer: evolve(offer, keyExchanges=(GUESSED, *offer.keyExchanges)))
    leg.hearsBefore(KEX_METHOD, 34, b"x")
    exchanged(leg, False)

    assert leg.failures == ["message 34 outside of its key exchange"]
    leg.over()


# A right one is not


@later
def test_rightGuessOfAClientIsTaken(towardClient: Any, later: bool) -> None:
    leg = guessing(begun(towardClient, later))
    client = leg.peer.transport
    send, start = client.sendKexInit, client.startMethod

    def sendKexInit() -> None:
        send()
        client.kexAlg = client._ours.methods[0]
        start()

    client.sendKexInit, client.startMethod = sendKexInit, lambda: None

    assert succeeded(exchanged(leg, later), later)


@later
def test_answerOfAHostThatHasGuessedRightIsTaken(towardHost: Any, later: bool) -> None:
    leg = guessing(begun(towardHost, later))

    assert succeeded(exchanged(leg, later), later)


@later
def test_rightGuessThatIsDamagedIsNotPassedOver(leg: Any, later: bool) -> None:
    first = 30 if leg.facesClient else 31
    guessing(begun(leg, later)).hearsBefore(KEX_METHOD, first, b"x")
    exchanged(leg, later)

    assert len(leg.failures) == 1
    leg.over()
