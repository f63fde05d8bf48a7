"""
L{bastion.ssh.knownhosts}: which keys are accepted from which host.
"""

from __future__ import annotations

import base64
import io
import os
import random
import re
import subprocess
from pathlib import Path

import pytest
from twisted.logger import capturedLogs

from bastion.interfaces import HostAddress, HostKeyRefused, HostUnavailable
from bastion.ssh import knownhosts
from bastion.ssh.knownhosts import KnownHosts, KnownHostsError, KnownHostsFile
from bastion.ssh.publickeys import fingerprint
from bastion.wire import string

NICE = HostAddress("nice1.example.org")


def ed25519(number: int) -> bytes:
    """
    A public key blob; any 32 bytes do.
    """
    return string(b"ssh-ed25519") + string(number.to_bytes(32, "big"))


def ecdsa(bits: bytes, curve: bytes, point: bytes) -> bytes:
    """
    A public key blob.
    """
    return string(b"ecdsa-sha2-nistp" + bits) + string(curve) + string(point)


OLD, NEW = ed25519(1), ed25519(2)
BASE64 = base64.b64encode(OLD).decode()
RSA = string(b"ssh-rsa") + string(b"\1\0\1") + string(b"\0" + b"\xc1" * 384)
P256, P384, P521 = (
    ecdsa(bits, b"nistp" + bits, b"\4" + bytes(size))
    for bits, size in ((b"256", 64), (b"384", 96), (b"521", 132))
)


def keyType(blob: bytes) -> bytes:
    """
    The first string of a blob.
    """
    return blob[4 : 4 + int.from_bytes(blob[:4], "big")]


def line(names: str, blob: bytes = OLD, marker: bytes = b"") -> bytes:
    """
    A line of a known_hosts file.
    """
    return marker + b" ".join((names.encode(), keyType(blob), base64.b64encode(blob))) + b"\n"


def refusal(known: KnownHosts, host: HostAddress, blob: bytes) -> HostKeyRefused:
    """
    The refusal that must follow.
    """
    with pytest.raises(HostKeyRefused) as caught:
        known.verify(host, blob)
    return caught.value


# Acceptance


@pytest.mark.parametrize("blob", [OLD, RSA, P256, P384, P521], ids=keyType)
def test_aListedKeyOfEachTypeIsAccepted(blob: bytes) -> None:
    known = KnownHosts.parse(line(NICE.name, blob))

    known.verify(NICE, blob)

    assert known.problems == ()
    assert known.formats(NICE) == {keyType(blob)}


def test_anUnknownHostIsRefusedWithTheOfferedFingerprint() -> None:
    host = HostAddress("nice1", 2201)
    error = refusal(KnownHosts.parse(line("nice1")), host, NEW)

    assert isinstance(error, HostUnavailable)
    assert str(error).startswith(
        f"no key of nice1:2201 is in known_hosts; it offered ssh-ed25519 {fingerprint(NEW)}; "
    )
    assert (error.host, error.offered, error.known) == (host, fingerprint(NEW), ())
    assert error.key == NEW


def test_aChangedKeyIsRefusedWithBothFingerprints() -> None:
    error = refusal(KnownHosts.parse(b"\n" + line(NICE.name)), NICE, NEW)

    assert str(error).startswith(
        f"nice1.example.org offered ssh-ed25519 {fingerprint(NEW)}; "
        f"known_hosts has ssh-ed25519 {fingerprint(OLD)} (line 2): its key was replaced"
    )
    assert (error.offered, error.known) == (fingerprint(NEW), (fingerprint(OLD),))


def test_aKeyOfAnotherTypeIsRefusedWithoutCallingTheKnownOneReplaced() -> None:
    text = str(refusal(KnownHosts.parse(line(NICE.name, RSA)), NICE, NEW))

    assert fingerprint(NEW) in text and fingerprint(RSA) in text
    assert "replaced" not in text


@pytest.mark.parametrize("revocationFirst", [True, False])
def test_revokedKeyIsRefusedEvenIfAlsoListed(revocationFirst: bool) -> None:
    lines = [line("*", RSA, b"@revoked\t"), line(NICE.name, RSA) + line(NICE.name)]
    known = KnownHosts.parse(b"".join(lines if revocationFirst else reversed(lines)))

    error = refusal(known, NICE, RSA)

    assert "revokes the offered one" in str(error)
    assert fingerprint(RSA) in str(error) and fingerprint(OLD) in str(error)
    assert error.known == (fingerprint(OLD),)
    known.verify(NICE, OLD)
    assert known.formats(NICE) == {b"ssh-ed25519"}


def test_aRevocationIsForTheMatchingHostsOnlyAndMakesNoneKnown() -> None:
    known = KnownHosts.parse(line("nice2", OLD, b"@revoked ") + line("nice1"))

    known.verify(HostAddress("nice1"), OLD)
    assert known.formats(HostAddress("nice2")) == set()
    assert str(refusal(known, HostAddress("nice2"), NEW)).startswith("no key of nice2 is")


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\0",
        b"\xff" * 64,
        OLD[:-1],
        OLD + b"\0",
        string(b"ssh-ed25519") + string(bytes(31)),
        string(b"ssh-ed25519-cert-v01@openssh.com") + bytes(64),
        string(b"ssh-rsa") + string(b"") + string(b"\1"),
        ecdsa(b"256", b"sha2-nistp256", b"\4" + bytes(64)),
        ecdsa(b"256", b"nistp256", b"\2" + bytes(64)),
        ecdsa(b"256", b"nistp384", b"\4" + bytes(96)),
        string(b"x\n\x1b]0;" * 9) + bytes(9),
    ],
)
def test_aMalformedKeyIsRefusedAndNothingElseHappens(blob: bytes) -> None:
    error = refusal(KnownHosts.parse(line("*")), NICE, blob)
    text = str(error)

    assert "no key that can be used" in text
    assert fingerprint(blob) in text and fingerprint(OLD) in text
    assert text.isprintable()
    assert error.key == blob


@pytest.mark.parametrize("function", ["fingerprint", "blobFormat", "lookupName"])
def test_aFailureOnTheWayAcceptsNothing(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Like CVE-2025-26465, where memory running out skipped the comparison.
    """
    known = KnownHosts.parse(line(NICE.name))

    def fail(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(knownhosts, function, fail)
    with pytest.raises(MemoryError):
        known.verify(NICE, NEW)


def test_aRefusalNamesFewKeysHoweverManyMatch() -> None:
    known = KnownHosts.parse(b"".join(line("*", ed25519(number)) for number in range(100)))

    error = refusal(known, NICE, ed25519(100))

    assert "and 92 more" in str(error)
    assert len(error.known) == 100


# Matching: each name field is on its own line, whose number is its key's too.

LISTED = """
    nice1 nice1,192.0.2.1 NICE1,other *.example.org *.example.org,!nice1.* !nice1.example.org,*
    nice? nice1* * [nice1]:2201 [nice1]:22 [nice?]:2* [*]:2201,!*nice2* n[i]ce1 nice1, !nice1
    2001:db8::1 [2001:db8::1]:2201 *nice1* **??ce1
""".split()
LOOKUPS = """
    nice1 nice2 nice nice1.example.org nice2.example.org 192.0.2.1 2001:db8::1
    [nice1]:2201 [nice2]:2201 [nice1]:2022 [2001:db8::1]:2201
""".split()


def matching(known: KnownHosts, name: str) -> set[int]:
    """
    The numbers of the keys that are accepted.
    """
    bare, port = re.fullmatch(r"\[?(.*?)(?:\]:(\d+))?", name).groups()
    host = HostAddress(bare, int(port or 22))
    accepted = set()
    for number in range(1, len(LISTED) + 1):
        try:
            known.verify(host, ed25519(number))
        except HostKeyRefused:
            continue
        accepted.add(number)
    return accepted


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("nice1", {1, 2, 3, 6, 7, 8, 9, 15, 19, 20}),
        ("Nice1", {1, 2, 3, 6, 7, 8, 9, 15, 19, 20}),
        ("[nice1]:22", {1, 2, 3, 6, 7, 8, 9, 15, 19, 20}),
        ("nice1.example.org", {4, 8, 9, 19}),
        ("nice2.example.org", {4, 5, 6, 9}),
        ("[nice1]:2201", {6, 9, 10, 12, 13, 19}),
    ],
)
def test_namesPatternsNegationsAndPorts(name: str, numbers: set[int]) -> None:
    text = b"".join(line(names, ed25519(n)) for n, names in enumerate(LISTED, 1))

    assert matching(KnownHosts.parse(text), name) == numbers


@pytest.mark.interop
@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("name", LOOKUPS)
def test_sshKeygenFindsTheSameLines(name: str, hashed: bool, tmp_path: Path) -> None:
    def keygen(*arguments: str) -> str:
        command = ["ssh-keygen", "-f", str(path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout

    path = tmp_path / "known_hosts"
    path.write_bytes(b"".join(line(names, ed25519(n)) for n, names in enumerate(LISTED, 1)))
    if hashed:
        # It leaves patterns in plain text, and gives every other name its own line.
        keygen("-H")
        assert path.read_bytes().count(b"|1|") > 10
    keys = [base64.b64decode(text.split()[2]) for text in path.read_bytes().splitlines()]
    found = {keys[int(n) - 1] for n in re.findall(r"found: line (\d+)", keygen("-F", name))}

    known = KnownHosts.load(path)

    assert known.problems == ()
    assert {ed25519(number) for number in matching(known, name)} == found


# Lines


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (f"nice1 ssh-ed25519 {BASE64[:-1]}", "the key is not base64"),
        (f"nice1 ssh-ed25519 *{BASE64}", "the key is not base64"),
        (f"nice1 ssh-rsa {BASE64}", "a key of type ssh-ed25519 is called ssh-rsa"),
        ("nice1 ssh-dss AAAAB3NzaC1kc3M=", "unknown key type 'ssh-dss'"),
        ("nice1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", "15 bytes are too few"),
        ("nice1 ssh-ed25519", "host names, key type and key are not all there"),
        (f"@cert-authority * ssh-ed25519 {BASE64}", "host certificates are not supported"),
        (f"@other * ssh-ed25519 {BASE64}", "unknown marker '@other'"),
        (f"|1|AAAA|AAAA ssh-ed25519 {BASE64}", "salt and hash of a host name are 20 bytes each"),
        (f"|1|A|A ssh-ed25519 {BASE64}", "the hashed host name is not base64"),
        (f"|2|AAAA|AAAA ssh-ed25519 {BASE64}", "the hashed host name is not of the form"),
        ("@revoked * ssh-ed25519 AAAA", "3 bytes are too few: a field ends at 4; this key is NOT"),
    ],
)
def test_aLineThatCannotBeUsedIsSaidAndSkipped(bad: str, problem: str) -> None:
    known = KnownHosts.parse(line("first") + bad.encode() + b"\n" + line("last"))

    assert len(known.problems) == 1
    assert known.problems[0].startswith(f"line 2: {problem}")
    assert known.problems[0].endswith("NOT revoked") == bad.startswith("@revoked")
    known.verify(HostAddress("first"), OLD)
    known.verify(HostAddress("last"), OLD)
    assert known.formats(HostAddress("nice1")) == set()


def test_commentsBlanksIndentationAndForeignLineEndsAreNoProblem() -> None:
    spaced = b" \t" + line("nice1").replace(b" ", b" \t ").rstrip() + b" a comment | with words"
    unended = line("nice2").rstrip()
    known = KnownHosts.parse(b"# comment\r\n\r\n   \t\n  # more\n" + spaced + b"\r\n" + unended)

    assert known.problems == ()
    known.verify(HostAddress("nice1"), OLD)
    known.verify(HostAddress("nice2"), OLD)


def test_aCarriageReturnInACommentStartsNoLine() -> None:
    known = KnownHosts.parse(line("nice1").rstrip() + b" comment\r" + line("nice2", NEW))

    refusal(known, HostAddress("nice2"), NEW)


def test_noiseIsSaidInPrintableWordsAndAcceptsNothing() -> None:
    noise = random.Random(1)
    alphabet = b"@revoked*|1|=!,[]: \t\r\n#\0\xff\x1b" + base64.b64encode(OLD)
    for _ in range(300):
        known = KnownHosts.parse(bytes(noise.choices(alphabet, k=400)))
        assert all(problem.isprintable() for problem in known.problems)
        refusal(known, NICE, OLD)


def test_aLookupIsRememberedButNotForEver() -> None:
    known = KnownHosts.parse(line("*"))
    for number in range(knownhosts.CACHED_HOSTS + 10):
        known.verify(HostAddress(f"nice{number}"), OLD)

    info = known._about.cache_info()
    assert info.currsize == knownhosts.CACHED_HOSTS
    known.verify(HostAddress(f"nice{knownhosts.CACHED_HOSTS}"), OLD)
    assert known._about.cache_info().hits == info.hits + 1


# Files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """
    A known_hosts file with the old key.
    """
    path = tmp_path / "known_hosts"
    path.write_bytes(line(NICE.name))
    return path


@pytest.mark.parametrize("read", [KnownHosts.load, lambda path: KnownHostsFile(path).current()])
def test_aMissingOrStrangeFileIsAnErrorWithARemedy(read, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "missing", tmp_path / "fifo", tmp_path):
        with pytest.raises(KnownHostsError) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: cannot be read (")
        assert f"ssh-keyscan -p PORT HOST >> {path}" in str(caught.value)


def test_anUnchangedFileIsReadOnce(path: Path) -> None:
    file = KnownHostsFile(path)

    assert file.current() is file.current()


def test_aChangedFileIsReadAgainAndItsProblemsAreLogged(path: Path) -> None:
    file = KnownHostsFile(path)
    file.current().verify(NICE, OLD)

    path.write_bytes(line(NICE.name, NEW) + b"nonsense\n")
    with capturedLogs() as logged:
        file.current().verify(NICE, NEW)

    refusal(file.current(), NICE, OLD)
    assert [event["problem"] for event in logged] == [
        "line 2: host names, key type and key are not all there"
    ]


def test_aFileIsReadAgainWhateverItsTimeAndSizeAre(path: Path) -> None:
    file = KnownHostsFile(path)
    file.current()
    time = path.stat().st_mtime_ns

    other = path.with_name("other")
    other.write_bytes(line(NICE.name, NEW))
    os.utime(other, ns=(time, time))
    other.replace(path)
    file.current().verify(NICE, NEW)

    there = path.stat()
    path.write_bytes(line(NICE.name, OLD))
    while path.stat().st_ctime_ns == there.st_ctime_ns:
        # A kernel may have a clock of some milliseconds for its files.
        os.utime(path, ns=(time, time))
    os.utime(path, ns=(time, time))
    seen = path.stat()
    assert (seen.st_size, seen.st_ino, seen.st_mtime_ns) == (there.st_size, there.st_ino, time)
    file.current().verify(NICE, OLD)


def test_aFileIsOpenedWhenItHasChangedOnly(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = KnownHostsFile(path)
    opened: list[Path] = []
    regularFile = knownhosts.regularFile
    monkeypatch.setattr(
        knownhosts, "regularFile", lambda path: opened.append(path) or regularFile(path)
    )
    for _ in range(3):
        file.current()
    assert opened == [path]
    path.write_bytes(path.read_bytes() + b"# more\n")
    for _ in range(3):
        file.current()
    assert opened == [path, path]


def test_whatIsWrittenWhileItIsReadIsNoticedNextTime(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = KnownHostsFile(path)
    regularFile = knownhosts.regularFile

    class Growing(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            content = super().read(size)
            path.write_bytes(content + line(NICE.name, NEW))
            return content

    monkeypatch.setattr(knownhosts, "regularFile", Growing)
    refusal(file.current(), NICE, NEW)
    monkeypatch.setattr(knownhosts, "regularFile", regularFile)
    file.current().verify(NICE, NEW)


def test_theLastGoodContentHoldsWhileTheFileCannotBeRead(path: Path) -> None:
    file = KnownHostsFile(path)
    file.current()
    path.unlink()

    with capturedLogs() as logged:
        for _ in range(3):
            file.current().verify(NICE, OLD)
            refusal(file.current(), NICE, NEW)
        assert [str(path) in event["problem"] for event in logged] == [True]

        path.write_bytes(b"# back\n" + line(NICE.name, NEW))
        file.current().verify(NICE, NEW)
        path.unlink()
        file.current().verify(NICE, NEW)
        assert len(logged) == 2
