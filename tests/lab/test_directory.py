"""
The lab's directory.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key

from bastion.config.file import read
from bastion.config.installed import installed
from bastion.lab.directory import Gateways, LabDirectory, LabError, knownHostsLines

HOSTS = {"nice1": 40001, "nice2": 40002, "ill": 40003}
GATEWAYS = Gateways(esrf=6022, ill=6023)


@pytest.fixture
def directory(tmp_path: Path) -> LabDirectory:
    """
    A directory that has been prepared.
    """
    made = LabDirectory(tmp_path / ".lab")
    made.prepare()
    return made


def test_isForTheUserOnly(tmp_path: Path) -> None:
    (tmp_path / ".lab").mkdir(mode=0o755)
    LabDirectory(tmp_path / ".lab").prepare()
    assert (tmp_path / ".lab").stat().st_mode & 0o7777 == 0o700


def test_isForOneLab(directory: LabDirectory) -> None:
    other = LabDirectory(directory.path)
    with pytest.raises(LabError, match="another lab uses"):
        other.prepare()
    directory.release()
    other.prepare()
    other.release()
    other.release()


def test_isNotSomebodyElses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(LabError, match="somebody else"):
        LabDirectory(tmp_path).prepare()


def test_saysWhyItCannotBeMade(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="Not a directory"):
        LabDirectory(tmp_path / "file" / ".lab").prepare()


def test_hostKeysAreKept(directory: LabDirectory) -> None:
    key = directory.hostKey("nice1")
    assert key.sshType() == b"ssh-ed25519"
    assert directory.hostKey("nice1") == key
    assert directory.hostKey("nice2") != key
    assert (directory.path / "nice1_ed25519_key").stat().st_mode & 0o7777 == 0o600


def test_theHostsAreKnown(directory: LabDirectory) -> None:
    key = Key(Ed25519PrivateKey.generate())
    directory.writeKnownHosts({40001: key})
    fields = directory.knownHosts.read_bytes().split()
    assert fields[:2] == [b"[127.0.0.1]:40001", b"ssh-ed25519"]
    assert Key.fromString(b" ".join(fields[1:])) == key.public()


def test_theBastionIsConfigured(directory: LabDirectory) -> None:
    directory.writeConfiguration(GATEWAYS, HOSTS)
    values = tomllib.loads(directory.configuration.read_text())
    assert values["gateway"]["esrf"]["listen"] == "tcp:6022:interface=127.0.0.1"
    assert values["gateway"]["ill"]["listen"] == "tcp:6023:interface=127.0.0.1"
    assert values["cluster"]["nice"]["hosts"] == ["127.0.0.1:40001", "127.0.0.1:40002"]
    assert values["cluster"]["nice"]["select"] == "round-robin"
    assert values["cluster"]["nice"]["sticky"] == "0s"
    assert values["cluster"]["ill"]["hosts"] == ["127.0.0.1:40003"]


def test_theBastionAcceptsItsConfiguration(directory: LabDirectory) -> None:
    directory.writeConfiguration(GATEWAYS, HOSTS)
    directory.writeKnownHosts({})
    configuration = read(directory.configuration, installed)
    assert set(configuration.gateways) == {"esrf", "ill"}


def test_theBastionIsKnownToTheClient(directory: LabDirectory) -> None:
    state = directory.path / "state"
    state.mkdir()
    (state / "ssh_host_ed25519_key.pub").write_text("ssh-ed25519 AAAA a comment\n")
    (state / "ssh_host_rsa_key.pub").write_text("ssh-rsa BBBB\n")
    directory.writeClientKnownHosts(GATEWAYS)
    assert directory.clientKnownHosts.read_text().splitlines() == [
        "[127.0.0.1]:6022 ssh-ed25519 AAAA",
        "[127.0.0.1]:6023 ssh-ed25519 AAAA",
        "[127.0.0.1]:6022 ssh-rsa BBBB",
        "[127.0.0.1]:6023 ssh-rsa BBBB",
    ]


def test_aBastionWithoutKeysIsReported(directory: LabDirectory) -> None:
    with pytest.raises(LabError, match=r"no host key .*ssh_host_ed25519_key\.pub: No such file"):
        directory.writeClientKnownHosts(GATEWAYS)


def test_aLogIsOfThisRun(directory: LabDirectory) -> None:
    directory.bastionLog.write_text("yesterday\n")
    descriptor = directory.openLog(directory.bastionLog)
    os.write(descriptor, b"today\n")
    os.close(descriptor)
    assert directory.bastionLog.read_text() == "today\n"


def test_aLineHoldsNoComment() -> None:
    assert knownHostsLines({22: b"ssh-ed25519 AAAA me@here"}) == (
        b"[127.0.0.1]:22 ssh-ed25519 AAAA\n"
    )
