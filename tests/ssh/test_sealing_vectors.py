"""
Tests of L{bastion.ssh.sealing} against published test vectors.

No document has whole packets of AES-CTR or AES-GCM as SSH makes them: what is
encrypted is compared as it was published, and the tag with one that is computed
here, by functions that are themselves held against published values.
"""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from reading import lengthOf

from bastion.ssh.ciphers import PacketCipher, packetCipher

H = bytes.fromhex


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
    room = bytearray(length + 32)
    cipher.open(sequence, memoryview(packet), memoryview(room))
    return bytes(room[:length])


def blocksOf(key: bytes, *blocks: bytes) -> bytes:
    """
    Blocks encrypted with AES, one by one.
    """
    return Cipher(AES(key), ECB()).encryptor().update(b"".join(blocks))


def xor(one: bytes, other: bytes) -> bytes:
    """
    The first of them decides on the size.
    """
    return bytes(a ^ b for a, b in zip(one, other, strict=False))


# AES-CTR with HMAC-SHA2

#: NIST SP 800-38A, appendix F.5: the counter, and the plaintext of all keys.
COUNTER = H("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
TEXT = H(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
#: F.5.1, F.5.3 and F.5.5: the key and the ciphertext.
CTR_VECTORS = {
    b"aes128-ctr": (
        "2b7e151628aed2a6abf7158809cf4f3c",
        "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
        "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee",
    ),
    b"aes192-ctr": (
        "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
        "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94"
        "1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050",
    ),
    b"aes256-ctr": (
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
        "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
    ),
}
eachCtr = pytest.mark.parametrize(
    ("cipher", "key", "encrypted"),
    [(name, H(key), H(text)) for name, (key, text) in CTR_VECTORS.items()],
    ids=[name.decode() for name in CTR_VECTORS],
)
MAC_KEY = bytes(range(64))


def hmacOf(name: str, key: bytes, message: bytes) -> bytes:
    """
    HMAC as RFC 2104 section 2 says it.
    """
    size = {"sha256": 64, "sha512": 128}[name]
    key = key.ljust(size, b"\0")
    inner = hashlib.new(name, xor(key, b"\x36" * size) + message).digest()
    return hashlib.new(name, xor(key, b"\x5c" * size) + inner).digest()


#: RFC 4231: key, data, HMAC-SHA-256 and HMAC-SHA-512 of its test cases 1 to 4.
HMAC_VECTORS = [
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
        "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
        "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
    ),
    (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
        "a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
    ),
]


@pytest.mark.parametrize(("key", "message", "sha256", "sha512"), HMAC_VECTORS)
def test_hmacOfTheseTestsIsThatOfTheRfc(
    key: bytes, message: bytes, sha256: str, sha512: str
) -> None:
    assert hmacOf("sha256", key, message) == H(sha256)
    assert hmacOf("sha512", key, message) == H(sha512)


@eachCtr
@pytest.mark.parametrize(("sha", "keySize"), [("sha256", 32), ("sha512", 64)])
def test_ctrThenMac(cipher: bytes, key: bytes, encrypted: bytes, sha: str, keySize: int) -> None:
    mac = f"hmac-sha2-{sha[3:]}-etm@openssh.com".encode()
    packet = H("00000040") + encrypted
    packet += hmacOf(sha, MAC_KEY[:keySize], H("01020304") + packet)
    assert sealed(packetCipher(cipher, mac, COUNTER, key, MAC_KEY), 0x01020304, TEXT) == packet
    assert opened(packetCipher(cipher, mac, COUNTER, key, MAC_KEY), 0x01020304, packet) == TEXT


@eachCtr
@pytest.mark.parametrize(("sha", "keySize"), [("sha256", 32), ("sha512", 64)])
def test_ctrAndMac(cipher: bytes, key: bytes, encrypted: bytes, sha: str, keySize: int) -> None:
    """
    The length field is encrypted too: the published text gives the key stream.
    """
    mac = f"hmac-sha2-{sha[3:]}".encode()
    clear = H("0000003c") + TEXT[:60]
    packet = xor(clear, xor(TEXT, encrypted))
    packet += hmacOf(sha, MAC_KEY[:keySize], H("fffefdfc") + clear)
    assert sealed(packetCipher(cipher, mac, COUNTER, key, MAC_KEY), 0xFFFEFDFC, clear[4:]) == packet
    assert opened(packetCipher(cipher, mac, COUNTER, key, MAC_KEY), 0xFFFEFDFC, packet) == clear[4:]


@pytest.mark.parametrize("mac", [b"hmac-sha2-256-etm@openssh.com", b"hmac-sha2-256"])
def test_counterIsOf128Bits(mac: bytes) -> None:
    """
    It goes on from packet to packet, and after its last value with zero (RFC 4344
    section 4).
    """
    key = MAC_KEY[:16]
    cipher = packetCipher(b"aes128-ctr", mac, b"\xff" * 15 + b"\xfe", key, MAC_KEY)
    first = 0 if mac.endswith(b"-etm@openssh.com") else 4
    packets = [sealed(cipher, sequence, bytes(16 - first)) for sequence in range(3)]
    stream = b"".join(packet[4 - first : -32] for packet in packets)
    length = H("0000000c") if first else b""
    keyStream = blocksOf(key, b"\xff" * 15 + b"\xfe", b"\xff" * 16, bytes(16))
    assert stream == xor(keyStream, (length + bytes(16 - first)) * 3)


# AES-GCM

#: McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B: the nonce and
#: the plaintext of test cases 3 and 15, of which 4 and 16 are the first 60 bytes.
GCM_IV = H("cafebabefacedbaddecaf888")
GCM_TEXT = H(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
GCM_DATA = H("feedfacedeadbeeffeedfacedeadbeefabaddad2")
#: The key, the ciphertext, and the tag of test cases 4 and 16.
GCM_VECTORS = {
    b"aes128-gcm@openssh.com": (
        "feffe9928665731c6d6a8f9467308308",
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
        "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
        "5bc94fbc3221a5db94fae95ae7121a47",
    ),
    b"aes256-gcm@openssh.com": (
        "feffe9928665731c6d6a8f9467308308" * 2,
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ),
}
eachGcm = pytest.mark.parametrize(
    ("cipher", "key", "encrypted", "tag"),
    [(name, *map(H, texts)) for name, texts in GCM_VECTORS.items()],
    ids=[name.decode() for name in GCM_VECTORS],
)


def product(one: int, other: int) -> int:
    """
    In the field of GHASH (NIST SP 800-38D section 6.3).
    """
    result = 0
    for bit in range(127, -1, -1):
        if one >> bit & 1:
            result ^= other
        other = other >> 1 ^ (0xE1 << 120 if other & 1 else 0)
    return result


def gcmTag(key: bytes, nonce: bytes, data: bytes, encrypted: bytes) -> bytes:
    """
    The tag of AES-GCM (NIST SP 800-38D section 7.1).
    """
    subkey = int.from_bytes(blocksOf(key, bytes(16)), "big")
    text = b"".join(each + bytes(-len(each) % 16) for each in (data, encrypted))
    text += (8 * len(data)).to_bytes(8, "big") + (8 * len(encrypted)).to_bytes(8, "big")
    hashed = 0
    for at in range(0, len(text), 16):
        hashed = product(hashed ^ int.from_bytes(text[at : at + 16], "big"), subkey)
    return xor(hashed.to_bytes(16, "big"), blocksOf(key, nonce + H("00000001")))


@eachGcm
def test_gcmTagOfTheseTestsIsThatOfThePaper(
    cipher: bytes, key: bytes, encrypted: bytes, tag: bytes
) -> None:
    assert gcmTag(key, GCM_IV, GCM_DATA, encrypted[:60]) == tag


@eachGcm
def test_gcm(cipher: bytes, key: bytes, encrypted: bytes, tag: bytes) -> None:
    head = H("00000040")
    packet = head + encrypted + gcmTag(key, GCM_IV, head, encrypted)
    assert sealed(packetCipher(cipher, b"", GCM_IV, key, b""), 7, GCM_TEXT) == packet
    assert opened(packetCipher(cipher, b"", GCM_IV, key, b""), 7, packet) == GCM_TEXT


@eachGcm
@pytest.mark.parametrize(
    ("before", "last"),
    [(7, 0xFACE_DBAD_DECA_F888), (1, 2**64 - 1), (2, 0), (3, 1), (1, 0xFFFF_FFFF), (1, 2**32)],
)
def test_gcmCountsPacketsModulo64Bits(
    cipher: bytes, key: bytes, encrypted: bytes, tag: bytes, before: int, last: int
) -> None:
    """
    And the fixed field stays as it is.
    """
    iv = GCM_IV[:4] + ((last - before) % 2**64).to_bytes(8, "big")
    sender = packetCipher(cipher, b"", iv, key, b"")
    for _ in range(before):
        sealed(sender, 0, bytes(16))
    nonce = GCM_IV[:4] + last.to_bytes(8, "big")
    stream = blocksOf(key, *(nonce + count.to_bytes(4, "big") for count in range(2, 6)))
    head, text = H("00000040"), xor(GCM_TEXT, stream)
    assert sealed(sender, 0, GCM_TEXT) == head + text + gcmTag(key, nonce, head, text)


# ChaCha20 with Poly1305


def test_chaChaPoly() -> None:
    """
    The packet of draft-ietf-sshm-chacha20-poly1305, appendix A.
    """
    key = H(
        "8bbff6855fc102338c373e73aac0c914f076a905b2444a32eecaffeae22becc5"
        "e9b7a7a5825a8249346ec1c28301cf394543fc7569887d76e168f37562ac0740"
    )
    plain = H("065e0000000000000038")
    plain += b"Lorem ipsum dolor sit amet, consectetur adipisicing elit" + H("4e43e804dc6c")
    packet = H(
        "2c3ecce4a5bc05895bf07a7ba956b6c68829ac7c83b780b7000ecde745afc705"
        "bbc378ce03a280236b87b53bed5839662302b164b6286a48cd1e097138e3cb90"
        "9b8b2b829dd18d2a35ff82d995349e855bf02c298ef775f2d1a7e8b8"
    )
    name = b"chacha20-poly1305@openssh.com"
    assert sealed(packetCipher(name, b"", b"", key, b""), 7, plain) == packet
    assert opened(packetCipher(name, b"", b"", key, b""), 7, packet) == plain
