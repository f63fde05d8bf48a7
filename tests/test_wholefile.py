"""
L{bastion.wholefile}: files that appear whole or not at all.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bastion import wholefile
from bastion.wholefile import create, replace

Write = Callable[[Path, bytes, int], None]
eachWay = pytest.mark.parametrize("write", [create, replace])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """
    The file, alone in its directory.
    """
    return tmp_path / "state.json"


@eachWay
@pytest.mark.parametrize("umask", [0, 0o077, 0o777])
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_fileHasItsContentAndItsModeWhateverTheUmask(
    path: Path, write: Write, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        write(path, b"whole", mode)
    finally:
        os.umask(before)

    assert path.read_bytes() == b"whole"
    assert path.stat().st_mode & 0o777 == mode
    assert [*path.parent.iterdir()] == [path]


def test_createReplacesNothing(path: Path) -> None:
    path.write_bytes(b"before")
    with pytest.raises(FileExistsError):
        create(path, b"after")

    assert path.read_bytes() == b"before"
    assert [*path.parent.iterdir()] == [path]


def test_replaceTakesThePlaceAndWhatACrashHasLeft(path: Path) -> None:
    path.write_bytes(b"before")
    path.with_name(".state.json.new").write_bytes(b"half")
    replace(path, b"after")

    assert path.read_bytes() == b"after"
    assert [*path.parent.iterdir()] == [path]


@eachWay
@pytest.mark.parametrize("step", ["fsync", "fchmod"])
def test_diskThatIsFullChangesNothing(
    path: Path, write: Write, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if write is replace:
        path.write_bytes(b"before")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(wholefile.os, step, full)
    with pytest.raises(OSError, match="No space left"):
        write(path, b"after", 0o600)

    assert [each.read_bytes() for each in path.parent.iterdir()] == [b"before"] * path.exists()


@eachWay
def test_linkIsNotFollowed(path: Path, write: Write) -> None:
    victim = path.with_name("victim")
    victim.write_bytes(b"before")
    path.with_name(".state.json.new").symlink_to(victim)
    write(path, b"after", 0o600)

    assert victim.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
