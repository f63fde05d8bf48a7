"""
Host keys: made, written to known_hosts files, and named by fingerprint.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from harness.programs import program


@frozen
class HostKey:
    """
    A public host key, as in the first two columns of a C{.pub} file.
    """

    algorithm: str
    blob: str

    @property
    def fingerprint(self) -> str:
        """
        The SHA-256 fingerprint as OpenSSH and PuTTY print it.
        """
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def read(path: Path) -> HostKey:
    """
    Read a C{.pub} file.
    """
    algorithm, blob = path.read_text().split()[:2]
    return HostKey(algorithm, blob)


def make(path: Path, kind: str = "ed25519") -> HostKey:
    """
    Make a key pair at this path.

    @param kind: with its size, where that is not the usual one: C{ecdsa-521}.
    """
    kind, _, size = kind.partition("-")
    command = [program("ssh-keygen"), "-q", "-t", kind, "-N", "", "-C", "", "-f", str(path)]
    command += ["-b", size] if size else []
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return read(path.with_name(path.name + ".pub"))


def knownHosts(address: str, port: int, keys: Iterable[HostKey], plain: bool = False) -> str:
    """
    The lines of a known_hosts file for one server.

    @param plain: also under the bare address, as dropbear's client looks it up.
    """
    names = [f"[{address}]:{port}", *([address] if plain else [])]
    return "".join(f"{name} {key.algorithm} {key.blob}\n" for name in names for key in keys)
