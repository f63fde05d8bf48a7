"""
Tests of L{bastion.algorithms}: what is offered, and in which order.
"""

from __future__ import annotations

import pytest
from twisted.conch.ssh._kex import getSupportedKeyExchanges
from twisted.conch.ssh.transport import SSHCiphers, SSHTransportBase

from bastion import algorithms
from bastion.algorithms import HOST_KEYS, hostKeysFor, keyFormat

EVERYTHING = [
    *algorithms.SERVER_KEY_EXCHANGES,
    *algorithms.CLIENT_KEY_EXCHANGES,
    *algorithms.HOST_KEYS,
    *algorithms.CIPHERS,
    *algorithms.MACS,
]


@pytest.mark.parametrize("weak", [b"sha1", b"md5", b"-cbc", b"arcfour", b"3des", b"dss", b"group1"])
def test_nothingWeakIsOffered(weak: bytes) -> None:
    assert [name for name in EVERYTHING if weak in name] == []
    assert b"ssh-rsa" not in EVERYTHING


def test_nothingIsCompressed() -> None:
    assert algorithms.COMPRESSIONS == (b"none",)


@pytest.mark.parametrize(
    "offered",
    [
        algorithms.SERVER_KEY_EXCHANGES,
        algorithms.CLIENT_KEY_EXCHANGES,
        algorithms.HOST_KEYS,
        algorithms.CIPHERS,
        algorithms.MACS,
    ],
)
def test_nothingIsOfferedTwice(offered: tuple[bytes, ...]) -> None:
    assert len(set(offered)) == len(offered)


def test_hybridKeyExchangeIsPreferredAsAServerAndNotOfferedAsAClient() -> None:
    assert algorithms.SERVER_KEY_EXCHANGES[0] == b"mlkem768x25519-sha256"
    assert algorithms.CLIENT_KEY_EXCHANGES == algorithms.SERVER_KEY_EXCHANGES[1:]


def test_conchComputesAllOfThem() -> None:
    assert set(algorithms.SERVER_KEY_EXCHANGES) <= set(getSupportedKeyExchanges())
    assert set(algorithms.CIPHERS) <= set(SSHCiphers.cipherMap)
    assert set(algorithms.MACS) <= set(SSHCiphers.macMap)
    assert set(algorithms.HOST_KEYS) <= set(SSHTransportBase.supportedPublicKeys)


@pytest.mark.parametrize(
    ("algorithm", "format"),
    [
        (b"ssh-ed25519", b"ssh-ed25519"),
        (b"rsa-sha2-256", b"ssh-rsa"),
        (b"rsa-sha2-512", b"ssh-rsa"),
        (b"ecdsa-sha2-nistp256", b"ecdsa-sha2-nistp256"),
    ],
)
def test_signatureAlgorithmNeedsAKeyFormat(algorithm: bytes, format: bytes) -> None:
    assert keyFormat(algorithm) == format


def test_algorithmsOfKnownKeysComeFirst() -> None:
    offered = hostKeysFor({b"ssh-rsa"})
    assert offered[:2] == (b"rsa-sha2-512", b"rsa-sha2-256")


def test_preferenceIsKeptAmongKnownAndAmongUnknown() -> None:
    offered = hostKeysFor({b"ecdsa-sha2-nistp521", b"ecdsa-sha2-nistp256"})
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
    assert sorted(hostKeysFor(known)) == sorted(HOST_KEYS)
