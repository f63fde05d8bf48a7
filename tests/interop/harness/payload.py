"""
Data that is sent and must arrive unchanged.
"""

from __future__ import annotations

import hashlib
import random
from functools import cached_property
from pathlib import Path


class Payload:
    """
    Bytes that no compression shortens, in a file.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        path.write_bytes(random.Random(size).randbytes(size))
        path.chmod(0o644)
        self.digest = digest(path)

    @cached_property
    def data(self) -> bytes:
        """
        All of it.
        """
        return self.path.read_bytes()

    def matches(self, data: bytes) -> bool:
        """
        Whether this is the same.
        """
        return hashlib.sha256(data).hexdigest() == self.digest

    def isIn(self, path: Path) -> bool:
        """
        Whether the file holds the same.
        """
        return digest(path) == self.digest


def digest(path: Path) -> str:
    """
    The SHA-256 of a file.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
