"""
The key exchange methods: Conch's, with what they lack.

In every method but one each side sends one public value, and the host signs a hash
of all that was said (RFC 4253 section 8, RFC 5656 section 4, RFC 8731, and for ML-KEM
draft-ietf-sshm-mlkem-hybrid-kex)::

    byte    30           byte    31
    string  C            string  K_S, the host key
                         string  S
                         string  signature of the hash

C and S are the public values: a C{string}, or an C{mpint}, which is laid out like one.
The other method is the group exchange (RFC 4419): the client asks for a group (34),
gets it (31) and sends its public value (32), and the answer is 33.

The mathematics are Conch's, and so are the host's messages.  Conch takes a public
value as it comes; here it is looked at first.  What may come when is enforced by
L{bastion.ssh.keyexchange}, which asks for C{methodMessage}.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from twisted.conch.ssh import _kex
from twisted.conch.ssh import transport as conch
from twisted.conch.ssh.common import MP
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from bastion.algorithms import keyFormat
from bastion.ssh import groups
from bastion.ssh.signing import isSigned
from bastion.wire import (
    DISCONNECT_KEY_EXCHANGE_FAILED,
    MSG_KEX_DH_GEX_GROUP,
    MSG_KEX_DH_GEX_INIT,
    MSG_KEX_DH_GEX_REQUEST,
    MSG_KEX_ECDH_INIT,
    MSG_KEX_ECDH_REPLY,
    Malformed,
    Reader,
    string,
)

groups.register()

_log = Logger()

#: A ciphertext of ML-KEM-768 (FIPS 203), in bytes.
_CIPHERTEXT = 1088


def _unfit() -> Malformed:
    return Malformed("a public value that is not fit for the key exchange")


def _onlyString(payload: bytes) -> bytes:
    """
    The only field of a payload.
    """
    reader = Reader(payload)
    value = reader.string()
    reader.end()
    return value


class PublicValues(conch.SSHTransportBase):
    """
    Conch's mathematics, which here do not take every value.

    @ivar fail: ends the connection; given what is wrong, and a DISCONNECT number.
    """

    fail: Callable[[str, int], None]

    def _generateECSharedSecret(self, ecPriv: Any, theirECPubBytes: bytes) -> bytes:
        """
        The shared secret of a curve.

        @raise Malformed: for what is no point of the curve, and for a point that
            leads nowhere (RFC 7748 section 6.1).
        """
        try:
            secret: bytes = super()._generateECSharedSecret(ecPriv, theirECPubBytes)
        except ValueError:
            raise _unfit() from None
        return secret

    def sendDisconnect(self, reason: int, desc: bytes | str) -> None:
        """
        Called by Conch alone, for a public value of ML-KEM that it does not take.
        """
        self.fail(str(_unfit()), reason)


class ServerMethods(PublicValues, conch.SSHServerTransport):
    """
    The host's part.
    """

    _groupSent = False

    @property
    def methodMessage(self) -> int:
        """
        The only message of the method's that the client may send next.
        """
        if not _kex.isDynamicPrimesGroup(self.kexAlg):
            return MSG_KEX_ECDH_INIT
        return MSG_KEX_DH_GEX_INIT if self._groupSent else MSG_KEX_DH_GEX_REQUEST

    def ssh_KEX_DH_GEX_REQUEST_OLD(self, packet: bytes) -> None:
        """
        Message 30::
            string  C

        The group exchange had another message of this number once (RFC 4419
        section 5); it is not taken.
        """
        if _kex.isDynamicPrimesGroup(self.kexAlg):
            raise Malformed("the old request for a group")
        public = _onlyString(packet)
        if _kex.isFixedGroup(self.kexAlg):
            groups.publicValue(public, _kex.getDHGeneratorAndPrime(self.kexAlg)[1])
        super().ssh_KEX_DH_GEX_REQUEST_OLD(packet)

    def ssh_KEX_DH_GEX_REQUEST(self, packet: bytes) -> None:
        """
        Message 34, RFC 4419 section 3::
            uint32  min, the least size of the group in bits
            uint32  n, the preferred size
            uint32  max, the largest size
        """
        reader = Reader(packet)
        sizes = reader.uint32(), reader.uint32(), reader.uint32()
        reader.end()
        self.g, self.p = groups.primeFor(*sizes)
        self.dhGexRequest = packet
        self._startEphemeralDH()
        self._groupSent = True
        self.sendPacket(MSG_KEX_DH_GEX_GROUP, MP(self.p) + MP(self.g))

    def ssh_KEX_DH_GEX_INIT(self, packet: bytes) -> None:
        """
        Message 32::
            mpint   e
        """
        self._groupSent = False
        groups.publicValue(_onlyString(packet), self.p)
        super().ssh_KEX_DH_GEX_INIT(packet)


@frozen
class _Ephemeral:
    """
    What a client has made for one key exchange.

    @ivar public: what the host is sent.
    @ivar secretWith: the shared secret, as it is hashed, of what the host sends.
    """

    public: bytes
    secretWith: Callable[[bytes], bytes]


def _hybrid() -> _Ephemeral:
    """
    ML-KEM-768 and Curve25519: whoever breaks one of them has nothing.
    """
    lattice = mlkem.MLKEM768PrivateKey.generate()
    curve = x25519.X25519PrivateKey.generate()

    def secretWith(theirs: bytes) -> bytes:
        ciphertext, point = theirs[:_CIPHERTEXT], theirs[_CIPHERTEXT:]
        try:
            first = lattice.decapsulate(ciphertext)
            second = curve.exchange(x25519.X25519PublicKey.from_public_bytes(point))
        except ValueError:
            raise _unfit() from None
        return string(sha256(first + second).digest())

    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    return _Ephemeral(public, secretWith)


class ClientMethods(PublicValues, conch.SSHClientTransport):
    """
    The client's part.

    The Deferred of C{verifyHostKey} fires for the right host key and for no other: when
    the connection was ended for another one, it need not fire at all.  Its failure, and
    whatever it raises, is taken for a mistake of ours, and ends the connection too.
    """

    #: The only message of the method's that the host may send.
    methodMessage = MSG_KEX_ECDH_REPLY

    _ephemeral: _Ephemeral | None = None

    def startMethod(self) -> None:
        """
        Send our public value.
        """
        self._ephemeral = self._newEphemeral()
        self.sendPacket(MSG_KEX_ECDH_INIT, string(self._ephemeral.public))

    def _newEphemeral(self) -> _Ephemeral:
        if _kex.isPQHybrid(self.kexAlg):
            return _hybrid()
        if _kex.isFixedGroup(self.kexAlg):
            self.g, self.p = _kex.getDHGeneratorAndPrime(self.kexAlg)
            self._startEphemeralDH()
            return _Ephemeral(
                self.dhSecretKeyPublicMP[4:],
                lambda theirs: self._finishEphemeralDH(groups.publicValue(theirs, self.p)),
            )
        private = self._generateECPrivateKey()
        return _Ephemeral(
            self._encodeECPublicKey(private.public_key()),
            lambda theirs: self._generateECSharedSecret(private, theirs),
        )

    def ssh_KEX_DH_GEX_GROUP(self, packet: bytes) -> None:
        """
        Message 31::
            string  K_S, the host key
            string  S
            string  signature of the hash

        Nothing is made of it before the host key is known to be the right one.
        """
        ephemeral, self._ephemeral = self._ephemeral, None
        if ephemeral is None:
            raise Malformed("a second reply within one key exchange")
        reader = Reader(packet)
        hostKey, theirs, signature = reader.string(), reader.string(), reader.string()
        reader.end()
        self._checkAlgorithm(hostKey, signature)
        verifying: Deferred[Any] = maybeDeferred(self.verifyHostKey, hostKey, b"")
        verifying.addCallback(lambda _: self._agree(ephemeral, hostKey, theirs, signature))
        verifying.addErrback(self._ebNothingAgreed)

    def _checkAlgorithm(self, hostKey: bytes, signature: bytes) -> None:
        """
        See that both are of the agreed one: Conch takes what a signature names, and
        whatever stands behind it.
        """
        reader = Reader(signature)
        used = Reader(hostKey).string(), reader.string()
        reader.string()
        reader.end()
        if used != (keyFormat(self.keyAlg), self.keyAlg):
            raise Malformed("the host key is not of the agreed algorithm")

    def _agree(
        self, ephemeral: _Ephemeral, hostKey: bytes, theirs: bytes, signature: bytes
    ) -> None:
        """
        The host key is the right one: see that its owner has said all this.
        """
        secret = ephemeral.secretWith(theirs)
        said = (
            self.ourVersionString,
            self.otherVersionString,
            self.ourKexInitPayload,
            self.otherKexInitPayload,
            hostKey,
            ephemeral.public,
            theirs,
        )
        hashed = _kex.getHashProcessor(self.kexAlg)(b"".join(map(string, said)) + secret).digest()
        if not isSigned(hashed, hostKey, signature):
            raise Malformed("the host's signature of the key exchange is wrong")
        self._keySetup(secret, hashed)

    def _ebNothingAgreed(self, failure: Failure) -> None:
        """
        Whatever went wrong, memory that ran out included, there is no host to go on
        with (CVE-2025-26465).
        """
        theirs = failure.check(Malformed) is not None
        problem = failure.getErrorMessage() if theirs else "the key exchange went wrong"
        self.fail(problem, DISCONNECT_KEY_EXCHANGE_FAILED)
        if not theirs:
            _log.failure("a key exchange failed for a reason of ours", failure)
