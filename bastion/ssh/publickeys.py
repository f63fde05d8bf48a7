"""
Public host keys: what a whole one looks like, and how people compare them (pure).
"""

from __future__ import annotations

import base64
import hashlib

from bastion.algorithms import HOST_KEYS, keyFormat
from bastion.wire import Malformed, Reader, shown

_FORMATS = frozenset(keyFormat(name) for name in HOST_KEYS)

# SEC 1 section 2.3.3: an uncompressed point is 4 and two coordinates.
_POINT_SIZES = {b"nistp256": 65, b"nistp384": 97, b"nistp521": 133}


def fingerprint(blob: bytes) -> str:
    """
    A public key as people compare it, in the form that OpenSSH prints.
    """
    digest = hashlib.sha256(blob).digest()
    return "SHA256:" + base64.b64encode(digest).rstrip(b"=").decode("ascii")


def blobFormat(blob: bytes) -> bytes:
    """
    The key format of a public key blob (RFC 4253 section 6.6, RFC 5656 section
    3.1, RFC 8709 section 4).

    @raise Malformed: when it is no whole key of a type that we know.
    """
    reader = Reader(blob)
    name = reader.string(64)
    if name not in _FORMATS:
        raise Malformed(f"unknown key type {shown(name)!r}")
    if name == b"ssh-ed25519":
        whole = len(reader.string()) == 32
    elif name == b"ssh-rsa":
        whole = len(reader.string()) > 0 and len(reader.string()) > 0
    else:
        curve, point = reader.string(), reader.string()
        size = _POINT_SIZES.get(curve)
        whole = name.endswith(curve) and len(point) == size and point.startswith(b"\4")
    reader.end()
    if not whole:
        raise Malformed(f"a damaged key of type {shown(name)}")
    return name
