"""
Whether a target is the host that it says it is, from an OpenSSH known_hosts
file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

There is no trust on first use: a key is accepted when a line that matches the
host holds exactly this key and no matching line revokes it.  Two things differ
from ssh(1): host certificates are not supported, and a port other than 22 is
looked up as C{[host]:port} only, never as the bare name too.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from attrs import frozen
from twisted.logger import Logger

from bastion.interfaces import BastionError, HostAddress, HostKeyRefused
from bastion.ssh.knownlines import KeyLine, lookupName
from bastion.ssh.publickeys import blobFormat, fingerprint
from bastion.wire import Malformed, shown

CACHED_HOSTS = 1024  # whose lines are remembered; a configuration has far fewer
_NO_FILE = (0, 0, 0)  # the version of a file that is not there
_KEYS_SHOWN = 8  # in a refusal, however many lines match


class KnownHostsError(BastionError):
    """
    A known_hosts file cannot be read.  The text says which and the remedy.
    """


@frozen
class FileKind:
    """
    Whose file it is.

    @ivar name: what an operator calls it.
    @ivar remedy: what to do when the one of this path cannot be read.
    @ivar optional: whether none is as good as an empty one.
    """

    name: str
    remedy: Callable[[Path], str]
    optional: bool = False


#: The operator's.
KNOWN_HOSTS = FileKind(
    "known_hosts",
    lambda path: (
        f"make it with `ssh-keyscan -p PORT HOST >> {path}` and compare the fingerprints "
        "(ssh-keygen -lf) with those on the hosts"
    ),
)


class KnownHosts:
    """
    The content of a known_hosts file.

    @ivar problems: a sentence for each line that was left out.
    @ivar replaced: lines that count no more, for another key was accepted instead.
    """

    def __init__(
        self,
        lines: Sequence[KeyLine] = (),
        problems: Sequence[str] = (),
        replaced: Sequence[KeyLine] = (),
    ) -> None:
        self.problems = tuple(problems)
        self.replaced = tuple(replaced)
        self._lines = tuple(lines)
        # Going through thousands of hashed lines takes milliseconds.
        self._about = lru_cache(CACHED_HOSTS)(self._findLines)

    @classmethod
    def parse(cls, text: bytes, name: str = KNOWN_HOSTS.name) -> KnownHosts:
        """
        Read the lines; those that cannot be used become L{problems}.

        @param name: what an operator calls the file.
        """
        lines, problems = [], []
        for number, line in enumerate(text.split(b"\n"), 1):
            line = line.strip(b" \t\r")
            if not line or line.startswith(b"#"):
                continue
            try:
                lines.append(KeyLine.parse(name, number, line))
            except Malformed as error:
                effect = "; this key is NOT revoked" if line.startswith(b"@revoke") else ""
                problems.append(f"line {number}: {error}{effect}")
        return cls(lines, problems)

    @classmethod
    def load(cls, path: Path) -> KnownHosts:
        """
        @raise KnownHostsError: when the file cannot be read.
        """
        try:
            with regularFile(path) as file:
                return cls.parse(file.read())
        except OSError as error:
            raise _unreadable(path, KNOWN_HOSTS, error) from error

    def about(self, host: HostAddress) -> tuple[KeyLine, ...]:
        """
        All lines that match the host, those that revoke a key too.
        """
        return self._about(host)

    def formats(self, host: HostAddress) -> frozenset[bytes]:
        """
        The key formats of the host's known keys, without the revoked ones.
        """
        return frozenset(line.format for line in self._keysOf(host).values())

    def fingerprints(self, host: HostAddress) -> tuple[str, ...]:
        """
        The fingerprints of the host's known keys, without the revoked ones.
        """
        return tuple(map(fingerprint, self._keysOf(host)))

    def verify(self, host: HostAddress, blob: bytes) -> None:
        """
        Return if this is a known key of the host; whatever else happens on the
        way raises.

        @param blob: the public key that the host offers, as it came.
        @raise HostKeyRefused: if it is not.
        """
        keys = self._keysOf(host)
        if blob not in keys:
            raise self._refusal(host, blob, keys)

    def _findLines(self, host: HostAddress) -> tuple[KeyLine, ...]:
        name = lookupName(host)
        return tuple(line for line in self._lines if line.matches(name))

    def _keysOf(self, host: HostAddress) -> dict[bytes, KeyLine]:
        """
        The known keys of a host by their blobs, without the revoked ones.
        """
        matching = self._about(host)
        revoked = {line.blob for line in matching if line.revoked}
        return {line.blob: line for line in matching if line.blob not in revoked}

    def _refusal(
        self, host: HostAddress, blob: bytes, keys: dict[bytes, KeyLine]
    ) -> HostKeyRefused:
        """
        The reason, for the operator who must find out what it means.
        """
        offered = fingerprint(blob)
        keyType = b""
        try:
            keyType = blobFormat(blob)
            what = f"{shown(keyType)} {offered}"
        except Malformed as error:
            what = f"{offered}, which is no key that can be used ({error})"
        text = f"{host} offered {what}; {_listed(tuple(keys.values()))}"
        if not keys:
            text = f"no key of {host} is in known_hosts; it offered {what}"
        if self.replaced:
            text += f"; {_listed(self.replaced)}, which no longer counts"
        revoking = [line for line in self._about(host) if line.revoked and line.blob == blob]
        if revoking:
            text += f": {revoking[0].place} revokes the offered one"
        elif blob in {line.blob for line in self.replaced}:
            text += ": another key was accepted in place of the offered one"
        elif keyType in self.formats(host):
            text += ": its key was replaced, or something else answers in its place"
        text += (
            f"; compare with the keys on {host} itself before you accept it or change known_hosts"
        )
        return HostKeyRefused(text, host, offered, self.fingerprints(host), blob)


def _listed(keys: Sequence[KeyLine]) -> str:
    """
    Which file has which keys.
    """
    few = keys[:_KEYS_SHOWN]
    files = dict.fromkeys(line.file for line in few)
    parts = [f"{file} has {', '.join(str(k) for k in few if k.file == file)}" for file in files]
    more = f", and {len(keys) - _KEYS_SHOWN} more" if len(keys) > _KEYS_SHOWN else ""
    return "; ".join(parts) + more


@contextmanager
def regularFile(path: Path) -> Iterator[BinaryIO]:
    """
    A file to read, which has to be a regular one.

    @raise OSError: when it cannot be opened.
    """
    # Without O_NONBLOCK a FIFO of this name would stop the bastion for ever.
    with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        yield file


def fileVersion(status: os.stat_result) -> tuple[int, int, int]:
    """
    What is another one when a file has changed, or who may read it.
    """
    # Not when it was modified: that can be set back, and chmod leaves it.
    return status.st_ctime_ns, status.st_size, status.st_ino


def _unreadable(path: Path, kind: FileKind, error: OSError) -> KnownHostsError:
    return KnownHostsError(f"{path}: cannot be read ({error.strerror}); {kind.remedy(path)}")


class KnownHostsFile:
    """
    A known_hosts file that may change while the bastion runs.
    """

    _log = Logger()

    def __init__(self, path: Path, kind: FileKind = KNOWN_HOSTS) -> None:
        self.path = path
        self.kind = kind
        # As the kernel takes it: it is asked twice for each login.
        self._name = os.fspath(path)
        self._version: tuple[int, int, int] | None = None
        self._known = KnownHosts()
        self._told = ""

    def current(self) -> KnownHosts:
        """
        What the file says now.  While it cannot be read, what it said last
        holds, and the log is told once.

        @raise KnownHostsError: when it could never be read.
        """
        try:
            self._refresh()
            self._told = ""
        except OSError as problem:
            error = _unreadable(self.path, self.kind, problem)
            if self._version is None:
                raise error from problem
            if self._told != str(error):
                self._told = str(error)
                self._log.error("{problem}; its last content still holds", problem=self._told)
        return self._known

    def _refresh(self) -> None:
        try:
            if fileVersion(os.stat(self._name)) == self._version:
                return
            with regularFile(self.path) as file:
                # Before reading, so that what is written meanwhile is noticed next time.
                version = fileVersion(os.fstat(file.fileno()))
                self._change(version, file.read())
        except FileNotFoundError:
            if not self.kind.optional:
                raise
            if self._version != _NO_FILE:
                self._change(_NO_FILE, b"")

    def _change(self, version: tuple[int, int, int], text: bytes) -> None:
        self._known = KnownHosts.parse(text, self.kind.name)
        self._version = version
        for problem in self._known.problems:
            self._log.warn("{path}: {problem}", path=self.path, problem=problem)
