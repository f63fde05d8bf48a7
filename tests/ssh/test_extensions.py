"""
L{bastion.ssh.extensions}: what the two sides tell each other, as bytes, and when.
"""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from bastion.algorithms import HOST_KEYS
from bastion.ssh.extensions import MAX_EXTENSIONS, parse, toClient, toHost
from bastion.ssh.negotiation import EXT_INFO_CLIENT, EXT_INFO_SERVER, Offer
from bastion.ssh.remembered import REMEMBERED
from bastion.wire import MSG_EXT_INFO, MSG_NEWKEYS, Malformed, string, uint32


def payload(*pairs: tuple[bytes, bytes]) -> bytes:
    """
    What tells of some extensions.
    """
    return uint32(len(pairs)) + b"".join(string(name) + string(value) for name, value in pairs)


# As bytes


@pytest.mark.parametrize(
    "pairs",
    [
        (),
        ((b"", b""),),
        ((b"server-sig-algs", b"ssh-ed25519,rsa-sha2-512"),),
        ((b"delay-compression", string(b"zlib") + string(b"none")), (b"no-flow-control", b"p")),
        tuple((uint32(number), b"\0\xff") for number in range(MAX_EXTENSIONS)),
    ],
)
def test_extensionsAreRead(pairs: tuple[tuple[bytes, bytes], ...]) -> None:
    assert parse(payload(*pairs)) == dict(pairs)


def test_lastOfTwoValuesCounts() -> None:
    assert parse(payload((b"name", b"one"), (b"name", b"two"))) == {b"name": b"two"}


def test_someOfThemAreReadOnlyOnce() -> None:
    told = parse(payload((b"name", b"value")))
    assert parse(payload((b"name", b"value"))) is told
    for number in range(REMEMBERED):
        parse(payload((b"name", b"%d" % number)))
    assert parse(payload((b"name", b"value"))) is not told
    assert parse(payload((b"name", b"value"))) == told


def test_whatIsReadOnceIsNobodysToChange() -> None:
    told: Any = parse(payload((b"name", b"value")))
    with pytest.raises(TypeError):
        told[b"name"] = b"other"


WHOLE = payload((b"name", b"value"), (b"other", b""))


@pytest.mark.parametrize("size", range(len(WHOLE)))
def test_everyTruncationIsMalformed(size: int) -> None:
    with pytest.raises(Malformed):
        parse(WHOLE[:size])


def test_whatFollowsThemIsMalformed() -> None:
    with pytest.raises(Malformed, match="1 bytes after the last field"):
        parse(WHOLE + b"\0")


@pytest.mark.parametrize("count", [MAX_EXTENSIONS + 1, 2**16, 2**32 - 1])
def test_moreThanAnybodyHasAreMalformed(count: int) -> None:
    """
    Before a single one is read (CVE-2026-55199).
    """
    with pytest.raises(Malformed, match=f"{count} extensions"):
        parse(uint32(count) + (string(b"name") + string(b"value")) * (MAX_EXTENSIONS + 1))


def test_clientIsToldOfSignaturesAndPings() -> None:
    assert toClient((b"ssh-ed25519", b"rsa-sha2-512")) == payload(
        (b"server-sig-algs", b"ssh-ed25519,rsa-sha2-512"), (b"ping@openssh.com", b"0")
    )


def test_hostIsToldThatMoreMayFollowDuringTheLogin() -> None:
    assert toHost() == payload((b"ext-info-in-auth@openssh.com", b"0"))


# When (RFC 8308 section 2.4)


def sent(leg: Any) -> list[int]:
    """
    The numbers of what will be sent.
    """
    numbers: list[int] = []
    send = leg.ours.send

    def sending(plain: bytes) -> None:
        numbers.append(plain[1])
        send(plain)

    leg.ours.send = sending
    return numbers


def test_theyAreTheFirstThatIsSentWithTheFirstKeys(leg: Any) -> None:
    numbers = sent(leg)
    leg.inLogin()

    assert numbers[numbers.index(MSG_NEWKEYS) + 1] == MSG_EXT_INFO
    told = toClient(HOST_KEYS) if leg.facesClient else toHost()
    assert leg.peer.transport.peerExtensions == parse(told)


def test_theyAreToldOnce(leg: Any) -> None:
    numbers = sent(leg)
    leg.inSession()
    for transport in (leg.ours, leg.peer.transport):
        transport.sendKexInit()
        leg.network.settle()

    assert numbers.count(MSG_NEWKEYS) == 3
    assert numbers.count(MSG_EXT_INFO) == 1


def test_peerThatDoesNotAskIsNotTold(leg: Any) -> None:
    def change(offer: Offer) -> Offer:
        markers = {EXT_INFO_CLIENT, EXT_INFO_SERVER}
        names = tuple(name for name in offer.keyExchanges if name not in markers)
        return evolve(offer, keyExchanges=names)

    numbers = sent(leg)
    leg.offered(change).inLogin()

    assert MSG_EXT_INFO not in numbers
    assert leg.failures == []


def test_whatThePeerTellsIsKnown(leg: Any) -> None:
    leg.beforeService().hears(MSG_EXT_INFO, payload((b"name", b"value")))

    assert leg.ours.peerExtensions == {b"name": b"value"}


def test_hostMayTellMoreDuringTheLogin(towardHost: Any) -> None:
    towardHost.inLogin().hears(MSG_EXT_INFO, payload((b"server-sig-algs", b"ssh-ed25519")))

    assert towardHost.ours.peerExtensions == {b"server-sig-algs": b"ssh-ed25519"}
    assert towardHost.failures == []
