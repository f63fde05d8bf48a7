"""
Tests of L{bastion.ssh.negotiation}: the message as it stands on the wire, and
which algorithms come out of two of them.
"""

from __future__ import annotations

from random import Random

import pytest
from attrs import evolve

from bastion.algorithms import (
    AEAD_CIPHERS,
    COMPATIBLE_TO_CLIENTS,
    TO_CLIENTS,
    TO_HOSTS,
    Algorithms,
)
from bastion.ssh.negotiation import (
    EXT_INFO_CLIENT,
    EXT_INFO_SERVER,
    MAX_NAMES,
    STRICT_CLIENT,
    STRICT_SERVER,
    Agreement,
    NothingInCommon,
    Offer,
    agree,
)
from bastion.ssh.remembered import REMEMBERED
from bastion.wire import Malformed

COOKIE = bytes(range(16))
SIMPLE = Algorithms((b"kex1", b"kex2"), (b"key1", b"key2"), (b"cipher1",), (b"mac1",))
GCM = b"aes128-gcm@openssh.com"


def offer(**lists: tuple[bytes, ...] | bool) -> Offer:
    """
    L{SIMPLE} with other lists in it.
    """
    return evolve(Offer.of(SIMPLE), **lists)  # type: ignore[arg-type]


# The message


def test_messageIsAsInTheRfc() -> None:
    """
    By hand, from RFC 4253 section 7.1.
    """
    lists = (
        *(b"\0\0\0\x14kex1,kex2,ext-info-s", b"\0\0\0\x09key1,key2"),
        *(b"\0\0\0\x07cipher1", b"\0\0\0\x07cipher1"),
        *(b"\0\0\0\x04mac1", b"\0\0\0\x04mac1"),
        *(b"\0\0\0\x04none", b"\0\0\0\x04none"),
        *(b"\0\0\0\0", b"\0\0\0\0"),
    )
    payload = COOKIE + b"".join(lists) + b"\0" + b"\0\0\0\0"
    ours = Offer.of(SIMPLE, EXT_INFO_SERVER)
    assert ours.payload(COOKIE) == payload
    assert Offer.parse(payload) == ours


def test_directionsAreKeptApart() -> None:
    both = Offer(
        *((b"kex",), (b"key",)),
        *((b"c>s",), (b"s>c",)),
        *((b"mac c>s",), (b"mac s>c",)),
        *((b"zip c>s",), (b"zip s>c",)),
        guessed=True,
    )
    assert Offer.parse(both.payload(COOKIE)) == both


def test_languagesAndTheReservedNumberArePassedOver() -> None:
    payload = Offer.of(SIMPLE).payload(COOKIE)
    head = payload.removesuffix(bytes(13))
    assert len(payload) - len(head) == 13
    parsed = Offer.parse(head + b"\0\0\0\x02en\0\0\0\x05fr,de\x01\0\0\0\x07")
    assert parsed == offer(guessed=True)


@pytest.mark.parametrize("behind", [b"\0", b"more"])
def test_nothingMayComeBehind(behind: bytes) -> None:
    with pytest.raises(Malformed, match="after the last field"):
        Offer.parse(Offer.of(SIMPLE).payload(COOKIE) + behind)


def test_messageMayEndNowhereBefore() -> None:
    payload = Offer.of(SIMPLE).payload(COOKIE)
    for end in range(len(payload)):
        with pytest.raises(Malformed):
            Offer.parse(payload[:end])


@pytest.mark.parametrize("position", range(10))
def test_namesOfEveryListAreCounted(position: int) -> None:
    def withNames(count: int) -> bytes:
        names = b",".join([b"x"] * count)
        lists = [b"\0\0\0\0"] * 10
        lists[position] = len(names).to_bytes(4, "big") + names
        return COOKIE + b"".join(lists) + bytes(5)

    Offer.parse(withNames(MAX_NAMES))
    with pytest.raises(Malformed, match="a list of 1001 algorithms"):
        Offer.parse(withNames(MAX_NAMES + 1))


def test_whatIsSaidAgainIsNotReadAgain() -> None:
    ours = Offer.of(TO_CLIENTS, STRICT_SERVER)
    said = Offer.parse(ours.payload(COOKIE))
    assert Offer.parse(ours.payload(bytes(16))) is said == ours
    other = Offer.parse(Offer.of(TO_CLIENTS).payload(COOKIE))
    assert not other.has(STRICT_SERVER)


def test_notEverythingIsRemembered() -> None:
    """
    Or a stranger who says another thing each time could fill the memory.
    """
    ours = Offer.of(TO_CLIENTS, STRICT_SERVER)
    said = Offer.parse(ours.payload(COOKIE))
    for number in range(REMEMBERED):
        Offer.parse(offer(hostKeys=(b"key%d" % number,)).payload(COOKIE))
    assert Offer.parse(ours.payload(COOKIE)) is not said


def test_damageIsMalformedAndNothingElse() -> None:
    random = Random(7)
    payload = Offer.of(COMPATIBLE_TO_CLIENTS, STRICT_SERVER).payload(COOKIE)
    ours = Offer.of(TO_CLIENTS)
    for _ in range(3000):
        damaged = bytearray(payload)
        for _ in range(random.randint(1, 4)):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        try:
            agree(ours, Offer.parse(bytes(damaged)), isClient=False)
        except Malformed as problem:
            assert str(problem).isascii()


def test_markersAreAmongTheKeyExchangesAndAreNone() -> None:
    ours = Offer.of(SIMPLE, EXT_INFO_SERVER, STRICT_SERVER)
    assert ours.keyExchanges == (b"kex1", b"kex2", EXT_INFO_SERVER, STRICT_SERVER)
    assert ours.methods == (b"kex1", b"kex2")
    assert ours.has(STRICT_SERVER)
    assert not ours.has(STRICT_CLIENT)


# The agreement


def test_clientsOrderDecides() -> None:
    ours = offer(keyExchanges=(b"kex1", b"kex2"), hostKeys=(b"key1", b"key2"))
    theirs = offer(keyExchanges=(b"other", b"kex2", b"kex1"), hostKeys=(b"key2", b"key1"))
    asServer = agree(ours, theirs, isClient=False)
    assert (asServer.keyExchange, asServer.hostKey) == (b"kex2", b"key2")
    asClient = agree(ours, theirs, isClient=True)
    assert (asClient.keyExchange, asClient.hostKey) == (b"kex1", b"key1")


def test_directionsAreAgreedOnOneByOne() -> None:
    theirs = offer(
        ciphersToServer=(b"aes256-ctr",),
        ciphersToClient=(b"aes128-ctr",),
        macsToServer=(b"hmac-sha2-512",),
        macsToClient=(b"hmac-sha2-256",),
        keyExchanges=(b"curve25519-sha256",),
        hostKeys=(b"ssh-ed25519",),
    )
    assert agree(Offer.of(TO_HOSTS), theirs, isClient=True) == Agreement(
        keyExchange=b"curve25519-sha256",
        hostKey=b"ssh-ed25519",
        cipherToServer=b"aes256-ctr",
        macToServer=b"hmac-sha2-512",
        cipherToClient=b"aes128-ctr",
        macToClient=b"hmac-sha2-256",
        guessedWrong=False,
    )


@pytest.mark.parametrize("cipher", sorted(AEAD_CIPHERS))
def test_cipherThatAuthenticatesNeedsNoMacInCommon(cipher: bytes) -> None:
    ours = Offer.of(evolve(TO_HOSTS, ciphers=(cipher,)))
    theirs = evolve(ours, macsToServer=(b"umac-64@openssh.com",), macsToClient=())
    agreement = agree(ours, theirs, isClient=False)
    assert (agreement.cipherToServer, agreement.macToServer) == (cipher, b"")
    assert (agreement.cipherToClient, agreement.macToClient) == (cipher, b"")


def test_otherDirectionStillNeedsItsMac() -> None:
    ours = Offer.of(TO_HOSTS)
    theirs = evolve(ours, ciphersToServer=(GCM,), ciphersToClient=(b"aes128-ctr",))
    agreement = agree(ours, theirs, isClient=False)
    assert agreement.macToServer == b""
    assert agreement.macToClient == b"hmac-sha2-256-etm@openssh.com"
    with pytest.raises(NothingInCommon, match="no MAC in common"):
        agree(ours, evolve(theirs, macsToClient=(b"hmac-sha1",)), isClient=False)


@pytest.mark.parametrize("marker", [EXT_INFO_CLIENT, EXT_INFO_SERVER, STRICT_CLIENT, STRICT_SERVER])
@pytest.mark.parametrize("isClient", [False, True])
def test_markerIsNeverChosen(marker: bytes, isClient: bool) -> None:
    ours = Offer.of(SIMPLE, marker)
    theirs = offer(keyExchanges=(marker, b"kex2"))
    assert agree(ours, theirs, isClient).keyExchange == b"kex2"
    with pytest.raises(NothingInCommon, match="no key exchange in common"):
        agree(ours, offer(keyExchanges=(marker,)), isClient)


# Guesses


@pytest.mark.parametrize("isClient", [False, True])
@pytest.mark.parametrize(
    ("lists", "wrong"),
    [
        ({}, False),
        ({"keyExchanges": (b"kex2", b"kex1")}, True),
        ({"hostKeys": (b"key2", b"key1")}, True),
        ({"keyExchanges": (b"kex1",), "hostKeys": (b"key1",)}, False),
        ({"keyExchanges": (EXT_INFO_CLIENT, b"kex1", STRICT_CLIENT)}, False),
        ({"ciphersToServer": (b"other", b"cipher1")}, False),
    ],
)
def test_guessIsWrongWhenTheFirstNamesDiffer(
    lists: dict[str, tuple[bytes, ...]], wrong: bool, isClient: bool
) -> None:
    ours = Offer.of(SIMPLE, STRICT_SERVER)
    assert agree(ours, offer(**lists, guessed=True), isClient).guessedWrong is wrong
    assert not agree(ours, offer(**lists), isClient).guessedWrong


# Nothing in common


def test_userOfAnOldProgramIsToldWhatHelps() -> None:
    old = evolve(TO_CLIENTS, ciphers=(b"3des-cbc", b"aes128-cbc"))
    with pytest.raises(NothingInCommon) as raised:
        agree(Offer.of(TO_CLIENTS), Offer.of(old), isClient=False)
    assert str(raised.value) == (
        "no cipher in common: the other side has 3des-cbc, aes128-cbc; needed is one of "
        "aes128-gcm@openssh.com, aes256-gcm@openssh.com, aes128-ctr, aes192-ctr, aes256-ctr; "
        "change its settings, or a newer SSH program is needed"
    )


def test_hostIsToldThatItsServerIsOld() -> None:
    with pytest.raises(NothingInCommon) as raised:
        agree(offer(), offer(hostKeys=()), isClient=True)
    assert str(raised.value) == (
        "no host key algorithm in common: the other side has none; needed is one of "
        "key1, key2; change its settings, or a newer SSH server is needed"
    )


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("keyExchanges", "key exchange"),
        ("hostKeys", "host key algorithm"),
        ("ciphersToServer", "cipher"),
        ("ciphersToClient", "cipher"),
        ("macsToServer", "MAC"),
        ("macsToClient", "MAC"),
        ("compressionsToServer", "compression"),
        ("compressionsToClient", "compression"),
    ],
)
def test_eachKindIsNeeded(field: str, kind: str) -> None:
    theirs = offer(**{field: (b"strange",)})
    with pytest.raises(NothingInCommon, match=f"no {kind} in common: the other side has strange"):
        agree(offer(), theirs, isClient=False)


def test_compressionIsNone() -> None:
    theirs = offer(compressionsToServer=(b"zlib@openssh.com", b"none"))
    agree(offer(), theirs, isClient=False)


@pytest.mark.parametrize("name", [b"\x1b[2J", b"x" * 5000, b"\xff\xfe", b"", b"\r\nok"])
def test_textIsShortAndSafeWhateverTheNames(name: bytes) -> None:
    ours = Offer.of(COMPATIBLE_TO_CLIENTS)
    with pytest.raises(NothingInCommon) as raised:
        agree(ours, evolve(ours, keyExchanges=(name,) * MAX_NAMES), isClient=False)
    text = str(raised.value)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= 400
    assert text.endswith("or a newer SSH program is needed")
