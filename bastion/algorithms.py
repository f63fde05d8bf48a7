"""
The algorithms that the bastion speaks, by name, in order of preference.

Only those that are safe today and that Conch's key exchange can compute: no
SHA-1, no CBC, no compression (an unbounded inflate before login is a way to
fill memory).
"""

from __future__ import annotations

# Conch computes the hybrid exchange for servers only.
SERVER_KEY_EXCHANGES = (
    b"mlkem768x25519-sha256",
    b"curve25519-sha256",
    b"curve25519-sha256@libssh.org",
)
CLIENT_KEY_EXCHANGES = (
    b"curve25519-sha256",
    b"curve25519-sha256@libssh.org",
)

#: Signature algorithms of host keys, as a host may be asked to prove its key.
HOST_KEYS = (
    b"ssh-ed25519",
    b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521",
    b"rsa-sha2-512",
    b"rsa-sha2-256",
)

CIPHERS = (b"aes128-ctr", b"aes192-ctr", b"aes256-ctr")
MACS = (b"hmac-sha2-256", b"hmac-sha2-512")
COMPRESSIONS = (b"none",)


def keyFormat(signatureAlgorithm: bytes) -> bytes:
    """
    The key format that a signature algorithm needs: RSA keys have one format
    and several algorithms (RFC 8332).
    """
    return b"ssh-rsa" if signatureAlgorithm.startswith(b"rsa-sha2-") else signatureAlgorithm


def hostKeysFor(known: set[bytes]) -> tuple[bytes, ...]:
    """
    The host key algorithms to offer to a host, those of its known keys first.

    A key of a type that is not known can only be refused, so the others are
    offered last: they serve to learn the fingerprint for the log.

    @param known: the key formats that known_hosts has for the host.
    """
    return tuple(sorted(HOST_KEYS, key=lambda name: keyFormat(name) not in known))
