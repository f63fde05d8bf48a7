"""
Agreeing on algorithms: KEXINIT (RFC 4253 section 7.1; the markers of RFC 8308
and of OpenSSH's PROTOCOL, section 1.10) (pure).
"""

from __future__ import annotations

from functools import cached_property, lru_cache

from attrs import frozen

from bastion.algorithms import AEAD_CIPHERS, Algorithms
from bastion.ssh.remembered import REMEMBERED, remembering
from bastion.wire import (
    DISCONNECT_KEY_EXCHANGE_FAILED,
    Malformed,
    Reader,
    byte,
    nameList,
    shown,
    uint32,
)

#: What stands among the key exchanges of a KEXINIT and is none.
EXT_INFO_CLIENT = b"ext-info-c"
EXT_INFO_SERVER = b"ext-info-s"
STRICT_CLIENT = b"kex-strict-c-v00@openssh.com"
STRICT_SERVER = b"kex-strict-s-v00@openssh.com"
MARKERS = frozenset({EXT_INFO_CLIENT, EXT_INFO_SERVER, STRICT_CLIENT, STRICT_SERVER})

_COOKIE_SIZE = 16
#: Names in one list.
MAX_NAMES = 1000

_NO_COMPRESSION = (b"none",)
#: Of a list in a text, in characters.
_SHOWN_THEIRS = 120
_SHOWN_OURS = 140


class NothingInCommon(Malformed):
    """
    The two sides have no algorithm in common.  The text says of which kind, what
    either side has and what helps; it is safe to show.
    """

    reason = DISCONNECT_KEY_EXCHANGE_FAILED


@frozen
class Offer:
    """
    What a KEXINIT says, the best first; languages are passed over.

    @ivar keyExchanges: with the markers among them.
    @ivar hostKeys: signature algorithms of host keys.
    @ivar guessed: C{first_kex_packet_follows}.
    """

    keyExchanges: tuple[bytes, ...]
    hostKeys: tuple[bytes, ...]
    ciphersToServer: tuple[bytes, ...]
    ciphersToClient: tuple[bytes, ...]
    macsToServer: tuple[bytes, ...]
    macsToClient: tuple[bytes, ...]
    compressionsToServer: tuple[bytes, ...] = _NO_COMPRESSION
    compressionsToClient: tuple[bytes, ...] = _NO_COMPRESSION
    guessed: bool = False

    @staticmethod
    @lru_cache(REMEMBERED)
    def of(algorithms: Algorithms, *markers: bytes) -> Offer:
        """
        Our own.

        @param markers: what to say beside it, e.g. L{STRICT_SERVER}.
        """
        ciphers, macs = algorithms.ciphers, algorithms.macs
        return Offer(
            algorithms.keyExchanges + markers, algorithms.hostKeys, ciphers, ciphers, macs, macs
        )

    @staticmethod
    def parse(payload: bytes) -> Offer:
        """
        The peer's::

            byte[16]     cookie
            name-list    kex_algorithms
            name-list    server_host_key_algorithms
            name-list    encryption_algorithms_client_to_server
            name-list    encryption_algorithms_server_to_client
            name-list    mac_algorithms_client_to_server
            name-list    mac_algorithms_server_to_client
            name-list    compression_algorithms_client_to_server
            name-list    compression_algorithms_server_to_client
            name-list    languages_client_to_server
            name-list    languages_server_to_client
            boolean      first_kex_packet_follows
            uint32       0 (reserved for future extension)

        Nothing may come behind that, as for OpenSSH; the reserved number may be
        any.

        @param payload: without the message number.
        @raise Malformed: when it is not that, or a list has more than
            L{MAX_NAMES} names.
        """
        # A program says the same each time, the cookie aside, and so do we.
        return _parsed(payload[_COOKIE_SIZE:])

    def payload(self, cookie: bytes) -> bytes:
        """
        The message without its number; the layout is at L{parse}.

        @param cookie: 16 random bytes.
        """
        return cookie + self._said

    @cached_property
    def _said(self) -> bytes:
        lists = (
            *(self.keyExchanges, self.hostKeys),
            *(self.ciphersToServer, self.ciphersToClient),
            *(self.macsToServer, self.macsToClient),
            *(self.compressionsToServer, self.compressionsToClient),
            *((), ()),
        )
        return b"".join(map(nameList, lists)) + byte(self.guessed) + uint32(0)

    def has(self, marker: bytes) -> bool:
        """
        Whether a marker is among the key exchanges.
        """
        return marker in self.keyExchanges

    @cached_property
    def methods(self) -> tuple[bytes, ...]:
        """
        The key exchanges without the markers.
        """
        return tuple(name for name in self.keyExchanges if name not in MARKERS)


@remembering
def _parsed(said: bytes) -> Offer:
    """
    See L{Offer.parse}.

    @param said: what is behind the cookie.
    """
    reader = Reader(said)
    return Offer(
        *(_names(reader), _names(reader)),
        *(_names(reader), _names(reader)),
        *(_names(reader), _names(reader)),
        *(_names(reader), _names(reader)),
        guessed=_guessed(reader),
    )


def _names(reader: Reader) -> tuple[bytes, ...]:
    names = reader.nameList()
    if len(names) > MAX_NAMES:
        raise Malformed(f"a list of {len(names)} algorithms")
    return names


def _guessed(reader: Reader) -> bool:
    """
    Take what is behind the compressions.
    """
    _names(reader)
    _names(reader)
    guessed = reader.boolean()
    reader.uint32()
    reader.end()
    return guessed


@frozen
class Agreement:
    """
    What the two sides agree on; never any compression.

    @ivar hostKey: the signature algorithm of the host key.
    @ivar macToServer: empty when the cipher of that direction authenticates.
    @ivar guessedWrong: the peer has sent the first packet of another key exchange
        behind its KEXINIT; that packet has to be passed over.
    """

    keyExchange: bytes
    hostKey: bytes
    cipherToServer: bytes
    macToServer: bytes
    cipherToClient: bytes
    macToClient: bytes
    guessedWrong: bool


def agree(ours: Offer, theirs: Offer, isClient: bool) -> Agreement:
    """
    For each kind, the first algorithm of the client's that the server has too.

    @param isClient: whether we are the client.
    @raise NothingInCommon: when there is none.
    """

    def choose(kind: str, mine: tuple[bytes, ...], others: tuple[bytes, ...]) -> bytes:
        client, server = (mine, others) if isClient else (others, mine)
        for name in client:
            if name in server:
                return name
        raise NothingInCommon(_nothingInCommon(kind, mine, others, isClient))

    def mac(cipher: bytes, mine: tuple[bytes, ...], others: tuple[bytes, ...]) -> bytes:
        return b"" if cipher in AEAD_CIPHERS else choose("MAC", mine, others)

    keyExchange = choose("key exchange", ours.methods, theirs.methods)
    hostKey = choose("host key algorithm", ours.hostKeys, theirs.hostKeys)
    toServer = choose("cipher", ours.ciphersToServer, theirs.ciphersToServer)
    toClient = choose("cipher", ours.ciphersToClient, theirs.ciphersToClient)
    agreement = Agreement(
        keyExchange,
        hostKey,
        toServer,
        mac(toServer, ours.macsToServer, theirs.macsToServer),
        toClient,
        mac(toClient, ours.macsToClient, theirs.macsToClient),
        theirs.guessed and _guesses(ours) != _guesses(theirs),
    )
    choose("compression", ours.compressionsToServer, theirs.compressionsToServer)
    choose("compression", ours.compressionsToClient, theirs.compressionsToClient)
    return agreement


def _guesses(offer: Offer) -> tuple[bytes, bytes]:
    """
    The method and the kind of host key that a side expects (RFC 4253 section 7).
    """
    return offer.methods[0], offer.hostKeys[0]


def _nothingInCommon(
    kind: str, ours: tuple[bytes, ...], theirs: tuple[bytes, ...], isClient: bool
) -> str:
    return (
        f"no {kind} in common: the other side has {_listed(theirs, _SHOWN_THEIRS)}; "
        f"needed is one of {_listed(ours, _SHOWN_OURS)}; "
        f"change its settings, or a newer SSH {'server' if isClient else 'program'} is needed"
    )


def _listed(names: tuple[bytes, ...], limit: int) -> str:
    return shown(b", ".join(names), limit) or "none"
