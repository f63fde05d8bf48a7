"""
L{bastion.ssh.hostkeys}: the ECDSA key, which the bastion uses and never makes.
"""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from keyfiles import ECDSA, ED25519, RSA, contents, keygen, mode, problemsOf
from twisted.conch.ssh.keys import Key

from bastion.ssh.hostkeys import keygenCommand, loadHostKeys
from bastion.ssh.publickeys import blobFormat, fingerprint

CURVES = {
    b"ecdsa-sha2-nistp256": ec.SECP256R1(),
    b"ecdsa-sha2-nistp384": ec.SECP384R1(),
    b"ecdsa-sha2-nistp521": ec.SECP521R1(),
}
P256 = b"ecdsa-sha2-nistp256"
eachFormat = pytest.mark.parametrize("keyFormat", CURVES, ids=bytes.decode)


def install(directory: Path, curve: ec.EllipticCurve, subtype: str = "v1") -> Key:
    """
    Put a new key where the bastion looks for it.
    """
    key = Key(ec.generate_private_key(curve))
    (directory / ECDSA).write_bytes(key.toString("OPENSSH", subtype=subtype))
    (directory / ECDSA).chmod(0o600)
    return key


@eachFormat
@pytest.mark.parametrize("subtype", ["v1", "PEM"])
def test_aKeyThatIsThereIsUsed(subtype: str, keyFormat: bytes, keyDirectory: Path) -> None:
    key = install(keyDirectory, CURVES[keyFormat], subtype)
    before = contents(keyDirectory)

    keys = loadHostKeys(keyDirectory)

    assert list(keys) == [b"ssh-ed25519", keyFormat, b"ssh-rsa"]
    assert keys[keyFormat] == key
    assert blobFormat(key.blob()) == keyFormat
    after = contents(keyDirectory)
    public = after.pop(f"{ECDSA}.pub")
    assert after == before
    assert public.split()[:2] == [keyFormat, base64.b64encode(key.blob())]
    assert mode(keyDirectory / f"{ECDSA}.pub") == 0o644


def test_aMissingKeyIsNotMade(tmp_path: Path) -> None:
    assert list(loadHostKeys(tmp_path)) == [b"ssh-ed25519", b"ssh-rsa"]
    assert sorted(contents(tmp_path)) == [ED25519, f"{ED25519}.pub", RSA, f"{RSA}.pub"]


def test_theOthersAreMadeBesideIt(tmp_path: Path) -> None:
    key = install(tmp_path, CURVES[P256])

    keys = loadHostKeys(tmp_path)

    assert list(keys) == [b"ssh-ed25519", P256, b"ssh-rsa"]
    assert keys[P256] == key


def test_aKeyThatOthersMayReadIsRefused(keyDirectory: Path) -> None:
    install(keyDirectory, CURVES[P256])
    path = keyDirectory / ECDSA
    path.chmod(0o640)

    assert problemsOf(keyDirectory) == (
        f"{path}: its mode 0640 lets other users at the key; chmod 600 {path}",
    )


def damagedSecret(text: bytes) -> bytes:
    """
    The last bit of the secret, the rest as it was.
    """
    lines = text.splitlines()
    blob = bytearray(base64.b64decode(b"".join(lines[1:-1])))
    number: int = Key.fromString(text).data()["privateValue"]
    secret = number.to_bytes((number.bit_length() + 7) // 8, "big")
    blob[blob.rindex(secret) + len(secret) - 1] ^= 1
    return b"\n".join([lines[0], base64.b64encode(blob), lines[-1]]) + b"\n"


def otherCurve(text: bytes) -> bytes:
    """
    A key that is no SSH key: RFC 5656 leaves room for this curve, nobody uses it.
    """
    key = Key(ec.generate_private_key(ec.SECP256K1()))
    return bytes(key.toString("OPENSSH", subtype="PEM"))


@pytest.mark.parametrize("subtype", ["v1", "PEM"])
@pytest.mark.parametrize(
    "damage", [lambda text: b"", lambda text: text[:200], damagedSecret, otherCurve]
)
def test_aDamagedKeyIsRefused(damage, subtype: str, keyDirectory: Path) -> None:
    install(keyDirectory, CURVES[P256], subtype)
    path = keyDirectory / ECDSA
    path.write_bytes(damage(path.read_bytes()))

    assert problemsOf(keyDirectory) == (
        f"{path}: is not a whole private key in OpenSSH's format; restore it from a backup, or "
        "move it and its .pub away (the bastion has no such key then)",
    )


def test_aKeyOfAnotherTypeIsRefused(keyDirectory: Path) -> None:
    path = keyDirectory / ECDSA
    key = Key(ed25519.Ed25519PrivateKey.generate())
    path.write_bytes(key.toString("OPENSSH", subtype="v1"))
    path.chmod(0o600)

    assert problemsOf(keyDirectory) == (
        f"{path}: holds a key of type ssh-ed25519 instead of ecdsa-sha2-nistp256 or "
        "ecdsa-sha2-nistp384 or ecdsa-sha2-nistp521; "
        "move it and its .pub away (the bastion has no such key then)",
    )


def test_whatIsNoFileIsRefused(keyDirectory: Path) -> None:
    path = keyDirectory / ECDSA
    os.mkfifo(path, 0o600)

    (problem,) = problemsOf(keyDirectory)

    assert problem.startswith(f"{path}: is not a regular file; move it")


@pytest.mark.interop
@pytest.mark.parametrize("format", ["RFC4716", "PEM"])
@pytest.mark.parametrize("bits", [256, 384, 521])
def test_weReadSshKeygensFiles(bits: int, format: str, keyDirectory: Path) -> None:
    path = keyDirectory / ECDSA
    keygen("-q", "-N", "", "-m", format, "-t", "ecdsa", "-b", bits, "-f", path)

    key = loadHostKeys(keyDirectory)[b"ecdsa-sha2-nistp%d" % bits]

    assert fingerprint(key.blob()) in keygen("-l", "-f", path)


@pytest.mark.interop
@pytest.mark.parametrize("keyFormat", [b"ssh-ed25519", *CURVES, b"ssh-rsa"], ids=bytes.decode)
def test_theCommandThatOperatorsAreToldMakesAGoodKey(keyFormat: bytes, tmp_path: Path) -> None:
    directory = tmp_path / "it's here"
    directory.mkdir()
    command = keygenCommand(directory, keyFormat)
    assert command.startswith("ssh-keygen -N '' -t ")

    subprocess.run(command, shell=True, capture_output=True, timeout=60, check=True)

    made = sorted(contents(directory))
    assert len(made) == 2
    assert keyFormat in loadHostKeys(directory)
    assert set(made) < set(contents(directory))
