"""
The invoking user's files, as SFTP wants them.

Conch has the protocol; its UNIX file server is meant for root, who becomes the
user for each operation, and knows neither names that are not ASCII nor the
attributes of open files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from twisted.conch.interfaces import ISFTPFile, ISFTPServer
from twisted.conch.ls import lsLine
from twisted.conch.ssh.common import getNS
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
from zope.interface import implementer

Attributes = dict[str, Any]

#: What sftp-server allows for a packet; larger ones are a peer gone mad.
MAX_PACKET = 256 * 1024
_MAX_READ = MAX_PACKET - 1024
_RENAME = b"posix-rename@openssh.com"
_FLAGS = (
    (FXF_APPEND, os.O_APPEND),
    (FXF_CREAT, os.O_CREAT),
    (FXF_TRUNC, os.O_TRUNC),
    (FXF_EXCL, os.O_EXCL),
)


@implementer(ISFTPServer)
class Files:
    """
    The invoking user's files; names are bytes, relative ones start at home.
    """

    # The interface wants one; here everybody is the invoking user.
    avatar = None

    def __init__(self, home: bytes) -> None:
        self._home = home

    def gotVersion(self, otherVersion: int, extData: dict[bytes, bytes]) -> dict[bytes, bytes]:
        """
        Offer the one extension that we have.
        """
        return {_RENAME: b"1"}

    def openFile(self, filename: bytes, flags: int, attrs: Attributes) -> OpenFile:
        """
        Open or create a file.
        """
        mode = attrs.pop("permissions", 0o666)
        opened = OpenFile(os.open(self._path(filename), openFlags(flags), mode & 0o7777))
        opened.setAttrs({name: value for name, value in attrs.items() if name != "size"})
        return opened

    def removeFile(self, filename: bytes) -> None:
        """
        Remove a file.
        """
        os.remove(self._path(filename))

    def renameFile(self, oldpath: bytes, newpath: bytes) -> None:
        """
        Rename, and never over something that exists.
        """
        if os.path.lexists(self._path(newpath)):
            raise SFTPError(FX_FAILURE, "the new name exists")
        os.rename(self._path(oldpath), self._path(newpath))

    def makeDirectory(self, path: bytes, attrs: Attributes) -> None:
        """
        Make a directory.
        """
        os.mkdir(self._path(path), attrs.get("permissions", 0o777) & 0o7777)

    def removeDirectory(self, path: bytes) -> None:
        """
        Remove an empty directory.
        """
        os.rmdir(self._path(path))

    def openDirectory(self, path: bytes) -> OpenDirectory:
        """
        List a directory.
        """
        return OpenDirectory(self._path(path))

    def getAttrs(self, path: bytes, followLinks: bool) -> Attributes:
        """
        What stat says, or lstat.
        """
        return attributesOf(os.stat(self._path(path), follow_symlinks=bool(followLinks)))

    def setAttrs(self, path: bytes, attrs: Attributes) -> None:
        """
        Change what can be changed.
        """
        change(self._path(path), attrs)

    def readLink(self, path: bytes) -> bytes:
        """
        Where a symbolic link points to.
        """
        return os.readlink(self._path(path))

    def makeLink(self, linkPath: bytes, targetPath: bytes) -> None:
        """
        Make a symbolic link; OpenSSH sends the two names in the other order
        than the draft says, and so does everybody.
        """
        os.symlink(linkPath, self._path(targetPath))

    def realPath(self, path: bytes) -> bytes:
        """
        The absolute name.
        """
        return os.path.realpath(self._path(path))

    def extendedRequest(self, extName: bytes, extData: bytes) -> bytes:
        """
        Rename over what exists, in one step.
        """
        if extName != _RENAME:
            raise NotImplementedError("no such extension")
        oldpath, newpath, _ = getNS(extData, 2)
        os.rename(self._path(oldpath), self._path(newpath))
        # This one is answered by a status, for which Conch has only this way.
        raise SFTPError(FX_OK, "renamed")

    def _path(self, path: bytes) -> bytes:
        return os.path.join(self._home, path)


@implementer(ISFTPFile)
class OpenFile:
    """
    A file that a client has open.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        """
        Close it.
        """
        os.close(self._descriptor)

    def readChunk(self, offset: int, length: int) -> bytes:
        """
        Read, at most what a packet may hold; nothing at the end.
        """
        return os.pread(self._descriptor, min(length, _MAX_READ), offset)

    def writeChunk(self, offset: int, data: bytes) -> None:
        """
        Write all of it.
        """
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._descriptor, rest, offset)
            offset += written
            rest = rest[written:]

    def getAttrs(self) -> Attributes:
        """
        What fstat says.
        """
        return attributesOf(os.fstat(self._descriptor))

    def setAttrs(self, attrs: Attributes) -> None:
        """
        Change what can be changed.
        """
        change(self._descriptor, attrs)


class OpenDirectory:
    """
    A directory that a client reads: name, line of C{ls -l}, attributes.
    """

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._names = iter([b".", b"..", *sorted(os.listdir(path))])

    def __iter__(self) -> Iterator[tuple[bytes, str, Attributes]]:
        return self

    def __next__(self) -> tuple[bytes, str, Attributes]:
        for name in self._names:
            try:
                status = os.lstat(os.path.join(self._path, name))
            except FileNotFoundError:
                continue  # removed meanwhile
            return name, lsLine(name.decode("utf-8", "replace"), status), attributesOf(status)
        raise StopIteration

    def close(self) -> None:
        """
        Nothing is open.
        """


def openFlags(flags: int) -> int:
    """
    The system's flags for those of SFTP.
    """
    access = {FXF_READ: os.O_RDONLY, FXF_WRITE: os.O_WRONLY}.get(
        flags & (FXF_READ | FXF_WRITE), os.O_RDWR
    )
    for theirs, ours in _FLAGS:
        if flags & theirs:
            access |= ours
    return access | os.O_CLOEXEC


def attributesOf(status: os.stat_result) -> Attributes:
    """
    The attributes that SFTP tells of a file.
    """
    return {
        "size": status.st_size,
        "uid": status.st_uid,
        "gid": status.st_gid,
        "permissions": status.st_mode,
        "atime": int(status.st_atime) & 0xFFFFFFFF,
        "mtime": int(status.st_mtime) & 0xFFFFFFFF,
    }


def change(target: bytes | int, attrs: Attributes) -> None:
    """
    Change size, owner, permissions and times, those that are given.

    @param target: a name or an open file.
    """
    if "size" in attrs:
        os.truncate(target, attrs["size"])
    if "uid" in attrs:
        os.chown(target, attrs["uid"], attrs["gid"])
    if "permissions" in attrs:
        os.chmod(target, attrs["permissions"] & 0o7777)
    if "atime" in attrs:
        os.utime(target, (attrs["atime"], attrs["mtime"]))
