"""
Tests of L{bastion.ssh.negotiation} with what programs of today and of yesterday
offer.
"""

from __future__ import annotations

from attrs import evolve

from bastion.algorithms import TO_CLIENTS, TO_HOSTS, Algorithms, withLastResort
from bastion.ssh.negotiation import EXT_INFO_CLIENT, STRICT_CLIENT, Offer, agree

GCM = b"aes128-gcm@openssh.com"


def program(algorithms: Algorithms) -> Offer:
    """
    One that can compress, and says so.
    """
    compressions = (b"none", b"zlib@openssh.com")
    return evolve(
        Offer.of(algorithms, EXT_INFO_CLIENT, STRICT_CLIENT),
        compressionsToServer=compressions,
        compressionsToClient=compressions,
    )


ETM = b"hmac-sha2-256-etm@openssh.com"
OPENSSH_92 = program(
    Algorithms(
        (b"sntrup761x25519-sha512@openssh.com", b"curve25519-sha256"),
        (b"ssh-ed25519-cert-v01@openssh.com", b"ssh-ed25519", b"rsa-sha2-512"),
        (b"chacha20-poly1305@openssh.com", b"aes128-ctr", b"aes192-ctr", b"aes256-ctr", GCM),
        (b"umac-64-etm@openssh.com", b"hmac-sha2-256-etm@openssh.com", b"hmac-sha2-256"),
    )
)
DROPBEAR_2022 = program(
    Algorithms(
        (b"curve25519-sha256", b"kexguess2@matt.ucc.asn.au"),
        (b"ssh-ed25519", b"rsa-sha2-256"),
        (b"chacha20-poly1305@openssh.com", b"aes128-ctr", b"aes256-ctr"),
        (b"hmac-sha1", b"hmac-sha2-256"),
    )
)


def test_openSshTakesChaCha20OnlyIfItIsThere() -> None:
    agreement = agree(Offer.of(TO_CLIENTS), OPENSSH_92, isClient=False)
    assert (agreement.keyExchange, agreement.hostKey) == (b"curve25519-sha256", b"ssh-ed25519")
    assert (agreement.cipherToServer, agreement.macToServer) == (b"aes128-ctr", ETM)
    agreement = agree(Offer.of(withLastResort(TO_CLIENTS)), OPENSSH_92, isClient=False)
    assert agreement.cipherToServer == b"chacha20-poly1305@openssh.com"


def test_openSshAsAHostTakesAesGcm() -> None:
    agreement = agree(Offer.of(TO_HOSTS), OPENSSH_92, isClient=True)
    assert (agreement.cipherToServer, agreement.cipherToClient) == (GCM, GCM)


def test_dropbearTakesTheLastResort() -> None:
    asServer = agree(Offer.of(withLastResort(TO_CLIENTS)), DROPBEAR_2022, isClient=False)
    assert asServer.cipherToServer == b"chacha20-poly1305@openssh.com"
    asClient = agree(Offer.of(TO_HOSTS), DROPBEAR_2022, isClient=True)
    assert (asClient.cipherToServer, asClient.macToServer) == (b"aes128-ctr", b"hmac-sha2-256")
