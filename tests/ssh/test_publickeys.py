"""
L{bastion.ssh.publickeys}: which blobs are whole keys, and what people compare.
"""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from keyfiles import keygen
from twisted.conch.ssh.keys import Key

from bastion.ssh.publickeys import blobFormat, fingerprint
from bastion.wire import Malformed, string

ED25519 = string(b"ssh-ed25519") + string(bytes(32))
RSA = string(b"ssh-rsa") + string(b"\1\0\1") + string(b"\0" + b"\xc1" * 384)


def ecdsa(name: bytes, curve: bytes, point: bytes) -> bytes:
    """
    A public key blob.
    """
    return string(b"ecdsa-sha2-" + name) + string(curve) + string(point)


P256 = ecdsa(b"nistp256", b"nistp256", b"\4" + bytes(64))
P384 = ecdsa(b"nistp384", b"nistp384", b"\4" + bytes(96))
P521 = ecdsa(b"nistp521", b"nistp521", b"\4" + bytes(132))

WHOLE = {
    b"ssh-ed25519": ED25519,
    b"ssh-rsa": RSA,
    b"ecdsa-sha2-nistp256": P256,
    b"ecdsa-sha2-nistp384": P384,
    b"ecdsa-sha2-nistp521": P521,
}
eachWhole = pytest.mark.parametrize("name", WHOLE, ids=bytes.decode)

DAMAGED = {
    "short ed25519": string(b"ssh-ed25519") + string(bytes(31)),
    "long ed25519": string(b"ssh-ed25519") + string(bytes(33)),
    "rsa without an exponent": string(b"ssh-rsa") + string(b"") + string(b"\1"),
    "rsa without a modulus": string(b"ssh-rsa") + string(b"\1") + string(b""),
    "unknown curve": ecdsa(b"nistp256", b"sha2-nistp256", b"\4" + bytes(64)),
    "another curve": ecdsa(b"nistp256", b"nistp384", b"\4" + bytes(96)),
    "compressed point": ecdsa(b"nistp256", b"nistp256", b"\2" + bytes(64)),
    "short point": ecdsa(b"nistp521", b"nistp521", b"\4" + bytes(131)),
    "no curve": ecdsa(b"nistp256", b"", b""),
}


@eachWhole
def test_formatOfAWholeKeyIsItsFirstString(name: bytes) -> None:
    assert blobFormat(WHOLE[name]) == name


@eachWhole
def test_aKeyThatIsCutOffAnywhereIsNone(name: bytes) -> None:
    blob = WHOLE[name]
    for end in range(len(blob)):
        with pytest.raises(Malformed):
            blobFormat(blob[:end])


@eachWhole
def test_nothingMayStandBehindAKey(name: bytes) -> None:
    with pytest.raises(Malformed):
        blobFormat(WHOLE[name] + b"\0")


@pytest.mark.parametrize("blob", DAMAGED.values(), ids=DAMAGED)
def test_aDamagedKeyIsNone(blob: bytes) -> None:
    with pytest.raises(Malformed):
        blobFormat(blob)


@pytest.mark.parametrize(
    "name",
    [
        b"",
        b"ssh-dss",
        b"rsa-sha2-256",
        b"ssh-ed25519-cert-v01@openssh.com",
        b"ecdsa-sha2-nistp224",
        b"x\n\x1b]0;",
    ],
)
def test_otherTypesAreNotKnown(name: bytes) -> None:
    """
    Signature algorithms of RSA keys are no key formats (RFC 8332 section 3).
    """
    with pytest.raises(Malformed, match="unknown key type") as caught:
        blobFormat(string(name) + string(bytes(32)))
    assert str(caught.value).isprintable()


def test_aNameOfAnyLengthIsNotTaken() -> None:
    with pytest.raises(Malformed):
        blobFormat(string(b"x" * 65) + string(bytes(32)))


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_conchsBlobsAreWhole(curve: ec.EllipticCurve) -> None:
    """
    Coordinates that begin with zeros have their full length.
    """
    for _ in range(50):
        blob = Key(ec.generate_private_key(curve)).blob()
        assert blobFormat(blob) == b"ecdsa-sha2-nistp%d" % curve.key_size


def test_fingerprintIsThatOfOpenssh() -> None:
    """
    The hash of nothing (FIPS 180-4's), with base64's padding left out.
    """
    assert fingerprint(b"") == "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"


@pytest.mark.interop
def test_sshKeygenPrintsTheSameFingerprint(tmp_path: Path) -> None:
    path = tmp_path / "key.pub"
    for name, blob in {b"ssh-ed25519": ED25519, b"ssh-rsa": RSA}.items():
        path.write_bytes(name + b" " + b64encode(blob) + b"\n")
        assert keygen("-l", "-f", path).split()[1] == fingerprint(blob)
