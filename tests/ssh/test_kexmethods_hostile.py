"""
L{bastion.ssh.kexmethods}: a message that is not what it should be leads to no keys,
and to no other exception than L{Malformed}.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from twisted.conch.ssh import _kex
from twisted.conch.ssh.common import MP
from twisted.conch.ssh.keys import Key
from twisted.internet import defer

from bastion.algorithms import KNOWN_KEY_EXCHANGES
from bastion.ssh.kexmethods import ClientMethods, ServerMethods
from bastion.testing.speakers import KeyHolder
from bastion.wire import Malformed, Reader, string, uint32

KEYS = KeyHolder(Key(ed25519.Ed25519PrivateKey.generate()))

GROUP_EXCHANGE = b"diffie-hellman-group-exchange-sha256"
HYBRID = b"mlkem768x25519-sha256"
BY_SERVER = [each.name for each in KNOWN_KEY_EXCHANGES]
BY_CLIENT = [name for name in BY_SERVER if name != GROUP_EXCHANGE]
GROUPS = [name for name in BY_SERVER if name.startswith(b"diffie-hellman-")]

pytestmark = pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")


class End:
    """
    What a transport adds to the methods.
    """

    ourVersionString = otherVersionString = b"SSH-2.0-test"
    ourKexInitPayload = otherKexInitPayload = b"\x14"
    factory: Any = KEYS
    keyAlg = b"ssh-ed25519"

    def __init__(self, method: bytes) -> None:
        self.kexAlg = method
        self.sent: list[tuple[int, bytes]] = []
        self.agreed: list[tuple[bytes, bytes]] = []
        self.failed: list[tuple[str, int]] = []

    def sendPacket(self, messageNum: int, payload: bytes) -> None:
        self.sent.append((messageNum, payload))

    def _keySetup(self, sharedSecret: bytes, exchangeHash: bytes) -> None:
        self.agreed.append((sharedSecret, exchangeHash))

    def fail(self, problem: str, reason: int) -> None:
        self.failed.append((problem, reason))

    def verifyHostKey(self, hostKey: bytes, fingerprint: bytes) -> defer.Deferred[bool]:
        return defer.succeed(True)


class Client(End, ClientMethods):
    def changedReply(self, change: Callable[[list[bytes]], None]) -> None:
        """
        Hear the reply of a host, changed: key, public value, signature.
        """
        server = Server(self.kexAlg)
        self.startMethod()
        server.dispatchMessage(*self.sent.pop())
        ((number, payload),) = server.sent
        reader = Reader(payload)
        fields = [reader.string() for _ in range(3)]
        change(fields)
        self.dispatchMessage(number, b"".join(map(string, fields)))


class Server(End, ServerMethods):
    def began(self) -> Server:
        """
        At the message that bears the public value of the client.
        """
        if self.kexAlg == GROUP_EXCHANGE:
            self.dispatchMessage(34, uint32(2048) + uint32(2048) + uint32(8192))
            self.sent.clear()
        return self


def refuses(end: Any, payload: bytes) -> None:
    """
    See that a message leads nowhere, and that its bytes are told to nobody.
    """
    problem = ""
    try:
        end.dispatchMessage(end.methodMessage, payload)
    except Malformed as malformed:
        problem = str(malformed)
    else:
        ((problem, _),) = end.failed
    assert problem.isascii()
    assert len(problem) < 80
    assert end.agreed == end.sent == []


# Public values


#: RFC 7748 section 6.1: with each of these the secret is zero, whatever ours is.
LOW_ORDER = [
    *(number.to_bytes(32, "little") for number in (0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18)),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
]
LOW_ORDER += [point[:31] + bytes((point[31] | 0x80,)) for point in LOW_ORDER]
POINT = x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
CURVE_VALUES = [b"", bytes(31), bytes(33), POINT[:31], POINT + b"\0", *LOW_ORDER]
NIST_VALUES = [
    b"",
    b"\0",
    b"\2",
    b"\4",
    *(form + bytes(size) for form in (b"\4", b"\0", b"\6") for size in (64, 96, 132)),
    *(b"\4" + b"\xff" * size for size in (63, 64, 65, 96, 132)),
    b"\2" + b"\xff" * 32,
    POINT,
]


def values(method: bytes, byClient: bool) -> Iterator[bytes]:
    """
    Public values that are none.
    """
    if method in GROUPS:
        prime = Server(method).began().p if method == GROUP_EXCHANGE else _prime(method)
        for number in (0, 1, prime - 1, prime, prime + 1, prime**2):
            yield MP(number)[4:]
        yield from (b"\xff", b"\x80" + bytes(300), b"\0\2", bytes(5), b"\xff" * 30000)
    elif method.startswith(b"ecdh-"):
        yield from NIST_VALUES
    elif method == HYBRID:
        size = 1184 if byClient else 1088
        for point in CURVE_VALUES:
            yield bytes(size) + point
        yield from (b"", POINT, bytes(size), bytes(size - 1) + POINT, bytes(size + 1) + POINT)
        if byClient:
            # Coefficients that are not below 3329 (FIPS 203 section 7.2).
            yield b"\xff" * size + POINT
    else:
        yield from CURVE_VALUES


def _prime(method: bytes) -> int:
    return _kex.getDHGeneratorAndPrime(method)[1]


@pytest.mark.parametrize("method", BY_SERVER)
def test_publicValueOfAClient(method: bytes) -> None:
    for value in values(method, byClient=True):
        refuses(Server(method).began(), string(value))


@pytest.mark.parametrize("method", BY_CLIENT)
def test_publicValueOfAHost(method: bytes) -> None:
    for value in values(method, byClient=False):
        client = Client(method)

        def change(fields: list[bytes], value: bytes = value) -> None:
            fields[1] = value

        client.changedReply(change)
        assert client.agreed == client.sent == []
        ((problem, _),) = client.failed
        assert problem.startswith("a public value")


# Messages


def _valid(method: bytes) -> bytes:
    if method == GROUP_EXCHANGE:
        return string(b"\2")
    client = Client(method)
    client.startMethod()
    return client.sent[0][1]


@pytest.mark.parametrize("method", BY_SERVER)
def test_messageOfAClientIsWhole(method: bytes) -> None:
    valid = _valid(method)
    for payload in (b"", valid[:3], valid[:4], valid[:-1], valid + b"\0", b"\xff" * 4 + valid):
        refuses(Server(method).began(), payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        uint32(2048) * 2,
        uint32(2048) * 3 + b"\0",
        uint32(2048) * 4,
        uint32(1024) * 3,
        uint32(8193) * 3,
        uint32(8192) + uint32(4096) + uint32(2048),
    ],
)
def test_requestForAGroupIsWholeAndCanBeMet(payload: bytes) -> None:
    refuses(Server(GROUP_EXCHANGE), payload)


def test_oldRequestForAGroupIsRefused() -> None:
    server = Server(GROUP_EXCHANGE)
    with pytest.raises(Malformed):
        server.dispatchMessage(30, uint32(2048))
    assert server.sent == []


@pytest.mark.parametrize("method", BY_CLIENT)
def test_messageOfAHostIsWhole(method: bytes) -> None:
    server, starting = Server(method), Client(method)
    starting.startMethod()
    server.dispatchMessage(*starting.sent[0])
    valid = server.sent[0][1]
    for payload in (b"", valid[:3], valid[:-1], valid + b"\0", string(b"") * 3, bytes(4) * 2):
        client = Client(method)
        client.startMethod()
        client.sent.clear()
        refuses(client, payload)


def mangled(source: random.Random, payload: bytes) -> bytes:
    """
    Something like a message, or nothing like one; never the message itself.
    """
    made = payload
    # Random bytes are now and then those that were there.
    while made == payload:
        at, length = source.randrange(len(payload)), source.randrange(1, 40)
        made = source.choice(
            [
                source.randbytes(length),
                string(source.randbytes(length)),
                string(source.randbytes(len(payload) - 4)),
                payload[:at] + source.randbytes(length) + payload[at + length :],
                payload[:at] + payload[at + length :],
                payload[:at] + bytes((payload[at] ^ 1 << source.randrange(8),)) + payload[at + 1 :],
            ]
        )
    return made


@pytest.mark.parametrize("method", [name for name in BY_SERVER if b"group18" not in name])
def test_nothingButMalformedComesOfAnything(method: bytes) -> None:
    """
    A client may mangle its message and yet send a public value; a host cannot, for
    it has signed another one.
    """
    source = random.Random(method)
    valid = _valid(method)
    for _ in range(300):
        server = Server(method).began()
        try:
            server.dispatchMessage(server.methodMessage, mangled(source, valid))
        except Malformed:
            assert server.agreed == server.sent == []
        assert len(server.agreed) + len(server.failed) <= 1
        if method != GROUP_EXCHANGE:
            assert _failsWithMangled(Client(method), source)


def _failsWithMangled(client: Client, source: random.Random) -> bool:
    def change(fields: list[bytes]) -> None:
        at = source.randrange(3)
        fields[at] = mangled(source, fields[at])

    try:
        client.changedReply(change)
    except Malformed:
        return client.agreed == []
    return client.agreed == [] and len(client.failed) == 1
