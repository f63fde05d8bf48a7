"""
Tests of L{bastion.ssh.sealing} beside the packets of asyncssh and paramiko: each
side opens what the other has sealed, packet after packet.
"""

from __future__ import annotations

import hashlib
import random

import pytest
from asyncssh.encryption import Encryption, get_encryption
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from paramiko.message import Message
from paramiko.packet import Packetizer
from reading import lengthOf

from bastion.ssh.ciphers import PacketCipher, isAead, needs, packetCipher

AES_CTR = [b"aes128-ctr", b"aes192-ctr", b"aes256-ctr"]
AES_GCM = [b"aes128-gcm@openssh.com", b"aes256-gcm@openssh.com"]
CHACHA = b"chacha20-poly1305@openssh.com"
MACS = [b"hmac-sha2-256-etm@openssh.com", b"hmac-sha2-512-etm@openssh.com"]
MACS += [b"hmac-sha2-256", b"hmac-sha2-512"]
AES_PAIRS = [(each, b"") for each in AES_GCM] + [(each, mac) for each in AES_CTR for mac in MACS]
PAIRS = [*AES_PAIRS, (CHACHA, b"")]

#: A GCM counter that overflows in the sixth packet, and an AES-CTR counter soon.
IV = b"\xff" * 11 + b"\xfb" + b"\xff" * 3 + b"\xf0"
KEY, MAC_KEY = bytes(range(64)), bytes(range(100, 164))
#: Of payloads, in bytes.
SIZES = [1, 2, 10, 11, 12, 27, 28, 100, 1000, 32768 + 9, 3]
SEQUENCES = [0, 1, 2, 255, 256, 65536, 2**31, 2**32 - 2, 2**32 - 1, 0, 1]

Pair = tuple[bytes, bytes]


@pytest.fixture(params=PAIRS, ids=lambda pair: b"+".join(pair).decode())
def pair(request: pytest.FixtureRequest) -> Pair:
    """
    The names of a cipher and a MAC, each pair in turn.
    """
    chosen: Pair = request.param
    return chosen


@pytest.fixture
def cipher(pair: Pair) -> PacketCipher:
    """
    Ours, of that pair.
    """
    return packetCipher(*pair, IV, KEY, MAC_KEY)


def payloads() -> list[bytes]:
    """
    Of every size.
    """
    known = random.Random(4344)
    return [known.randbytes(size) for size in SIZES]


def padded(cipher: PacketCipher, payload: bytes) -> bytes:
    """
    The plain of a payload.
    """
    padding = -(1 + len(payload) + cipher.aligned) % cipher.blockSize
    padding += cipher.blockSize if padding < 4 else 0
    return bytes((padding,)) + payload + bytes(padding)


def sealed(cipher: PacketCipher, sequence: int, plain: bytes) -> bytes:
    """
    The packet of a plain.
    """
    size = 4 + len(plain) + cipher.tagSize
    room = bytearray(size + 32)
    cipher.seal(sequence, plain, memoryview(room))
    return bytes(room[:size])


def opened(cipher: PacketCipher, sequence: int, packet: bytes) -> bytes:
    """
    The plain of a packet.
    """
    length = lengthOf(cipher, sequence, packet)
    assert len(packet) == 4 + length + cipher.tagSize
    room = bytearray(length + 32)
    cipher.open(sequence, memoryview(packet), memoryview(room))
    return bytes(room[:length])


# asyncssh


def theirs(pair: Pair) -> Encryption:
    """
    What asyncssh encrypts and decrypts with.
    """
    sizes = needs(*pair)
    name, mac = pair[0], pair[1]
    keys = KEY[: sizes.key], IV[: sizes.iv], mac, MAC_KEY[: sizes.macKey]
    return get_encryption(name, *keys, mac.endswith(b"-etm@openssh.com"))


def test_asyncsshSealsTheSame(pair: Pair, cipher: PacketCipher) -> None:
    peer = theirs(pair)
    for sequence, payload in zip(SEQUENCES, payloads(), strict=True):
        plain = padded(cipher, payload)
        packet, tag = peer.encrypt_packet(sequence, len(plain).to_bytes(4, "big"), plain)
        assert sealed(cipher, sequence, plain) == packet + tag


def test_asyncsshOpensOurs(pair: Pair, cipher: PacketCipher) -> None:
    peer = theirs(pair)
    for sequence, payload in zip(SEQUENCES, payloads(), strict=True):
        plain = padded(cipher, payload)
        packet = sealed(cipher, sequence, plain)
        end = len(packet) - cipher.tagSize
        first, head = peer.decrypt_header(sequence, packet[: cipher.blockSize], 4)
        assert int.from_bytes(head, "big") == len(plain)
        rest = packet[cipher.blockSize : end]
        assert peer.decrypt_packet(sequence, first, rest, 4, packet[end:]) == plain


def test_asyncsshIsOpened(pair: Pair, cipher: PacketCipher) -> None:
    peer = theirs(pair)
    for sequence, payload in zip(SEQUENCES, payloads(), strict=True):
        plain = padded(cipher, payload)
        packet, tag = peer.encrypt_packet(sequence, len(plain).to_bytes(4, "big"), plain)
        assert opened(cipher, sequence, packet + tag) == plain


# paramiko


class Wire:
    """
    A socket that keeps what is sent, and gives it back.
    """

    def __init__(self) -> None:
        self.data = b""

    def send(self, data: bytes) -> int:
        """
        Keep it.
        """
        self.data += data
        return len(data)

    def recv(self, size: int) -> bytes:
        """
        Give it back, once.
        """
        taken, self.data = self.data[:size], self.data[size:]
        return taken


class Paramiko:
    """
    Paramiko's packet layer, for one of the AES pairs.
    """

    def __init__(self, pair: Pair) -> None:
        sizes = needs(*pair)
        key, iv = KEY[: sizes.key], IV[: sizes.iv]
        aead, etm = isAead(pair[0]), pair[1].endswith(b"-etm@openssh.com")
        engine = AESGCM(key) if aead else Cipher(AES(key), CTR(iv)).encryptor()
        sha = hashlib.sha512 if b"512" in pair[1] else hashlib.sha256
        size = 16 if aead else sha().digest_size
        common = engine, 16, sha, size, MAC_KEY[: sizes.macKey]
        self.wire = Wire()
        self._packets = Packetizer(self.wire)
        self._packets.set_inbound_cipher(*common, etm=etm, aead=aead, iv_in=iv)
        self._packets.set_outbound_cipher(*common, sdctr=True, etm=etm, aead=aead, iv_out=iv)

    def seal(self, payload: bytes) -> bytes:
        """
        The next packet.
        """
        self._packets.send_message(Message(payload))
        return self.wire.recv(len(self.wire.data))

    def open(self, packet: bytes) -> bytes:
        """
        The payload of the next packet.
        """
        self.wire.data = packet
        number, message = self._packets.read_message()
        assert self.wire.data == b""
        return bytes((number,)) + message.asbytes()


eachAesPair = pytest.mark.parametrize(
    "pair", AES_PAIRS, ids=lambda pair: b"+".join(pair).decode(), indirect=True
)
#: Paramiko's counter for GCM does not overflow, so it must not get there.
FEW = 4


@eachAesPair
def test_paramikoOpensOurs(pair: Pair, cipher: PacketCipher) -> None:
    peer = Paramiko(pair)
    for sequence, payload in enumerate(payloads()[-FEW:]):
        assert peer.open(sealed(cipher, sequence, padded(cipher, payload))) == payload


@eachAesPair
def test_paramikoIsOpened(pair: Pair, cipher: PacketCipher) -> None:
    peer = Paramiko(pair)
    for sequence, payload in enumerate(payloads()[-FEW:]):
        plain = opened(cipher, sequence, peer.seal(payload))
        assert plain[1 : len(plain) - plain[0]] == payload
