"""
What the two sides tell each other of their abilities: SSH_MSG_EXT_INFO (RFC
8308)::

    uint32  nr-extensions
    repeated nr-extensions times:
      string  extension-name
      string  extension-value (binary)
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from bastion.ssh.remembered import remembering
from bastion.wire import Malformed, Reader, nameList, string, uint32

#: More than anybody has; the count comes from a stranger (CVE-2026-55199 is a loop over it).
MAX_EXTENSIONS = 128


@remembering
def parse(payload: bytes) -> Mapping[bytes, bytes]:
    """
    What the peer has told.

    @raise Malformed: when it is damaged, or more than anybody has to say.
    """
    reader = Reader(payload)
    count = reader.uint32()
    if count > MAX_EXTENSIONS:
        raise Malformed(f"{count} extensions")
    extensions = {}
    for _ in range(count):
        name = reader.string()
        extensions[name] = reader.string()
    reader.end()
    return MappingProxyType(extensions)


def _payload(extensions: dict[bytes, bytes]) -> bytes:
    fields = b"".join(string(name) + string(value) for name, value in extensions.items())
    return uint32(len(extensions)) + fields


@cache
def toClient(signatures: tuple[bytes, ...]) -> bytes:
    """
    What a client is told: that it may measure the way to us with pings
    (OpenSSH's PROTOCOL 1.8; with them it hides the rhythm of typing), and which
    signatures we know.
    """
    return _payload({b"server-sig-algs": nameList(signatures)[4:], b"ping@openssh.com": b"0"})


@cache
def toHost() -> bytes:
    """
    What a host is told: that it may have more to tell during the login (OpenSSH's
    PROTOCOL 1.12).
    """
    return _payload({b"ext-info-in-auth@openssh.com": b"0"})
