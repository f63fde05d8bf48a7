"""
The programs that take part, and where they are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

#: Where to look for another OpenSSH than the system's.
PREFIX = "OPENSSH_PREFIX"

_PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
_OPENSSH = {"ssh": "bin", "sftp": "bin", "ssh-keygen": "bin", "sshd": "sbin"}


class Missing(Exception):
    """
    Something that is needed is not on this machine; the text says what.
    """


def program(name: str) -> str:
    """
    The path of a program; OpenSSH's come from C{OPENSSH_PREFIX} when that is set.

    @raise Missing: when there is none.
    """
    prefix = os.environ.get(PREFIX)
    chosen = prefix and name in _OPENSSH and os.path.join(prefix, _OPENSSH[name])
    found = shutil.which(name, path=chosen or _PATH)
    if found is None:
        raise Missing(f"{name} is not in {chosen}" if chosen else f"{name} is not installed")
    return os.path.abspath(found)


def output(command: Sequence[str]) -> str:
    """
    What a program prints, wherever it prints it, without white space around.
    """
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.stdout.decode("utf-8", "replace").strip()


def accepts(command: Sequence[str]) -> bool:
    """
    Whether a program ends without an error.
    """
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0
