"""
The algorithms that the bastion speaks, by name, in order of preference (pure).

Safe ones by default: no SHA-1, no CBC, no compression (an unbounded inflate
before login is a way to fill memory).  Whoever has to serve older programs asks
for more, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum
from functools import lru_cache

from attrs import evolve, frozen


class Use(Enum):
    """
    When an algorithm is offered.

    @cvar DEFAULT: always.
    @cvar LAST_RESORT: to a program that may have nothing better.
    @cvar ON_REQUEST: when the configuration asks for it.
    @cvar NEVER: not on this leg.
    """

    DEFAULT = "default"
    LAST_RESORT = "last resort"
    ON_REQUEST = "on request"
    NEVER = "never"


@frozen
class Algorithm:
    """
    One algorithm.

    @ivar name: as in a KEXINIT.
    @ivar toClients: when it is offered to a client.
    @ivar toHosts: when it is offered to a host.
    """

    name: bytes
    toClients: Use = Use.DEFAULT
    toHosts: Use = Use.DEFAULT


_LAST_RESORT = (Use.LAST_RESORT, Use.LAST_RESORT)
_ON_REQUEST = (Use.ON_REQUEST, Use.ON_REQUEST)

#: Every key exchange that is known, the best first.
KNOWN_KEY_EXCHANGES = (
    Algorithm(b"mlkem768x25519-sha256"),
    Algorithm(b"curve25519-sha256"),
    Algorithm(b"curve25519-sha256@libssh.org"),
    Algorithm(b"ecdh-sha2-nistp256", *_ON_REQUEST),
    Algorithm(b"ecdh-sha2-nistp384", *_ON_REQUEST),
    Algorithm(b"ecdh-sha2-nistp521", *_ON_REQUEST),
    Algorithm(b"diffie-hellman-group16-sha512", *_ON_REQUEST),
    Algorithm(b"diffie-hellman-group18-sha512", *_ON_REQUEST),
    Algorithm(b"diffie-hellman-group14-sha256", *_ON_REQUEST),
    # All that PuTTY 0.67 has without SHA-1.  Toward hosts it would be the host that
    # chooses the group, and every host has another one.
    Algorithm(b"diffie-hellman-group-exchange-sha256", Use.ON_REQUEST, Use.NEVER),
)

#: Every signature algorithm of host keys that is known, the best first.
KNOWN_HOST_KEYS = (
    Algorithm(b"ssh-ed25519"),
    # The bastion has such a key only if the operator makes it one.
    Algorithm(b"ecdsa-sha2-nistp256", Use.ON_REQUEST, Use.DEFAULT),
    Algorithm(b"ecdsa-sha2-nistp384", Use.ON_REQUEST, Use.DEFAULT),
    Algorithm(b"ecdsa-sha2-nistp521", Use.ON_REQUEST, Use.DEFAULT),
    Algorithm(b"rsa-sha2-512"),
    Algorithm(b"rsa-sha2-256"),
    # With SHA-1; PuTTY 0.67 cannot do better.
    Algorithm(b"ssh-rsa", Use.ON_REQUEST, Use.NEVER),
)

#: Every cipher that is known, the best first.
KNOWN_CIPHERS = (
    Algorithm(b"aes128-gcm@openssh.com"),
    Algorithm(b"aes256-gcm@openssh.com"),
    Algorithm(b"aes128-ctr"),
    Algorithm(b"aes192-ctr"),
    Algorithm(b"aes256-ctr"),
    # As safe, but two to three times the work of AES-GCM; and of what both have the client's
    # order decides, which OpenSSH begins with it.
    Algorithm(b"chacha20-poly1305@openssh.com", *_LAST_RESORT),
)

#: Every MAC that is known, the best first.
KNOWN_MACS = (
    Algorithm(b"hmac-sha2-256-etm@openssh.com"),
    Algorithm(b"hmac-sha2-512-etm@openssh.com"),
    # Encrypt-and-MAC.  Dropbear, older libssh2 and older programs in Java and .NET
    # have no other.
    Algorithm(b"hmac-sha2-256", *_LAST_RESORT),
    Algorithm(b"hmac-sha2-512", *_LAST_RESORT),
)

#: Ciphers that authenticate too; no MAC is agreed on beside them.
AEAD_CIPHERS = frozenset(
    {b"aes128-gcm@openssh.com", b"aes256-gcm@openssh.com", b"chacha20-poly1305@openssh.com"}
)


@frozen
class Algorithms:
    """
    What one side offers, the best first.

    @ivar hostKeys: signature algorithms of host keys.
    """

    keyExchanges: tuple[bytes, ...]
    hostKeys: tuple[bytes, ...]
    ciphers: tuple[bytes, ...]
    macs: tuple[bytes, ...]

    def withHostKeys(self, hostKeys: tuple[bytes, ...]) -> Algorithms:
        """
        The same with other signature algorithms of host keys.
        """
        return Algorithms(self.keyExchanges, hostKeys, self.ciphers, self.macs)


def _used(use: Callable[[Algorithm], Use], uses: Collection[Use]) -> Algorithms:
    """
    Those of the known algorithms whose use is one of C{uses}.
    """

    def names(known: tuple[Algorithm, ...]) -> tuple[bytes, ...]:
        return tuple(each.name for each in known if use(each) in uses)

    return Algorithms(
        names(KNOWN_KEY_EXCHANGES),
        names(KNOWN_HOST_KEYS),
        names(KNOWN_CIPHERS),
        names(KNOWN_MACS),
    )


def _toClients(algorithm: Algorithm) -> Use:
    return algorithm.toClients


def _toHosts(algorithm: Algorithm) -> Use:
    return algorithm.toHosts


_COMPATIBLE = {Use.DEFAULT, Use.LAST_RESORT, Use.ON_REQUEST}

#: For a client that is known to have the better ones; for others, L{withLastResort}.
TO_CLIENTS = _used(_toClients, {Use.DEFAULT})
#: A host gets the last resort always: the order of the client decides, and that is ours.
TO_HOSTS = _used(_toHosts, {Use.DEFAULT, Use.LAST_RESORT})
#: Everything there is: what a program of ten years ago needs (PuTTY 0.67, OpenSSH 7.3).
COMPATIBLE_TO_CLIENTS = _used(_toClients, _COMPATIBLE)
COMPATIBLE_TO_HOSTS = _used(_toHosts, _COMPATIBLE)

_LAST = _used(_toClients, {Use.LAST_RESORT})
LAST_RESORT_CIPHERS = _LAST.ciphers
LAST_RESORT_MACS = _LAST.macs

#: Signature algorithms of host keys, as a host may be asked to prove its key.
HOST_KEYS = TO_HOSTS.hostKeys


def withLastResort(algorithms: Algorithms) -> Algorithms:
    """
    The same and, behind them, what a program needs that has nothing better.
    """
    return evolve(
        algorithms,
        ciphers=_joined(algorithms.ciphers, LAST_RESORT_CIPHERS),
        macs=_joined(algorithms.macs, LAST_RESORT_MACS),
    )


def _joined(first: tuple[bytes, ...], last: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return first + tuple(name for name in last if name not in first)


def keyFormat(signatureAlgorithm: bytes) -> bytes:
    """
    The key format that a signature algorithm needs: RSA keys have one format
    and several algorithms (RFC 8332).
    """
    return b"ssh-rsa" if signatureAlgorithm.startswith(b"rsa-sha2-") else signatureAlgorithm


@lru_cache
def hostKeysFor(
    known: frozenset[bytes], offered: tuple[bytes, ...] = HOST_KEYS
) -> tuple[bytes, ...]:
    """
    The host key algorithms to offer to a host, those of its known keys first.

    A key of a type that is not known can only be refused, so the others are
    offered last: they serve to learn the fingerprint for the log.

    @param known: the key formats that known_hosts has for the host.
    @param offered: the algorithms, the best first.
    """
    return tuple(sorted(offered, key=lambda name: keyFormat(name) not in known))
