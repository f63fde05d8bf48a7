"""
Files that appear whole or not at all, whatever happens on the way: a crash, a full disk,
a power failure.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def create(path: Path, content: bytes, mode: int = 0o600) -> None:
    """
    Make a new file.

    @param mode: its permissions, whatever the umask is.
    @raise FileExistsError: when there is one of this name; it stays as it is.
    @raise OSError: when it cannot be made.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    _write(temporary, content, mode)
    try:
        # Unlike a rename, a link never replaces anything.
        os.link(temporary, path)
    finally:
        os.unlink(temporary)
    _syncDirectory(path.parent)


def replace(path: Path, content: bytes, mode: int = 0o600) -> None:
    """
    Make a file anew, whether there was one or not.  What a crash leaves of it has a name
    that the next time uses again.

    @param mode: its permissions, whatever the umask is.
    @raise OSError: when that is not possible; what was there is there still.
    """
    temporary = path.with_name(f".{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    _write(temporary, content, mode)
    try:
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _syncDirectory(path.parent)


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "wb") as file:
            # The umask may have taken bits away.
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(path)
        raise


def _syncDirectory(directory: Path) -> None:
    """
    Let the names of new files outlast a power failure.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
