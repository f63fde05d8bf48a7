"""
A line of an OpenSSH known_hosts file: which host, which key (pure).
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hmac
import re
from collections.abc import Callable

from attrs import frozen

from bastion.interfaces import HostAddress
from bastion.ssh.publickeys import blobFormat, fingerprint
from bastion.wire import Malformed, shown


@frozen
class KeyLine:
    """
    A line that can be used.

    @ivar file: what an operator calls the file.
    @ivar number: of the line, from 1.
    @ivar revoked: whether the key is one that must not be accepted.
    @ivar matches: whether it is about the host of this name (L{lookupName}).
    @ivar format: of the key (RFC 4253 section 6.6).
    @ivar blob: the public key.
    """

    file: str
    number: int
    revoked: bool
    matches: Callable[[bytes], bool]
    format: bytes
    blob: bytes

    def __str__(self) -> str:
        return f"{self.format.decode('ascii')} {fingerprint(self.blob)} (line {self.number})"

    @property
    def place(self) -> str:
        """
        Where it is.
        """
        return f"line {self.number} of {self.file}"

    @classmethod
    def parse(cls, file: str, number: int, line: bytes) -> KeyLine:
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
        return cls(file, number, bool(marker), matches, keyType, blob)


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


def lookupName(host: HostAddress) -> bytes:
    """
    What a line calls a host, and what its patterns are compared with.
    """
    name = host.name if host.port == 22 else f"[{host.name}]:{host.port}"
    return name.encode().lower()
