"""
L{bastion.ssh.hostkeys}: keys are made once, kept safe, and never replaced.
"""

from __future__ import annotations

import base64
import os
import socket
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from keyfiles import ED25519, RSA, contents, keygen, mode, problemsOf

from bastion.ssh import hostkeys
from bastion.ssh.hostkeys import loadHostKeys
from bastion.ssh.publickeys import fingerprint

# The first start


def test_theFirstStartMakesBothKeysForUsAlone(madeKeys: Path) -> None:
    keys = loadHostKeys(madeKeys)

    assert list(keys) == [b"ssh-ed25519", b"ssh-rsa"]
    assert [key.sshType() for key in keys.values()] == list(keys)
    assert not any(key.isPublic() for key in keys.values())
    assert keys[b"ssh-rsa"].size() == 3072
    assert mode(madeKeys) == 0o700
    assert {path.name: mode(path) for path in madeKeys.iterdir()} == {
        ED25519: 0o600,
        f"{ED25519}.pub": 0o644,
        RSA: 0o600,
        f"{RSA}.pub": 0o644,
    }


def test_thePublicHalfIsOneLineWithAComment(madeKeys: Path) -> None:
    key = loadHostKeys(madeKeys)[b"ssh-ed25519"]

    assert (madeKeys / f"{ED25519}.pub").read_bytes() == (
        b"ssh-ed25519 %s bastion@%s\n"
        % (base64.b64encode(key.blob()), socket.gethostname().encode())
    )


def test_whatConchAsksForAgainAndAgainIsMadeOnce(madeKeys: Path) -> None:
    for key in loadHostKeys(madeKeys).values():
        assert key.blob() is key.blob()
        assert key.public() is key.public()


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_theUmaskChangesNoMode(
    mask: int, keyDirectory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    for path in (keyDirectory / ED25519, keyDirectory / f"{ED25519}.pub"):
        path.unlink()
    before = os.umask(mask)
    try:
        loadHostKeys(keyDirectory)
    finally:
        os.umask(before)

    assert created[0] == 0o600
    assert (mode(keyDirectory / ED25519), mode(keyDirectory / f"{ED25519}.pub")) == (0o600, 0o644)


def test_theNextStartsReadTheSameKeysAndWriteNothing(keyDirectory: Path) -> None:
    before = contents(keyDirectory)

    first, second = loadHostKeys(keyDirectory), loadHostKeys(keyDirectory)

    assert {name: key.blob() for name, key in first.items()} == {
        name: key.blob() for name, key in second.items()
    }
    assert contents(keyDirectory) == before


def test_aMissingKeyIsMadeAndTheOtherOneStays(keyDirectory: Path) -> None:
    before = contents(keyDirectory)
    for name in (ED25519, f"{ED25519}.pub"):
        (keyDirectory / name).unlink()

    loadHostKeys(keyDirectory)

    after = contents(keyDirectory)
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] == before[name]} == {RSA, f"{RSA}.pub"}


def test_severalStartsAtOnceAgreeOnTheKeys(
    keyDirectory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (ED25519, f"{ED25519}.pub"):
        (keyDirectory / name).unlink()
    starts = 4
    everyoneHasMadeAKey = threading.Barrier(starts, timeout=30)
    link = os.link

    def together(source: Path, target: Path) -> None:
        if target.name == ED25519:
            everyoneHasMadeAKey.wait()
        link(source, target)

    monkeypatch.setattr(os, "link", together)
    with ThreadPoolExecutor(starts) as pool:
        made = list(pool.map(lambda _: loadHostKeys(keyDirectory), range(starts)))

    assert len({keys[b"ssh-ed25519"].blob() for keys in made}) == 1
    assert sorted(contents(keyDirectory)) == [ED25519, f"{ED25519}.pub", RSA, f"{RSA}.pub"]


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


def test_aCrashBeforeThePublicHalfIsMadeGoodAtTheNextStart(
    keyDirectory: Path, madeKeys: Path
) -> None:
    (keyDirectory / f"{RSA}.pub").unlink()
    (keyDirectory / f".{RSA}.0123456789abcdef").write_bytes(b"half a key")

    loadHostKeys(keyDirectory)

    assert (keyDirectory / f"{RSA}.pub").read_bytes() == (madeKeys / f"{RSA}.pub").read_bytes()


def test_thePublicHalfIsNotNeeded(keyDirectory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    As in a directory that only root may write to.
    """
    (keyDirectory / f"{RSA}.pub").unlink()

    def fail(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(hostkeys, "create", fail)
    assert len(loadHostKeys(keyDirectory)) == 2


# OpenSSH's own program


@pytest.mark.interop
def test_sshKeygenReadsOurFiles(madeKeys: Path) -> None:
    for name, key in zip((ED25519, RSA), loadHostKeys(madeKeys).values(), strict=True):
        public = (madeKeys / f"{name}.pub").read_text()
        assert keygen("-y", "-f", madeKeys / name).split()[:2] == public.split()[:2]
        for path in (madeKeys / name, madeKeys / f"{name}.pub"):
            assert keygen("-l", "-f", path).split()[1] == fingerprint(key.blob())
        assert f"bastion@{socket.gethostname()} " in keygen("-l", "-f", madeKeys / f"{name}.pub")


@pytest.mark.interop
@pytest.mark.parametrize("format", ["RFC4716", "PEM"])
def test_weReadSshKeygensFiles(format: str, tmp_path: Path) -> None:
    for name, kind in ((ED25519, "ed25519"), (RSA, "rsa")):
        keygen("-q", "-N", "", "-m", format, "-t", kind, "-f", tmp_path / name)
    before = contents(tmp_path)

    for name, key in zip((ED25519, RSA), loadHostKeys(tmp_path).values(), strict=True):
        assert fingerprint(key.blob()) in keygen("-l", "-f", tmp_path / name)
    assert contents(tmp_path) == before
