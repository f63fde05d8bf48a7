"""
Tests of L{bastion.algorithms}: what is offered, and in which order.
"""

from __future__ import annotations

import pytest
from attrs import asdict

from bastion.algorithms import (
    AEAD_CIPHERS,
    COMPATIBLE_TO_CLIENTS,
    COMPATIBLE_TO_HOSTS,
    HOST_KEYS,
    KNOWN_CIPHERS,
    KNOWN_HOST_KEYS,
    KNOWN_KEY_EXCHANGES,
    KNOWN_MACS,
    LAST_RESORT_CIPHERS,
    LAST_RESORT_MACS,
    TO_CLIENTS,
    TO_HOSTS,
    Algorithm,
    Algorithms,
    Use,
    hostKeysFor,
    keyFormat,
    withLastResort,
)

GOOD_CIPHERS = (
    b"aes128-gcm@openssh.com",
    b"aes256-gcm@openssh.com",
    b"aes128-ctr",
    b"aes192-ctr",
    b"aes256-ctr",
)
GOOD_MACS = (b"hmac-sha2-256-etm@openssh.com", b"hmac-sha2-512-etm@openssh.com")
KNOWN = [KNOWN_KEY_EXCHANGES, KNOWN_HOST_KEYS, KNOWN_CIPHERS, KNOWN_MACS]
EVERY_OFFER = [TO_CLIENTS, TO_HOSTS, COMPATIBLE_TO_CLIENTS, COMPATIBLE_TO_HOSTS]


def namesOf(algorithms: Algorithms) -> list[bytes]:
    """
    Everything that is offered, of all kinds.
    """
    return [name for names in asdict(algorithms).values() for name in names]


# What is safe


@pytest.mark.parametrize("offered", EVERY_OFFER)
@pytest.mark.parametrize("weak", [b"sha1", b"md5", b"-cbc", b"arcfour", b"3des", b"dss", b"zlib"])
def test_nothingBrokenIsEverOffered(weak: bytes, offered: Algorithms) -> None:
    assert [name for name in namesOf(offered) if weak in name] == []


@pytest.mark.parametrize("offered", [TO_CLIENTS, TO_HOSTS, withLastResort(TO_CLIENTS)])
def test_nothingOldIsOfferedUnasked(offered: Algorithms) -> None:
    assert [name for name in offered.keyExchanges if b"25519" not in name] == []
    assert b"ssh-rsa" not in offered.hostKeys


def test_signatureWithSha1IsForClientsOnlyAndLast() -> None:
    assert COMPATIBLE_TO_CLIENTS.hostKeys[-1] == b"ssh-rsa"
    assert b"ssh-rsa" not in COMPATIBLE_TO_HOSTS.hostKeys


# What is offered to whom


@pytest.mark.parametrize("offered", [TO_CLIENTS, TO_HOSTS])
def test_hybridKeyExchangeComesFirst(offered: Algorithms) -> None:
    assert offered.keyExchanges == (
        b"mlkem768x25519-sha256",
        b"curve25519-sha256",
        b"curve25519-sha256@libssh.org",
    )


def test_clientsAreOfferedTheBetterOnesOnly() -> None:
    assert TO_CLIENTS.ciphers == GOOD_CIPHERS
    assert TO_CLIENTS.macs == GOOD_MACS
    assert TO_CLIENTS.hostKeys == (b"ssh-ed25519", b"rsa-sha2-512", b"rsa-sha2-256")


def test_hostsAreOfferedTheLastResortBehindTheBetterOnes() -> None:
    assert TO_HOSTS.ciphers == (
        *GOOD_CIPHERS,
        b"chacha20-poly1305@openssh.com",
    )
    assert TO_HOSTS.macs == (*GOOD_MACS, b"hmac-sha2-256", b"hmac-sha2-512")


def test_lastResortIsAddedAtTheEndAndOnce() -> None:
    complete = withLastResort(TO_CLIENTS)
    assert complete.ciphers == GOOD_CIPHERS + LAST_RESORT_CIPHERS
    assert complete.macs == GOOD_MACS + LAST_RESORT_MACS
    assert complete.keyExchanges == TO_CLIENTS.keyExchanges
    assert complete.hostKeys == TO_CLIENTS.hostKeys
    assert withLastResort(complete) == complete


def test_compatibleIsEverythingThatIsKnown() -> None:
    for known, field in zip(KNOWN, asdict(TO_CLIENTS), strict=True):
        names = getattr(COMPATIBLE_TO_CLIENTS, field)
        assert names == tuple(each.name for each in known if each.toClients is not Use.NEVER)
        names = getattr(COMPATIBLE_TO_HOSTS, field)
        assert names == tuple(each.name for each in known if each.toHosts is not Use.NEVER)


@pytest.mark.parametrize(
    "client",
    [
        # PuTTY 0.67.
        Algorithms(
            (
                b"diffie-hellman-group-exchange-sha256",
                b"diffie-hellman-group-exchange-sha1",
                b"diffie-hellman-group14-sha1",
            ),
            (b"ssh-rsa", b"ssh-dss"),
            (b"aes256-ctr", b"aes256-cbc", b"3des-cbc"),
            (b"hmac-sha2-256", b"hmac-sha1"),
        ),
        # OpenSSH 7.3, its KexAlgorithms and Ciphers cut down to what is not the default here.
        Algorithms(
            (b"ecdh-sha2-nistp256", b"diffie-hellman-group14-sha1"),
            (b"ecdsa-sha2-nistp256", b"rsa-sha2-512"),
            (b"chacha20-poly1305@openssh.com",),
            (b"umac-64-etm@openssh.com", b"hmac-sha2-512"),
        ),
    ],
)
def test_compatibleIsEnoughForAProgramOfTenYearsAgo(client: Algorithms) -> None:
    for field, names in asdict(client).items():
        assert set(names) & set(getattr(COMPATIBLE_TO_CLIENTS, field))


@pytest.mark.parametrize("known", KNOWN)
def test_nothingIsKnownTwice(known: tuple[Algorithm, ...]) -> None:
    assert len({each.name for each in known}) == len(known)


def test_ciphersThatAuthenticateAreKnown() -> None:
    assert {each.name for each in KNOWN_CIPHERS} - AEAD_CIPHERS == {
        b"aes128-ctr",
        b"aes192-ctr",
        b"aes256-ctr",
    }
    assert {each.name for each in KNOWN_CIPHERS} > AEAD_CIPHERS


# Host keys


@pytest.mark.parametrize(
    ("algorithm", "format"),
    [
        (b"ssh-ed25519", b"ssh-ed25519"),
        (b"ssh-rsa", b"ssh-rsa"),
        (b"rsa-sha2-256", b"ssh-rsa"),
        (b"rsa-sha2-512", b"ssh-rsa"),
        (b"ecdsa-sha2-nistp256", b"ecdsa-sha2-nistp256"),
    ],
)
def test_signatureAlgorithmNeedsAKeyFormat(algorithm: bytes, format: bytes) -> None:
    assert keyFormat(algorithm) == format


def test_algorithmsOfKnownKeysComeFirst() -> None:
    offered = hostKeysFor(frozenset({b"ssh-rsa"}))
    assert offered[:2] == (b"rsa-sha2-512", b"rsa-sha2-256")


def test_preferenceIsKeptAmongKnownAndAmongUnknown() -> None:
    offered = hostKeysFor(frozenset({b"ecdsa-sha2-nistp521", b"ecdsa-sha2-nistp256"}))
    assert offered == (
        b"ecdsa-sha2-nistp256",
        b"ecdsa-sha2-nistp521",
        b"ssh-ed25519",
        b"ecdsa-sha2-nistp384",
        b"rsa-sha2-512",
        b"rsa-sha2-256",
    )


@pytest.mark.parametrize("known", [set(), {b"ssh-dss"}, {b"ssh-rsa", b"ssh-ed25519"}])
def test_allAreOfferedWhateverIsKnown(known: set[bytes]) -> None:
    assert sorted(hostKeysFor(frozenset(known))) == sorted(HOST_KEYS)


def test_configuredHostKeysAreOfferedAndNoOther() -> None:
    configured = (b"rsa-sha2-256", b"ssh-ed25519")
    known = frozenset({b"ssh-ed25519"})
    assert hostKeysFor(known, configured) == (b"ssh-ed25519", b"rsa-sha2-256")
    assert hostKeysFor(frozenset(), configured) == configured
