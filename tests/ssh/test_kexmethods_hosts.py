"""
L{bastion.ssh.kexmethods}: no keys are agreed on with a host that is not who it should
be, or that has not said what was heard.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from twisted.conch.ssh.keys import Key
from twisted.internet import defer
from twisted.logger import LogEvent

from bastion.algorithms import KNOWN_KEY_EXCHANGES, Use
from bastion.interfaces import HostUnavailable
from bastion.ssh.kexmethods import ClientMethods, ServerMethods
from bastion.testing.speakers import KeyHolder
from bastion.wire import DISCONNECT_KEY_EXCHANGE_FAILED, Malformed, Reader, string

KEYS = KeyHolder(
    Key(ed25519.Ed25519PrivateKey.generate()),
    Key(ec.generate_private_key(ec.SECP384R1())),
    Key(rsa.generate_private_key(65537, 2048)),
)
METHODS = [each.name for each in KNOWN_KEY_EXCHANGES if each.toHosts is not Use.NEVER]
CURVE = b"curve25519-sha256"

UNSIGNED = [("the host's signature of the key exchange is wrong", DISCONNECT_KEY_EXCHANGE_FAILED)]
WRONG = [("the key exchange went wrong", DISCONNECT_KEY_EXCHANGE_FAILED)]

pytestmark = pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")


class End:
    """
    What a transport adds to the methods.
    """

    ourVersionString = otherVersionString = b"SSH-2.0-test"
    ourKexInitPayload = otherKexInitPayload = b"\x14"
    factory: Any = KEYS

    def __init__(self, method: bytes = CURVE, hostKey: bytes = b"ssh-ed25519") -> None:
        self.kexAlg, self.keyAlg = method, hostKey
        self.sent: list[tuple[int, bytes]] = []
        self.agreed: list[tuple[bytes, bytes]] = []
        self.failed: list[tuple[str, int]] = []

    def sendPacket(self, messageNum: int, payload: bytes) -> None:
        self.sent.append((messageNum, payload))

    def _keySetup(self, sharedSecret: bytes, exchangeHash: bytes) -> None:
        self.agreed.append((sharedSecret, exchangeHash))

    def fail(self, problem: str, reason: int) -> None:
        self.failed.append((problem, reason))


class Server(End, ServerMethods):
    pass


class Client(End, ClientMethods):
    def __init__(self, method: bytes = CURVE, hostKey: bytes = b"ssh-ed25519") -> None:
        super().__init__(method, hostKey)
        self.asked: list[bytes] = []
        self.verdict: Callable[[], defer.Deferred[bool]] = lambda: defer.succeed(True)

    def verifyHostKey(self, hostKey: bytes, fingerprint: bytes) -> defer.Deferred[bool]:
        self.asked.append(hostKey)
        return self.verdict()


def nothing(fields: list[bytes]) -> None:
    """
    Leave a reply as it is.
    """


def hear(client: Client, server: Server, change: Callable[[list[bytes]], None] = nothing) -> None:
    """
    Let a client hear the reply of a host, changed: key, public value, signature.
    """
    client.startMethod()
    server.dispatchMessage(*client.sent.pop())
    ((number, payload),) = server.sent
    reader = Reader(payload)
    fields = [reader.string() for _ in range(3)]
    change(fields)
    client.dispatchMessage(number, b"".join(map(string, fields)))


# What the host has signed


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "said",
    ["ourVersionString", "otherVersionString", "ourKexInitPayload", "otherKexInitPayload"],
)
def test_whatWasChangedOnTheWayIsNotSigned(method: bytes, said: str) -> None:
    client, server = Client(method), Server(method)
    setattr(client, said, getattr(client, said) + b"x")
    hear(client, server)

    assert client.failed == UNSIGNED
    assert client.agreed == []
    assert len(server.agreed) == 1


@pytest.mark.parametrize("method", METHODS)
def test_publicValueOfSomebodyElseIsNotSigned(method: bytes) -> None:
    other, elsewhere = Client(method), Server(method)
    other.startMethod()
    elsewhere.dispatchMessage(*other.sent[0])
    reader = Reader(elsewhere.sent[0][1])
    reader.string()
    value = reader.string()

    def change(fields: list[bytes]) -> None:
        fields[1] = value

    client = Client(method)
    hear(client, Server(method), change)
    assert client.failed == UNSIGNED
    assert client.agreed == []


@pytest.mark.parametrize("algorithm", [b"ssh-ed25519", b"ecdsa-sha2-nistp384", b"rsa-sha2-256"])
@pytest.mark.parametrize(
    "forged",
    [b"", b"\0", bytes(64), bytes(3), b"\xff" * 64, string(b"\1") * 2, string(b"") * 2, bytes(256)],
)
def test_forgedSignatureIsWrong(algorithm: bytes, forged: bytes) -> None:
    def change(fields: list[bytes]) -> None:
        fields[2] = string(algorithm) + string(forged)

    client = Client(CURVE, algorithm)
    hear(client, Server(CURVE, algorithm), change)
    assert client.failed == UNSIGNED
    assert client.agreed == []


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33), string(bytes(31)), b"\xff" * 8])
def test_keyThatIsNoneSignsNothing(key: bytes) -> None:
    """
    Even if somebody should know it.
    """

    def change(fields: list[bytes]) -> None:
        fields[0] = string(b"ssh-ed25519") + key

    client = Client()
    hear(client, Server(), change)
    assert client.failed == UNSIGNED


def test_signatureEndsWithItself() -> None:
    def change(fields: list[bytes]) -> None:
        fields[2] += b"\0"

    client = Client()
    with pytest.raises(Malformed):
        hear(client, Server(), change)


@pytest.mark.parametrize(
    ("agreed", "used"),
    [
        (b"ssh-ed25519", b"ecdsa-sha2-nistp384"),
        (b"rsa-sha2-512", b"rsa-sha2-256"),
        (b"rsa-sha2-256", b"ssh-rsa"),
        (b"ssh-ed25519", b"rsa-sha2-512"),
    ],
)
def test_keyOrSignatureOfAnotherAlgorithmIsRefused(agreed: bytes, used: bytes) -> None:
    client = Client(CURVE, agreed)
    with pytest.raises(Malformed):
        hear(client, Server(CURVE, used))
    assert client.asked == client.agreed == []


# Whether it is the right host


def test_hostKeyIsLookedAtFirst() -> None:
    client, server = Client(), Server()
    verdict: defer.Deferred[bool] = defer.Deferred()
    client.verdict = lambda: verdict

    def change(fields: list[bytes]) -> None:
        fields[1] = b"no public value"

    hear(client, server, change)
    assert client.asked == [KEYS.publicKeys[b"ssh-ed25519"].blob()]
    assert client.agreed == client.failed == []

    verdict.callback(True)
    ((problem, _),) = client.failed
    assert problem.startswith("a public value")


def test_oneReplyIsEnough() -> None:
    """
    Even while somebody still thinks about the host key.
    """
    client, server = Client(), Server()
    verdict: defer.Deferred[bool] = defer.Deferred()
    client.verdict = lambda: verdict
    hear(client, server)
    with pytest.raises(Malformed):
        client.dispatchMessage(*server.sent[0])
    assert client.agreed == []

    verdict.callback(True)
    assert client.agreed == server.agreed
    assert len(client.asked) == 1


def errors(logged: list[LogEvent]) -> list[type[BaseException]]:
    """
    The errors that were logged; it is known now that they were.
    """
    found = [event["log_failure"].type for event in logged if "log_failure" in event]
    logged.clear()
    return found


@pytest.mark.parametrize("error", [MemoryError, HostUnavailable, ValueError, KeyError])
def test_withoutAVerifiedHostThereAreNoKeys(error: type[Exception], logged: list[LogEvent]) -> None:
    """
    CVE-2025-26465: memory ran out while the host key was looked at, and it was
    taken for the right one.
    """
    client = Client()
    verdict: defer.Deferred[bool] = defer.Deferred()
    client.verdict = lambda: verdict
    hear(client, Server())
    verdict.errback(error("what the peer said"))

    assert client.failed == WRONG
    assert client.agreed == client.sent == []
    # And somebody is to know of it.
    assert errors(logged) == [error]


@pytest.mark.parametrize("error", [MemoryError, HostUnavailable, ValueError, KeyError])
def test_errorAtOnceIsNoVerdictEither(error: type[Exception], logged: list[LogEvent]) -> None:
    def verdict() -> defer.Deferred[bool]:
        raise error

    client, server = Client(), Server()
    client.verdict = verdict
    hear(client, server)

    assert client.failed == WRONG
    assert client.agreed == client.sent == []
    assert errors(logged) == [error]
    with pytest.raises(Malformed):
        client.dispatchMessage(*server.sent[0])


def test_mistakeOfOursIsNotTheHosts(logged: list[LogEvent]) -> None:
    client = Client()
    client.otherVersionString = None  # type: ignore[assignment]
    hear(client, Server())

    assert client.failed == WRONG
    assert errors(logged) == [TypeError]
