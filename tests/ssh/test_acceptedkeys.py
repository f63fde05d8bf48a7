"""
L{bastion.ssh.acceptedkeys}: what an operator has accepted beside known_hosts.
"""

from __future__ import annotations

import base64
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from twisted.logger import capturedLogs

from bastion.interfaces import BastionError, HostAddress, HostKeyRefused
from bastion.ssh.acceptedkeys import AcceptedKeys, KeyNotAccepted, KnownKeys
from bastion.ssh.knownhosts import KnownHostsError, KnownHostsFile
from bastion.ssh.publickeys import blobFormat, fingerprint
from bastion.wire import string

NICE1, NICE2 = HostAddress("nice1"), HostAddress("2001:db8::2", 2222)
NOW = 1_764_103_200.9  # 2025-11-25T20:40:00Z


def ed25519(number: int) -> bytes:
    """
    A public key blob; any 32 bytes do.
    """
    return string(b"ssh-ed25519") + string(number.to_bytes(32, "big"))


OLD, NEW, NEWER = ed25519(1), ed25519(2), ed25519(3)
RSA = string(b"ssh-rsa") + string(b"\1\0\1") + string(b"\0" + b"\xc1" * 384)
RSA2 = string(b"ssh-rsa") + string(b"\1\0\1") + string(b"\0" + b"\xc2" * 384)


def line(names: str, blob: bytes, marker: bytes = b"") -> bytes:
    """
    A line of a known_hosts file.
    """
    return marker + b" ".join((names.encode(), blobFormat(blob), base64.b64encode(blob))) + b"\n"


@frozen
class Files:
    """
    The operator's file, and the bastion's.
    """

    directory: Path

    @property
    def operators(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def accepted(self) -> Path:
        return self.directory / "state" / "accepted_hosts"

    def keys(self, host: HostAddress = NICE1) -> KnownKeys:
        """
        What a bastion that has just been started knows.
        """
        return KnownKeys(KnownHostsFile(self.operators), AcceptedKeys(self.accepted), host)

    def lines(self) -> list[bytes]:
        """
        The lines of the accepted keys, without comments.
        """
        return [each for each in self.accepted.read_bytes().splitlines() if each[:1] != b"#"]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """
    The operator knows the old keys of two hosts; nothing was accepted.
    """
    (tmp_path / "state").mkdir()
    files = Files(tmp_path)
    files.operators.write_bytes(line("nice1", OLD) + line("nice1", RSA) + line("*", OLD))
    return files


def accepts(keys: KnownKeys, *blobs: bytes) -> list[bool]:
    """
    Which keys are accepted.
    """
    answers = []
    for blob in blobs:
        try:
            keys.verify(blob)
        except HostKeyRefused:
            answers.append(False)
        else:
            answers.append(True)
    return answers


def refusal(keys: KnownKeys, blob: bytes) -> HostKeyRefused:
    """
    The refusal that must follow.
    """
    with pytest.raises(HostKeyRefused) as caught:
        keys.verify(blob)
    return caught.value


# Without an accepted key


def test_withoutAnAcceptedKeyTheOperatorsFileDecides(files: Files) -> None:
    keys = files.keys()

    assert accepts(keys, OLD, RSA, NEW) == [True, True, False]
    assert keys.formats() == {b"ssh-ed25519", b"ssh-rsa"}
    assert keys.fingerprints() == (fingerprint(OLD), fingerprint(RSA))
    assert not files.accepted.exists()


def test_refusalSaysThatTheKeyMayBeAccepted(files: Files) -> None:
    text = str(refusal(files.keys(), NEW))

    assert text == (
        f"nice1 offered ssh-ed25519 {fingerprint(NEW)}; known_hosts has ssh-ed25519 "
        f"{fingerprint(OLD)} (line 3), ssh-rsa {fingerprint(RSA)} (line 2): its key was "
        "replaced, or something else answers in its place; compare with the keys on nice1 "
        "itself before you accept it or change known_hosts"
    )


# Accepting


def test_acceptedKeyTakesThePlaceOfThoseOfItsFormat(files: Files) -> None:
    keys = files.keys()
    keys.accept(NEW, NOW)

    assert accepts(keys, NEW, OLD, RSA) == [True, False, True]
    assert keys.formats() == {b"ssh-ed25519", b"ssh-rsa"}
    assert set(keys.fingerprints()) == {fingerprint(NEW), fingerprint(RSA)}


def test_acceptedKeyIsForItsHostOnly(files: Files) -> None:
    files.keys(NICE2).accept(NEW, NOW)

    assert accepts(files.keys(NICE2), NEW, OLD) == [True, False]
    for other in (NICE1, HostAddress("2001:db8::2"), HostAddress("2001:db8::22", 2222)):
        assert accepts(files.keys(other), NEW, OLD) == [False, True]


def test_keyOfAHostWithoutAnyCanBeAccepted(files: Files) -> None:
    files.operators.write_bytes(b"")
    files.keys().accept(NEW, NOW)

    assert accepts(files.keys(), NEW, OLD) == [True, False]


def test_keyOfAnotherFormatLeavesTheOthersInPlace(files: Files) -> None:
    files.operators.write_bytes(line("nice1", OLD))
    keys = files.keys()
    keys.accept(RSA, NOW)

    assert accepts(keys, OLD, RSA) == [True, True]


def test_acceptedKeyOutlivesTheProcess(files: Files) -> None:
    files.keys().accept(NEW, NOW)
    files.keys(NICE2).accept(RSA2, NOW)

    assert accepts(files.keys(), NEW, OLD) == [True, False]
    assert accepts(files.keys(NICE2), RSA2, RSA) == [True, False]


def test_everyLineSaysWhenItWasAccepted(files: Files) -> None:
    files.keys(NICE2).accept(NEW, NOW)

    assert files.accepted.read_bytes() == (
        b"# Host keys that were accepted; each counts until known_hosts has it too.\n"
        b"[2001:db8::2]:2222 ssh-ed25519 "
        + base64.b64encode(NEW)
        + b" accepted 2025-11-25T20:40:00Z\n"
    )


def test_acceptingAgainChangesNothing(files: Files) -> None:
    keys = files.keys()
    keys.accept(NEW, NOW)
    before = files.accepted.read_bytes()

    keys.accept(NEW, NOW + 60)
    files.keys().accept(NEW, NOW + 60)

    assert files.accepted.read_bytes() == before


def test_laterKeyTakesThePlaceOfAnEarlierOne(files: Files) -> None:
    keys = files.keys()
    for number in range(10, 20):
        keys.accept(ed25519(number), NOW)
    keys.accept(RSA2, NOW)

    assert accepts(keys, ed25519(19), ed25519(18), OLD, RSA2, RSA) == [
        *(True, False, False),
        *(True, False),
    ]
    assert len(files.lines()) == 2


def test_keyOfTheOperatorsFileNeedsNoLine(files: Files) -> None:
    keys = files.keys()
    keys.accept(OLD, NOW)
    assert not files.accepted.exists()

    keys.accept(NEW, NOW)
    keys.accept(OLD, NOW)
    assert files.lines() == []
    assert accepts(keys, OLD, NEW) == [True, False]


# The operator's file has the last word


def test_operatorsFileDecidesOnceItHasTheAcceptedKey(files: Files) -> None:
    keys = files.keys()
    keys.accept(NEW, NOW)
    keys.accept(RSA2, NOW)

    files.operators.write_bytes(line("nice1", NEW) + line("nice1", RSA))
    with capturedLogs() as logged:
        assert accepts(keys, NEW, OLD, RSA2, RSA) == [True, False, True, False]
    assert len(files.lines()) == 1
    (event,) = logged
    assert (event["host"], event["path"]) == ("nice1", str(files.accepted))

    files.operators.write_bytes(line("nice1", NEWER))
    assert accepts(keys, NEWER, NEW) == [True, False], "the accepted key does not come back"
    assert accepts(files.keys(), NEWER, NEW) == [True, False]


def test_anotherKeyInTheOperatorsFileIsNotTheAcceptedOne(files: Files) -> None:
    keys = files.keys()
    keys.accept(NEW, NOW)

    files.operators.write_bytes(line("nice1", NEWER))

    assert accepts(keys, NEW, NEWER) == [True, False]
    keys.accept(NEWER, NOW)
    assert accepts(keys, NEW, NEWER) == [False, True]
    assert files.lines() == []


def test_operatorsFileDecidesAlsoWhenTheLineCannotBeRemoved(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.keys().accept(NEW, NOW)
    files.operators.write_bytes(line("nice1", NEW) + line("nice1", OLD))
    failWriting(monkeypatch)
    keys = files.keys()

    with capturedLogs() as logged:
        for _ in range(3):
            assert accepts(keys, NEW, OLD) == [True, True]

    (event,) = logged
    assert event["problem"].startswith(f"{files.accepted}: cannot be written (No space left")
    assert len(files.lines()) == 1


# Revoked keys


@pytest.mark.parametrize("names", ["nice1", "*"])
def test_keyThatTheOperatorRevokesIsNeverAccepted(names: str, files: Files) -> None:
    files.operators.write_bytes(line("nice1", OLD) + line(names, NEW, b"@revoked "))
    keys = files.keys()

    with pytest.raises(KeyNotAccepted) as caught:
        keys.accept(NEW, NOW)

    assert isinstance(caught.value, BastionError)
    assert str(caught.value) == (
        f"{files.operators}: line 2 revokes the key that nice1 offered, ssh-ed25519 "
        f"{fingerprint(NEW)}; give the host another key"
    )
    assert not files.accepted.exists()
    assert accepts(keys, NEW, OLD) == [False, True]


def test_keyThatTheOtherFileRevokesIsNeverAccepted(files: Files) -> None:
    files.accepted.write_bytes(b"# mine\n" + line("*", NEW, b"@revoked ") + line("nice1", NEW))
    files.operators.write_bytes(line("nice1", OLD) + line("nice1", NEW))
    keys = files.keys()

    with pytest.raises(KeyNotAccepted, match=f"^{files.accepted}: line 2 revokes the key"):
        keys.accept(NEW, NOW)
    assert accepts(keys, NEW, OLD) == [False, True]


def test_acceptedKeyThatWasRevokedLaterTakesNoOnesPlace(files: Files) -> None:
    keys = files.keys()
    keys.accept(NEW, NOW)

    files.operators.write_bytes(line("nice1", OLD) + line("*", NEW, b"@revoked "))

    assert accepts(keys, NEW, OLD) == [False, True]
    assert ": line 2 of known_hosts revokes the offered one; " in str(refusal(keys, NEW))


def test_revocationStaysWhenAKeyIsAccepted(files: Files) -> None:
    files.accepted.write_bytes(line("nice1", OLD, b"@revoked "))
    keys = files.keys()
    assert accepts(keys, OLD) == [False]

    keys.accept(NEW, NOW)

    assert accepts(keys, OLD, NEW) == [False, True]
    assert ": line 1 of accepted_hosts revokes the offered one; " in str(refusal(keys, OLD))


# Refusals


def test_refusalOfAReplacedKeySaysWhichFileHasWhat(files: Files) -> None:
    keys = files.keys()
    keys.accept(NEW, NOW)

    error = refusal(keys, OLD)

    assert str(error) == (
        f"nice1 offered ssh-ed25519 {fingerprint(OLD)}; "
        f"known_hosts has ssh-rsa {fingerprint(RSA)} (line 2); "
        f"accepted_hosts has ssh-ed25519 {fingerprint(NEW)} (line 2); "
        f"known_hosts has ssh-ed25519 {fingerprint(OLD)} (line 3), which no longer counts: "
        "another key was accepted in place of the offered one; "
        "compare with the keys on nice1 itself before you accept it or change known_hosts"
    )
    assert set(error.known) == {fingerprint(NEW), fingerprint(RSA)}
    assert (error.host, error.key) == (NICE1, OLD)


def test_refusalOfAThirdKeySaysWhichFileHasWhat(files: Files) -> None:
    keys = files.keys()
    keys.accept(NEW, NOW)

    text = str(refusal(keys, NEWER))

    assert f"accepted_hosts has ssh-ed25519 {fingerprint(NEW)} (line 2); " in text
    assert f"known_hosts has ssh-ed25519 {fingerprint(OLD)} (line 3), which no longer" in text
    assert ": its key was replaced, or something else answers in its place; " in text


@pytest.mark.parametrize("blob", [b"", NEW[:-1], NEW + b"\0", string(b"ssh-dss") + bytes(9)])
def test_whatIsNoKeyIsNotAccepted(blob: bytes, files: Files) -> None:
    with pytest.raises(KeyNotAccepted, match=r"^nice1: what it offered is no key that can be used"):
        files.keys().accept(blob, NOW)
    assert not files.accepted.exists()


# The file


def failWriting(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The disk is full from now on.
    """

    def fsync(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)


def test_fileIsForItsOwnerOnlyWhateverTheUmask(files: Files) -> None:
    for umask in (0, 0o777):
        before = os.umask(umask)
        try:
            files.keys().accept(ed25519(100 + umask), NOW)
        finally:
            os.umask(before)
        assert stat.S_IMODE(files.accepted.stat().st_mode) == 0o600


def test_fileIsWrittenWholeOrNotAtAll(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = files.keys()
    keys.accept(NEW, NOW)
    before = files.accepted.read_bytes()
    failWriting(monkeypatch)

    with pytest.raises(KeyNotAccepted) as caught:
        keys.accept(NEWER, NOW)

    assert str(caught.value) == (
        f"{files.accepted}: cannot be written (No space left on device); "
        f"let the bastion's user write to {files.accepted.parent}"
    )
    assert files.accepted.read_bytes() == before
    assert os.listdir(files.accepted.parent) == ["accepted_hosts"]
    assert accepts(keys, NEW, NEWER) == [True, False]


def test_directoryThatIsMissingIsSaid(files: Files) -> None:
    files.accepted.parent.rmdir()
    with pytest.raises(KeyNotAccepted, match="No such file or directory"):
        files.keys().accept(NEW, NOW)


def test_otherLinesOfTheFileStayAsTheyAre(files: Files) -> None:
    others = b"# a word\n\nnonsense\n" + line("nice3", OLD) + line("@nice1", RSA)[:-1] + b" mine"
    files.accepted.write_bytes(others)

    files.keys().accept(NEW, NOW)
    files.keys().accept(NEWER, NOW)

    assert files.accepted.read_bytes().startswith(others + b"\nnice1 ssh-ed25519 ")
    assert files.accepted.read_bytes().count(b"\n") == 6


def test_fileIsReadAgainWhenItChanges(files: Files) -> None:
    keys = files.keys()
    assert accepts(keys, NEW) == [False]

    files.accepted.write_bytes(line("nice?", NEW))
    assert accepts(keys, NEW, OLD) == [True, False]

    files.accepted.unlink()
    assert accepts(keys, NEW, OLD) == [False, True]


def test_unchangedFileIsReadOnce(files: Files) -> None:
    accepted = AcceptedKeys(files.accepted)
    assert accepted.current() is accepted.current()
    accepted.put(NICE1, NEW, NOW)
    assert accepted.current() is accepted.current()


def test_everythingThatIsAcceptedIsInOneFile(files: Files) -> None:
    """
    Two hosts, two clusters, one file: each finds what the other has written.
    """
    accepted = AcceptedKeys(files.accepted)
    first, second = (KnownKeys(KnownHostsFile(files.operators), accepted, host) for host in HOSTS)
    first.accept(NEW, NOW)
    second.accept(NEWER, NOW)

    assert accepts(first, NEW, NEWER) == [True, False]
    assert accepts(second, NEW, NEWER) == [False, True]


def test_fileThatCannotBeReadAcceptsNothing(files: Files) -> None:
    files.accepted.mkdir()
    keys = files.keys()
    calls: list[Any] = [keys.formats, keys.fingerprints, lambda: keys.verify(OLD)]
    for call in (*calls, lambda: keys.accept(NEW, NOW)):
        with pytest.raises(KnownHostsError) as caught:
            call()
        text = str(caught.value)
        assert text.startswith(f"{files.accepted}: cannot be read (")
        assert text.endswith("or move it away, and no key is accepted but those in known_hosts")


def test_lastContentHoldsWhileTheFileCannotBeRead(files: Files) -> None:
    keys = files.keys()
    keys.accept(NEW, NOW)
    files.accepted.unlink()
    os.mkfifo(files.accepted)

    with capturedLogs() as logged:
        for _ in range(3):
            assert accepts(keys, NEW, OLD) == [True, False]
    assert ["its last content still holds" in each["log_format"] for each in logged] == [True]


HOSTS = (NICE1, NICE2)


@pytest.mark.interop
def test_sshKeygenReadsTheFile(files: Files) -> None:
    for host in HOSTS:
        files.keys(host).accept(NEW, NOW)

    for name in ("nice1", "[2001:db8::2]:2222"):
        command = ["ssh-keygen", "-l", "-f", str(files.accepted), "-F", name]
        told = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout
        assert fingerprint(NEW) in told
