"""
Directories with host keys: what is in them, and what is wrong with it.
"""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from bastion.ssh.hostkeys import HostKeyError, loadHostKeys

ED25519, ECDSA, RSA = "ssh_host_ed25519_key", "ssh_host_ecdsa_key", "ssh_host_rsa_key"


def problemsOf(directory: Path) -> tuple[str, ...]:
    """
    What is wrong with the keys; nothing in the directory may change.
    """
    before = contents(directory)
    with pytest.raises(HostKeyError) as caught:
        loadHostKeys(directory)
    assert contents(directory) == before
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def contents(directory: Path) -> dict[str, bytes]:
    """
    Every regular file of a directory.
    """
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def mode(path: Path) -> int:
    """
    The permission bits.
    """
    return stat.S_IMODE(path.stat().st_mode)


def keygen(*arguments: object) -> str:
    """
    Run ssh-keygen and return what it prints.
    """
    command = ["ssh-keygen", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout
