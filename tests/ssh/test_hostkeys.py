"""
L{bastion.ssh.hostkeys}: keys are made once, kept safe, and never replaced.
"""

from __future__ import annotations

import base64
import os
import shutil
import socket
import stat
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.conch.ssh.keys import Key

from bastion.ssh import hostkeys
from bastion.ssh.hostkeys import HostKeyError, fingerprint, loadHostKeys

ED25519, RSA = "ssh_host_ed25519_key", "ssh_host_rsa_key"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A directory as the first start leaves it.  Use C{directory} to change it.
    """
    directory = tmp_path_factory.mktemp("made") / "a" / "state"
    loadHostKeys(directory)
    return directory


@pytest.fixture
def directory(made: Path, tmp_path: Path) -> Path:
    """
    A copy of it.
    """
    return Path(shutil.copytree(made, tmp_path / "state"))


def problemsOf(directory: Path) -> tuple[str, ...]:
    """
    What is wrong with the keys; nothing in the directory may change.
    """
    before = contents(directory)
    with pytest.raises(HostKeyError) as caught:
        loadHostKeys(directory)
    assert contents(directory) == before
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def contents(directory: Path) -> dict[str, bytes]:
    """
    Every regular file of a directory.
    """
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def mode(path: Path) -> int:
    """
    The permission bits.
    """
    return stat.S_IMODE(path.stat().st_mode)


# The first start


def test_theFirstStartMakesBothKeysForUsAlone(made: Path) -> None:
    keys = loadHostKeys(made)

    assert list(keys) == [b"ssh-ed25519", b"ssh-rsa"]
    assert [key.sshType() for key in keys.values()] == list(keys)
    assert not any(key.isPublic() for key in keys.values())
    assert keys[b"ssh-rsa"].size() == 3072
    assert mode(made) == 0o700
    assert {path.name: mode(path) for path in made.iterdir()} == {
        ED25519: 0o600,
        f"{ED25519}.pub": 0o644,
        RSA: 0o600,
        f"{RSA}.pub": 0o644,
    }


def test_thePublicHalfIsOneLineWithAComment(made: Path) -> None:
    key = loadHostKeys(made)[b"ssh-ed25519"]

    assert (made / f"{ED25519}.pub").read_bytes() == (
        b"ssh-ed25519 %s bastion@%s\n"
        % (base64.b64encode(key.blob()), socket.gethostname().encode())
    )


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_theUmaskChangesNoMode(mask: int, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    And the private file is closed to others from its first byte: a reader
    could have opened it before a later chmod.
    """
    created = []
    fchmod = os.fchmod

    def noted(descriptor: int, bits: int) -> None:
        created.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        fchmod(descriptor, bits)

    monkeypatch.setattr(os, "fchmod", noted)
    for path in (directory / ED25519, directory / f"{ED25519}.pub"):
        path.unlink()
    before = os.umask(mask)
    try:
        loadHostKeys(directory)
    finally:
        os.umask(before)

    assert created[0] == 0o600
    assert (mode(directory / ED25519), mode(directory / f"{ED25519}.pub")) == (0o600, 0o644)


def test_theNextStartsReadTheSameKeysAndWriteNothing(directory: Path) -> None:
    before = contents(directory)

    first, second = loadHostKeys(directory), loadHostKeys(directory)

    assert {name: key.blob() for name, key in first.items()} == {
        name: key.blob() for name, key in second.items()
    }
    assert contents(directory) == before


def test_aMissingKeyIsMadeAndTheOtherOneStays(directory: Path) -> None:
    before = contents(directory)
    for name in (ED25519, f"{ED25519}.pub"):
        (directory / name).unlink()

    loadHostKeys(directory)

    after = contents(directory)
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] == before[name]} == {RSA, f"{RSA}.pub"}


def test_severalStartsAtOnceAgreeOnTheKeys(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (ED25519, f"{ED25519}.pub"):
        (directory / name).unlink()
    starts = 4
    everyoneHasMadeAKey = threading.Barrier(starts, timeout=30)
    link = os.link

    def together(source: Path, target: Path) -> None:
        if target.name == ED25519:
            everyoneHasMadeAKey.wait()
        link(source, target)

    monkeypatch.setattr(os, "link", together)
    with ThreadPoolExecutor(starts) as pool:
        made = list(pool.map(lambda _: loadHostKeys(directory), range(starts)))

    assert len({keys[b"ssh-ed25519"].blob() for keys in made}) == 1
    assert sorted(contents(directory)) == [ED25519, f"{ED25519}.pub", RSA, f"{RSA}.pub"]


@pytest.mark.parametrize("step", ["fchmod", "fsync", "link"])
def test_aFailureHalfwayLeavesNothingBehind(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        problems = problemsOf(tmp_path)

    assert list(tmp_path.iterdir()) == []
    assert problems[0].startswith(f"{tmp_path / ED25519}: cannot be made (No space left on device)")
    assert "ssh-keygen -N '' -t ed25519 -f" in problems[0]


def test_aCrashBeforeThePublicHalfIsMadeGoodAtTheNextStart(directory: Path, made: Path) -> None:
    (directory / f"{RSA}.pub").unlink()
    (directory / f".{RSA}.0123456789abcdef").write_bytes(b"half a key")

    loadHostKeys(directory)

    assert (directory / f"{RSA}.pub").read_bytes() == (made / f"{RSA}.pub").read_bytes()


def test_thePublicHalfIsNotNeeded(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    As in a directory that only root may write to.
    """
    (directory / f"{RSA}.pub").unlink()

    def fail(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(hostkeys, "_install", fail)
    assert len(loadHostKeys(directory)) == 2


# Refusals


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o602, 0o610, 0o644, 0o666])
def test_aKeyThatOthersMayUseIsRefused(bits: int, directory: Path) -> None:
    path = directory / RSA
    path.chmod(bits)

    (problem,) = problemsOf(directory)

    assert problem == (f"{path}: its mode {bits:04o} lets other users at the key; chmod 600 {path}")


def test_aReadOnlyKeyOfOurOwnIsGood(directory: Path) -> None:
    (directory / RSA).chmod(0o400)

    assert len(loadHostKeys(directory)) == 2


@pytest.mark.parametrize(("owner", "good"), [("us", True), ("root", True), ("other", False)])
def test_aKeyOfSomebodyElseIsRefused(
    owner: str, good: bool, directory: Path, monkeypatch: pytest.MonkeyPatch
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
        assert len(loadHostKeys(directory)) == 2
    else:
        assert problemsOf(directory)[0] == (
            f"{directory / ED25519}: belongs to user 1001, who could replace it; "
            f"chown 1000 {directory / ED25519}"
        )


@pytest.mark.parametrize("kind", ["directory", "fifo", "dangling link", "link to a directory"])
def test_whatIsNoRegularFileIsRefused(kind: str, directory: Path) -> None:
    path = directory / RSA
    path.unlink()
    if kind == "directory":
        path.mkdir(0o700)
    elif kind == "fifo":
        os.mkfifo(path, 0o600)
    else:
        path.symlink_to(directory if kind.endswith("directory") else "nothing")

    (problem,) = problemsOf(directory)

    assert problem.startswith(f"{path}: ")
    assert any(word in problem for word in ("Is a directory", "regular file", "link to nothing"))


def test_aLinkToAGoodKeyIsFollowed(directory: Path, tmp_path: Path) -> None:
    """
    Secrets are mounted like this by container platforms, and sshd follows too.
    """
    (directory / RSA).rename(tmp_path / "key")
    (directory / RSA).symlink_to(tmp_path / "key")
    loadHostKeys(directory)

    (tmp_path / "key").chmod(0o640)
    assert "mode 0640" in problemsOf(directory)[0]


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
def test_aDamagedKeyIsRefusedWithoutQuotingIt(damage, directory: Path) -> None:
    path = directory / ED25519
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(HostKeyError) as caught:
        loadHostKeys(directory)

    assert str(caught.value).startswith(f"{path}: is not a whole private key in OpenSSH's format;")
    assert caught.value.__context__ is None


def test_aKeyOfTheWrongTypeIsRefused(directory: Path) -> None:
    key = Key(ec.generate_private_key(ec.SECP256R1()))
    (directory / RSA).write_bytes(key.toString("OPENSSH", subtype="v1"))

    (problem,) = problemsOf(directory)

    assert "holds a key of type ecdsa-sha2-nistp256 instead of ssh-rsa; move it" in problem


@pytest.mark.parametrize("subtype", ["v1", "PEM"])
def test_anEncryptedKeyIsRefused(subtype: str, directory: Path) -> None:
    path = directory / RSA
    key = loadHostKeys(directory)[b"ssh-rsa"]
    path.write_bytes(key.toString("OPENSSH", subtype=subtype, passphrase=b"secret"))

    (problem,) = problemsOf(directory)

    assert "is encrypted with a passphrase" in problem
    assert problem.endswith(f"ssh-keygen -p -N '' -f {path}")


def test_anOlderPemKeyIsGood(directory: Path) -> None:
    key = loadHostKeys(directory)[b"ssh-rsa"]
    (directory / RSA).write_bytes(key.toString("OPENSSH", subtype="PEM"))

    assert loadHostKeys(directory)[b"ssh-rsa"] == key


def test_allProblemsAreSaidAtOnceAndNothingIsMade(directory: Path) -> None:
    (directory / ED25519).chmod(0o640)
    (directory / RSA).write_bytes(b"")
    assert [p.split(":")[0] for p in problemsOf(directory)] == [
        str(directory / ED25519),
        str(directory / RSA),
    ]

    (directory / RSA).unlink()
    assert len(problemsOf(directory)) == 1


def test_aDirectoryThatCannotBeIsRefused(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"")

    with pytest.raises(HostKeyError) as caught:
        loadHostKeys(tmp_path / "state")

    assert "Not a directory" in str(caught.value)


# OpenSSH's own program


def keygen(*arguments: object) -> str:
    """
    Run ssh-keygen and return what it prints.
    """
    command = ["ssh-keygen", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


@pytest.mark.interop
def test_sshKeygenReadsOurFiles(made: Path) -> None:
    for name, key in zip((ED25519, RSA), loadHostKeys(made).values(), strict=True):
        public = (made / f"{name}.pub").read_text()
        assert keygen("-y", "-f", made / name).split()[:2] == public.split()[:2]
        for path in (made / name, made / f"{name}.pub"):
            assert keygen("-l", "-f", path).split()[1] == fingerprint(key.blob())
        assert f"bastion@{socket.gethostname()} " in keygen("-l", "-f", made / f"{name}.pub")


@pytest.mark.interop
@pytest.mark.parametrize("format", ["RFC4716", "PEM"])
def test_weReadSshKeygensFiles(format: str, tmp_path: Path) -> None:
    for name, kind in ((ED25519, "ed25519"), (RSA, "rsa")):
        keygen("-q", "-N", "", "-m", format, "-t", kind, "-f", tmp_path / name)
    before = contents(tmp_path)

    for name, key in zip((ED25519, RSA), loadHostKeys(tmp_path).values(), strict=True):
        assert fingerprint(key.blob()) in keygen("-l", "-f", tmp_path / name)
    assert contents(tmp_path) == before
