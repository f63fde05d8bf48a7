"""
The invoking user's files, as SFTP wants them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from twisted.conch.interfaces import ISFTPFile, ISFTPServer
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.filetransfer import (
    FX_FAILURE,
    FX_OK,
    FXF_APPEND,
    FXF_CREAT,
    FXF_EXCL,
    FXF_READ,
    FXF_TRUNC,
    FXF_WRITE,
    SFTPError,
)
from zope.interface.verify import verifyObject

from bastion.lab.files import MAX_PACKET, Files, openFlags

WRITE_NEW = FXF_WRITE | FXF_CREAT | FXF_TRUNC


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """
    Files that start in a directory of the test.
    """
    return Files(os.fsencode(tmp_path))


def test_playsTheRole(files: Files) -> None:
    assert verifyObject(ISFTPServer, files)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (FXF_READ, os.O_RDONLY),
        (FXF_WRITE, os.O_WRONLY),
        (FXF_READ | FXF_WRITE, os.O_RDWR),
        (WRITE_NEW, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (
            FXF_WRITE | FXF_CREAT | FXF_EXCL | FXF_APPEND,
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND,
        ),
    ],
)
def test_theFlagsAreTheSystems(flags: int, expected: int) -> None:
    assert openFlags(flags) == expected | os.O_CLOEXEC


def test_aFileIsWrittenAndReadAnywhere(files: Files, tmp_path: Path) -> None:
    written = files.openFile(b"f", WRITE_NEW, {"permissions": 0o100640})
    assert verifyObject(ISFTPFile, written)
    written.writeChunk(5, b"world")
    written.writeChunk(0, b"hello")
    assert written.getAttrs()["size"] == 10
    written.close()
    assert (tmp_path / "f").read_bytes() == b"helloworld"
    assert (tmp_path / "f").stat().st_mode & 0o7777 == 0o640
    read = files.openFile(b"f", FXF_READ, {})
    assert read.readChunk(3, 4) == b"lowo"
    assert read.readChunk(10, 4) == b""
    read.close()


def test_aFileOfAClientThatSaysNothingIsNoProgram(files: Files, tmp_path: Path) -> None:
    files.openFile(b"f", WRITE_NEW, {}).close()
    assert not (tmp_path / "f").stat().st_mode & 0o111


def test_aReadIsNoLargerThanAPacket(files: Files, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 2 * MAX_PACKET)
    read = files.openFile(b"f", FXF_READ, {})
    assert len(read.readChunk(0, 0xFFFFFFFF)) < MAX_PACKET
    read.close()


def test_attributesCanBeChanged(files: Files, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"12345")
    status = (tmp_path / "f").stat()
    files.setAttrs(b"f", {"size": 3, "permissions": 0o600, "atime": 1, "mtime": 2})
    files.setAttrs(b"f", {"uid": status.st_uid, "gid": status.st_gid})
    changed = files.getAttrs(b"f", True)
    assert {name: changed[name] for name in ("size", "atime", "mtime")} == {
        "size": 3,
        "atime": 1,
        "mtime": 2,
    }
    assert changed["permissions"] & 0o7777 == 0o600


def test_attributesOfAnOpenFileCanBeChanged(files: Files, tmp_path: Path) -> None:
    opened = files.openFile(b"f", WRITE_NEW, {})
    opened.setAttrs({"permissions": 0o444, "atime": 1, "mtime": 2})
    opened.close()
    assert (tmp_path / "f").stat().st_mtime == 2


def test_aDirectoryIsListed(files: Files, tmp_path: Path) -> None:
    files.makeDirectory(b"d", {"permissions": 0o700})
    (tmp_path / "d" / "one").write_bytes(b"1")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/d/\xff")).write_bytes(b"")
    listing = files.openDirectory(b"d")
    entries = list(listing)
    listing.close()
    assert [name for name, _, _ in entries] == [b".", b"..", b"one", b"\xff"]
    assert entries[2][1].startswith("-rw")
    assert entries[2][2]["size"] == 1


def test_whatVanishesWhileListingIsLeftOut(files: Files, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"")
    listing = files.openDirectory(b"")
    (tmp_path / "one").unlink()
    assert [name for name, _, _ in listing] == [b".", b".."]


def test_directoriesAreRemovedWhenEmpty(files: Files, tmp_path: Path) -> None:
    files.makeDirectory(b"d", {})
    (tmp_path / "d" / "f").write_bytes(b"")
    with pytest.raises(OSError):
        files.removeDirectory(b"d")
    files.removeFile(b"d/f")
    files.removeDirectory(b"d")
    assert list(tmp_path.iterdir()) == []


def test_renamingKeepsWhatExists(files: Files, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    with pytest.raises(SFTPError) as caught:
        files.renameFile(b"a", b"b")
    assert caught.value.code == FX_FAILURE
    files.renameFile(b"a", b"c")
    assert (tmp_path / "c").read_bytes() == b"a"


def test_renamingReplacesWhenAskedTo(files: Files, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    (name,) = files.gotVersion(3, {})
    with pytest.raises(SFTPError) as caught:
        files.extendedRequest(name, NS(b"a") + NS(b"b"))
    assert caught.value.code == FX_OK
    assert (tmp_path / "b").read_bytes() == b"a"


def test_otherExtensionsAreRefused(files: Files) -> None:
    with pytest.raises(NotImplementedError):
        files.extendedRequest(b"statvfs@openssh.com", b"")


def test_linksAreMadeReadAndFollowed(files: Files, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"12345")
    files.makeLink(b"f", b"link")
    assert files.readLink(b"link") == b"f"
    assert files.getAttrs(b"link", True)["size"] == 5
    assert files.getAttrs(b"link", False)["size"] == 1
    assert files.realPath(b"link") == os.fsencode(tmp_path.resolve() / "f")
    assert files.realPath(b".") == os.fsencode(tmp_path.resolve())
