"""
Whether a target is the host that it says it is, from an OpenSSH known_hosts
file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

There is no trust on first use: a key is accepted when a line that matches the
host holds exactly this key and no matching line revokes it.  Two things differ
from ssh(1): host certificates are not supported, and a port other than 22 is
looked up as C{[host]:port} only, never as the bare name too.
"""

from __future__ import annotations

import base64
import binascii
import errno
import fnmatch
import hmac
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from attrs import frozen
from twisted.logger import Logger

from bastion.interfaces import BastionError, HostAddress, HostUnavailable
from bastion.ssh.publickeys import blobFormat, fingerprint
from bastion.wire import Malformed, shown

CACHED_HOSTS = 1024  # whose lines are remembered; a configuration has far fewer
_KEYS_SHOWN = 8  # in a refusal, however many lines match


class KnownHostsError(BastionError):
    """
    A known_hosts file cannot be read.  The text says which and the remedy.
    """


class HostKeyRefused(HostUnavailable):
    """
    A host offered a key that is not one of its known keys, or a revoked one.

    @ivar host: the host as configured.
    @ivar offered: the fingerprint of what it offered.
    @ivar known: the fingerprints of its known keys, without the revoked ones.
    """

    def __init__(self, text: str, host: HostAddress, offered: str, known: tuple[str, ...]) -> None:
        super().__init__(text)
        self.host = host
        self.offered = offered
        self.known = known


@frozen
class _Entry:
    """
    A line that can be used.

    @ivar matches: whether it is about the host of this name.
    """

    number: int
    revoked: bool
    matches: Callable[[bytes], bool]
    format: bytes
    blob: bytes

    def __str__(self) -> str:
        return f"{self.format.decode('ascii')} {fingerprint(self.blob)} (line {self.number})"

    @classmethod
    def parse(cls, number: int, line: bytes) -> _Entry:
        """
        The fields: marker (optional), host names, key type, key, comment.

        @raise Malformed: when the line cannot be used.
        """
        fields = re.split(rb"[ \t]+", line)
        marker = fields.pop(0) if line.startswith(b"@") else b""
        if marker == b"@cert-authority":
            raise Malformed("host certificates are not supported; list the keys of the hosts")
        if marker not in (b"", b"@revoked"):
            raise Malformed(f"unknown marker {shown(marker, 64)!r}")
        if len(fields) < 3:
            raise Malformed("host names, key type and key are not all there")
        names, keyType, key = fields[:3]
        blob = _base64(key, "key")
        if blobFormat(blob) != keyType:
            raise Malformed(f"a key of type {shown(blobFormat(blob))} is called {shown(keyType)}")
        matches = _hashed(names) if names.startswith(b"|") else _listed(names)
        return cls(number, bool(marker), matches, keyType, blob)


def _base64(text: bytes, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Malformed(f"the {what} is not base64") from None


def _listed(names: bytes) -> Callable[[bytes], bool]:
    """
    Names and patterns in plain text: a negated one that matches wins.
    """
    patterns = names.lower().split(b",")

    def matches(name: bytes) -> bool:
        hits = [pattern for pattern in patterns if _isLike(name, pattern.removeprefix(b"!"))]
        return bool(hits) and not any(hit.startswith(b"!") for hit in hits)

    return matches


def _isLike(name: bytes, pattern: bytes) -> bool:
    """
    Only C{*} and C{?} are special; C{[} is part of C{[host]:port}.
    """
    if b"*" not in pattern and b"?" not in pattern:
        return name == pattern
    return fnmatch.fnmatchcase(name, pattern.replace(b"[", b"[[]"))


def _hashed(names: bytes) -> Callable[[bytes], bool]:
    """
    One name, hidden as C{|1|salt|HMAC-SHA1}.
    """
    parts = names.split(b"|")
    if len(parts) != 4 or parts[1] != b"1":
        raise Malformed("the hashed host name is not of the form |1|salt|hash")
    salt, digest = (_base64(part, "hashed host name") for part in parts[2:])
    if len(salt) != 20 or len(digest) != 20:
        raise Malformed("salt and hash of a host name are 20 bytes each")
    return lambda name: hmac.digest(salt, name, "sha1") == digest


def _lookupName(host: HostAddress) -> bytes:
    name = host.name if host.port == 22 else f"[{host.name}]:{host.port}"
    return name.encode().lower()


class KnownHosts:
    """
    The content of a known_hosts file.

    @ivar problems: a sentence for each line that was left out.
    """

    def __init__(self, entries: Sequence[_Entry], problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        self._entries = tuple(entries)
        # Going through thousands of hashed lines takes milliseconds.
        self._keysOf = lru_cache(CACHED_HOSTS)(self._findKeys)

    @classmethod
    def parse(cls, text: bytes) -> KnownHosts:
        """
        Read the lines; those that cannot be used become L{problems}.
        """
        entries, problems = [], []
        for number, line in enumerate(text.split(b"\n"), 1):
            line = line.strip(b" \t\r")
            if not line or line.startswith(b"#"):
                continue
            try:
                entries.append(_Entry.parse(number, line))
            except Malformed as error:
                effect = "; this key is NOT revoked" if line.startswith(b"@revoke") else ""
                problems.append(f"line {number}: {error}{effect}")
        return cls(entries, problems)

    @classmethod
    def load(cls, path: Path) -> KnownHosts:
        """
        @raise KnownHostsError: when the file cannot be read.
        """
        with _opened(path) as file:
            return cls.parse(file.read())

    def formats(self, host: HostAddress) -> set[bytes]:
        """
        The key formats of the host's known keys, without the revoked ones.
        """
        return {entry.format for entry in self._keysOf(host).values()}

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

    def _findKeys(self, host: HostAddress) -> dict[bytes, _Entry]:
        """
        The known keys of a host by their blobs, without the revoked ones.
        """
        name = _lookupName(host)
        matching = [entry for entry in self._entries if entry.matches(name)]
        revoked = {entry.blob for entry in matching if entry.revoked}
        return {entry.blob: entry for entry in matching if entry.blob not in revoked}

    def _refusal(self, host: HostAddress, blob: bytes, keys: dict[bytes, _Entry]) -> HostKeyRefused:
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
        known = [str(entry) for entry in keys.values()]
        if len(known) > _KEYS_SHOWN:
            known[_KEYS_SHOWN:] = [f"and {len(known) - _KEYS_SHOWN} more"]
        text = f"{host} offered {what}; known_hosts has {', '.join(known)}"
        if not known:
            text = f"no key of {host} is in known_hosts; it offered {what}"
        name = _lookupName(host)
        revoking = [e for e in self._entries if e.revoked and e.blob == blob and e.matches(name)]
        if revoking:
            text += f": line {revoking[0].number} revokes the offered one"
        elif keyType in self.formats(host):
            text += ": its key was replaced, or something else answers in its place"
        text += f"; compare with the keys on {host} itself before you change known_hosts"
        return HostKeyRefused(text, host, offered, tuple(map(fingerprint, keys)))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """
    @raise KnownHostsError: when the file cannot be opened or read.
    """
    try:
        # Without O_NONBLOCK a FIFO of this name would stop the bastion for ever.
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "not a regular file")
            yield file
    except OSError as error:
        raise KnownHostsError(
            f"{path}: cannot be read ({error.strerror}); make it with `ssh-keyscan -p PORT HOST "
            f">> {path}` and compare the fingerprints (ssh-keygen -lf) with those on the hosts"
        ) from error


class KnownHostsFile:
    """
    A known_hosts file that may change while the bastion runs.
    """

    _log = Logger()

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version: tuple[int, int, int] | None = None
        self._known = KnownHosts((), ())
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
        except KnownHostsError as error:
            if self._version is None:
                raise
            if self._told != str(error):
                self._told = str(error)
                self._log.error("{problem}; its last content still holds", problem=self._told)
        return self._known

    def _refresh(self) -> None:
        with _opened(self.path) as file:
            # Before reading, so that what is written meanwhile is noticed next time.
            status = os.fstat(file.fileno())
            version = (status.st_mtime_ns, status.st_size, status.st_ino)
            if version != self._version:
                self._known = KnownHosts.parse(file.read())
                self._version = version
                for problem in self._known.problems:
                    self._log.warn("{path}: {problem}", path=self.path, problem=problem)
