"""
L{bastion.ssh.kexmethods}: both sides have the same secret and the same hash at the
end of every method, whoever is at the other end: ours, Conch or AsyncSSH.
"""

from __future__ import annotations

from typing import Any

import asyncssh
import pytest
from asyncssh.kex import get_kex
from asyncssh.packet import SSHPacket
from asyncssh.public_key import decode_ssh_public_key
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from twisted.conch.ssh import transport as conch
from twisted.conch.ssh.keys import Key
from twisted.internet import defer

from bastion.algorithms import KNOWN_KEY_EXCHANGES, keyFormat
from bastion.ssh.groups import METHODS, primeFor
from bastion.ssh.kexmethods import ClientMethods, ServerMethods
from bastion.testing.speakers import KeyHolder
from bastion.wire import Reader, string

ED25519 = Key(ed25519.Ed25519PrivateKey.generate())
ECDSA = Key(ec.generate_private_key(ec.SECP384R1()))
RSA = Key(rsa.generate_private_key(65537, 2048))
KEYS = KeyHolder(ED25519, ECDSA, RSA)

GROUP_EXCHANGE = b"diffie-hellman-group-exchange-sha256"
BY_SERVER = [each.name for each in KNOWN_KEY_EXCHANGES]
BY_CLIENT = [name for name in BY_SERVER if name != GROUP_EXCHANGE]
CURVE = b"curve25519-sha256"

VERSIONS = b"SSH-2.0-C", b"SSH-2.0-S"
OFFERS = b"\x14" + b"c" * 200, b"\x14s"

pytestmark = pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")


class End:
    """
    What a transport adds to the methods: how messages leave, and what becomes of
    the keys.
    """

    def __init__(self, method: bytes = CURVE, hostKey: bytes = b"ssh-ed25519") -> None:
        self.kexAlg, self.keyAlg = method, hostKey
        self.factory: Any = KEYS
        step = 1 if getattr(self, "isClient", False) else -1
        self.ourVersionString, self.otherVersionString = VERSIONS[::step]
        self.ourKexInitPayload, self.otherKexInitPayload = OFFERS[::step]
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
        format = keyFormat(self.keyAlg)
        assert hostKey == self.factory.publicKeys[format].blob()
        return defer.succeed(True)


class Client(End, ClientMethods):
    pass


class Server(End, ServerMethods):
    pass


class ConchClient(End, conch.SSHClientTransport):
    def startMethod(self) -> None:
        self.ssh_KEXINIT(b"")


class ConchServer(End, conch.SSHServerTransport):
    pass


class AsyncSSH:
    """
    What AsyncSSH wants of a connection.
    """

    logger = None

    def __init__(self, method: bytes, isClient: bool) -> None:
        self.isClient = isClient
        self.sent: list[tuple[int, bytes]] = []
        self.agreed: list[tuple[bytes, bytes]] = []
        self.failed: list[tuple[str, int]] = []
        connection: Any = self
        self._kex = get_kex(connection, method)

    def startMethod(self) -> None:
        with pytest.raises(StopIteration):
            self._kex.start().send(None)

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:
        assert self._kex.process_packet(messageNum, 0, SSHPacket(payload))

    def send_packet(self, number: int, *fields: bytes, handler: object) -> None:
        self.sent.append((number, b"".join(fields)))

    def is_client(self) -> bool:
        return self.isClient

    def is_server(self) -> bool:
        return not self.isClient

    def get_hash_prefix(self) -> bytes:
        return b"".join(map(string, VERSIONS + OFFERS))

    def get_server_host_key(self) -> asyncssh.SSHKeyPair:
        (pair,) = asyncssh.load_keypairs(ED25519.toString("OPENSSH"))
        return pair

    def validate_server_host_key(self, blob: bytes) -> object:
        return decode_ssh_public_key(blob)

    def send_newkeys(self, secret: bytes, exchangeHash: bytes) -> None:
        self.agreed.append((secret, exchangeHash))


def run(client: Any, server: Any) -> None:
    """
    Let the two talk until neither has anything to say.
    """
    client.startMethod()
    while client.sent or server.sent:
        for speaker, hearer in ((client, server), (server, client)):
            for number, payload in speaker.sent:
                assert number == getattr(hearer, "methodMessage", number)
                speaker.sent = speaker.sent[1:]
                hearer.dispatchMessage(number, payload)


def agree(client: Any, server: Any) -> None:
    """
    Let the two talk, and see that they agree.
    """
    run(client, server)
    assert client.failed == server.failed == []
    assert client.agreed == server.agreed
    ((secret, _),) = client.agreed
    reader = Reader(secret)
    assert reader.string(), "a secret is an mpint or a string"
    reader.end()


# Everybody agrees with everybody


@pytest.mark.parametrize("method", BY_CLIENT)
def test_bothSidesAgree(method: bytes) -> None:
    agree(Client(method), Server(method))


@pytest.mark.parametrize("method", BY_CLIENT)
def test_conchsServerAgrees(method: bytes) -> None:
    agree(Client(method), ConchServer(method))


@pytest.mark.parametrize("method", BY_SERVER[1:])
def test_conchsClientAgrees(method: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conch.SSHTransportBase, "ssh_KEXINIT", lambda self, packet: True)
    agree(ConchClient(method), Server(method))


@pytest.mark.parametrize("method", BY_CLIENT)
def test_asyncsshsServerAgrees(method: bytes) -> None:
    agree(Client(method), AsyncSSH(method, False))


@pytest.mark.parametrize("method", BY_SERVER)
def test_asyncsshsClientAgrees(method: bytes) -> None:
    agree(AsyncSSH(method, True), Server(method))


@pytest.mark.parametrize(
    "algorithm",
    [b"ssh-ed25519", b"ecdsa-sha2-nistp384", b"rsa-sha2-512", b"rsa-sha2-256", b"ssh-rsa"],
)
def test_everyHostKeySigns(algorithm: bytes) -> None:
    agree(Client(CURVE, algorithm), Server(CURVE, algorithm))


def test_everyExchangeHasItsOwnSecret() -> None:
    for method in BY_CLIENT:
        client, server = Client(method), Server(method)
        run(client, server)
        run(client, server)
        assert len({secret for secret, _ in client.agreed}) == 2
        assert client.agreed == server.agreed


def test_secretsAreForgotten() -> None:
    """
    Whoever reads the memory of a session later does not learn its keys.
    """
    for method in BY_CLIENT:
        client, server = Client(method), Server(method)
        run(client, server)
        for end in (client, server):
            kept = {type(each).__name__ for each in vars(end).values()}
            assert not [name for name in kept if "Private" in name]
        assert client._ephemeral is None


# The group exchange


def test_clientIsSentTheGroupThatItAsksFor() -> None:
    server = Server(GROUP_EXCHANGE)
    assert server.methodMessage == 34
    server.dispatchMessage(34, b"".join(size.to_bytes(4, "big") for size in (1024, 3000, 8192)))

    ((number, payload),) = server.sent
    reader = Reader(payload)
    prime, generator = (int.from_bytes(reader.string(), "big") for _ in range(2))
    assert (number, generator, prime) == (31, *primeFor(1024, 3000, 8192))
    assert server.methodMessage == 32


def test_anotherGroupExchangeBeginsAnew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conch.SSHTransportBase, "ssh_KEXINIT", lambda self, packet: True)
    client, server = ConchClient(GROUP_EXCHANGE), Server(GROUP_EXCHANGE)
    for _ in range(2):
        assert server.methodMessage == 34
        run(client, server)
    assert client.agreed == server.agreed
    assert len(server.agreed) == 2


def test_otherMethodsBeginWithThirty() -> None:
    assert {Server(method).methodMessage for method in BY_CLIENT} == {30}
    assert {Client(method).methodMessage for method in BY_CLIENT} == {31}
    assert METHODS.keys() < set(BY_CLIENT)
