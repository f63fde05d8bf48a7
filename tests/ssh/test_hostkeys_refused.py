"""
L{bastion.ssh.hostkeys}: files that are no place for a key, or hold no good one.
"""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from keyfiles import ED25519, RSA, problemsOf
from twisted.conch.ssh.keys import Key

from bastion.ssh.hostkeys import HostKeyError, loadHostKeys


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o602, 0o610, 0o644, 0o666])
def test_aKeyThatOthersMayUseIsRefused(bits: int, keyDirectory: Path) -> None:
    path = keyDirectory / RSA
    path.chmod(bits)

    (problem,) = problemsOf(keyDirectory)

    assert problem == (f"{path}: its mode {bits:04o} lets other users at the key; chmod 600 {path}")


def test_aReadOnlyKeyOfOurOwnIsGood(keyDirectory: Path) -> None:
    (keyDirectory / RSA).chmod(0o400)

    assert len(loadHostKeys(keyDirectory)) == 2


@pytest.mark.parametrize(("owner", "good"), [("us", True), ("root", True), ("other", False)])
def test_aKeyOfSomebodyElseIsRefused(
    owner: str, good: bool, keyDirectory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = {"us": 1000, "root": 0, "other": 1001}[owner]
    fstat = os.fstat

    def owned(fd: int) -> os.stat_result:
        status = list(fstat(fd))
        status[stat.ST_UID] = uid
        return os.stat_result(status)

    monkeypatch.setattr(os, "fstat", owned)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if good:
        assert len(loadHostKeys(keyDirectory)) == 2
    else:
        assert problemsOf(keyDirectory)[0] == (
            f"{keyDirectory / ED25519}: belongs to user 1001, who could replace it; "
            f"chown 1000 {keyDirectory / ED25519}"
        )


@pytest.mark.parametrize("kind", ["directory", "fifo", "dangling link", "link to a directory"])
def test_whatIsNoRegularFileIsRefused(kind: str, keyDirectory: Path) -> None:
    path = keyDirectory / RSA
    path.unlink()
    if kind == "directory":
        path.mkdir(0o700)
    elif kind == "fifo":
        os.mkfifo(path, 0o600)
    else:
        path.symlink_to(keyDirectory if kind.endswith("directory") else "nothing")

    (problem,) = problemsOf(keyDirectory)

    assert problem.startswith(f"{path}: ")
    assert any(word in problem for word in ("Is a directory", "regular file", "link to nothing"))


def test_aLinkToAGoodKeyIsFollowed(keyDirectory: Path, tmp_path: Path) -> None:
    """
    Secrets are mounted like this by container platforms, and sshd follows too.
    """
    (keyDirectory / RSA).rename(tmp_path / "key")
    (keyDirectory / RSA).symlink_to(tmp_path / "key")
    loadHostKeys(keyDirectory)

    (tmp_path / "key").chmod(0o640)
    assert "mode 0640" in problemsOf(keyDirectory)[0]


def damaged(text: bytes) -> bytes:
    """
    One bit of the last 32 bytes that are Ed25519's secret, the rest as it was.
    """
    lines = text.splitlines()
    blob = bytearray(base64.b64decode(b"".join(lines[1:-1])))
    public = blob[blob.index(b"\0\0\0\x20") + 4 :][:32]
    blob[blob.rindex(public) - 1] ^= 1
    return b"\n".join([lines[0], base64.b64encode(blob), lines[-1]]) + b"\n"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: b"",
        lambda text: b"\xff\0" * 99,
        lambda text: text[: len(text) // 2],
        lambda text: text.replace(b"A", b"", 1),
        lambda text: b"-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----\n",
        lambda text: text + b"\n" * 70000,
        damaged,
    ],
)
def test_aDamagedKeyIsRefusedWithoutQuotingIt(damage, keyDirectory: Path) -> None:
    path = keyDirectory / ED25519
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(HostKeyError) as caught:
        loadHostKeys(keyDirectory)

    assert str(caught.value).startswith(f"{path}: is not a whole private key in OpenSSH's format;")
    assert caught.value.__context__ is None


def test_aKeyOfTheWrongTypeIsRefused(keyDirectory: Path) -> None:
    key = Key(ec.generate_private_key(ec.SECP256R1()))
    (keyDirectory / RSA).write_bytes(key.toString("OPENSSH", subtype="v1"))

    (problem,) = problemsOf(keyDirectory)

    assert "holds a key of type ecdsa-sha2-nistp256 instead of ssh-rsa; move it" in problem


@pytest.mark.parametrize("subtype", ["v1", "PEM"])
def test_anEncryptedKeyIsRefused(subtype: str, keyDirectory: Path) -> None:
    path = keyDirectory / RSA
    key = loadHostKeys(keyDirectory)[b"ssh-rsa"]
    path.write_bytes(key.toString("OPENSSH", subtype=subtype, passphrase=b"secret"))

    (problem,) = problemsOf(keyDirectory)

    assert "is encrypted with a passphrase" in problem
    assert problem.endswith(f"ssh-keygen -p -N '' -f {path}")


def test_anOlderPemKeyIsGood(keyDirectory: Path) -> None:
    key = loadHostKeys(keyDirectory)[b"ssh-rsa"]
    (keyDirectory / RSA).write_bytes(key.toString("OPENSSH", subtype="PEM"))

    assert loadHostKeys(keyDirectory)[b"ssh-rsa"] == key


def test_allProblemsAreSaidAtOnceAndNothingIsMade(keyDirectory: Path) -> None:
    (keyDirectory / ED25519).chmod(0o640)
    (keyDirectory / RSA).write_bytes(b"")
    assert [p.split(":")[0] for p in problemsOf(keyDirectory)] == [
        str(keyDirectory / ED25519),
        str(keyDirectory / RSA),
    ]

    (keyDirectory / RSA).unlink()
    assert len(problemsOf(keyDirectory)) == 1


def test_aDirectoryThatCannotBeIsRefused(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"")

    with pytest.raises(HostKeyError) as caught:
        loadHostKeys(tmp_path / "state")

    assert "Not a directory" in str(caught.value)
