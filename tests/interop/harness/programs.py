"""
The programs that the tests run, and the Debian packages that hold them.
"""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path

import pytest

PACKAGES = {
    "ssh": "openssh-client",
    "scp": "openssh-client",
    "sftp": "openssh-client",
    "ssh-agent": "openssh-client",
    "ssh-add": "openssh-client",
    "ssh-keygen": "openssh-client",
    "ssh-keyscan": "openssh-client",
    "sshd": "openssh-server",
    "plink": "putty-tools",
    "psftp": "putty-tools",
    "pscp": "putty-tools",
    "dbclient": "dropbear-bin",
    "dropbear": "dropbear-bin",
    "dropbearkey": "dropbear-bin",
    "lftp": "lftp",
    "rsync": "rsync",
    "sshfs": "sshfs",
    "fusermount3": "fuse3",
    "rclone": "rclone",
    "sshpass": "sshpass",
    "xauth": "xauth",
    "xdpyinfo": "x11-utils",
    "nc": "netcat-openbsd",
    "useradd": "passwd",
    "userdel": "passwd",
    "chpasswd": "passwd",
    "chage": "passwd",
    "setpriv": "util-linux",
    "setsid": "util-linux",
    "ss": "iproute2",
    "ps": "procps",
    "curl": "curl",
    "haproxy": "haproxy",
}

#: Where openssh.sh leaves what it finds.
NEWEST_OPENSSH = Path(__file__).parents[3] / ".openssh"

_PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"


@cache
def _costs() -> dict[str, str]:
    """
    What each package is for, from packages.txt.
    """
    lines = (Path(__file__).parents[1] / "packages.txt").read_text().splitlines()
    pairs = (line.split("#", 1) for line in lines if line and not line.startswith("#"))
    return {name.strip(): purpose.strip() for name, purpose in pairs}


def available(name: str) -> bool:
    """
    Whether the program is installed.
    """
    return shutil.which(name, path=_PATH) is not None


def program(name: str) -> str:
    """
    The path of a program; without it the test is skipped.
    """
    path = shutil.which(name, path=_PATH)
    if path is None:
        package = PACKAGES[name]
        pytest.skip(f"{name} is missing: install {package} ({_costs()[package]})")
    return path


def newest(name: str) -> str:
    """
    The path of a program of the newest OpenSSH there is, such as C{bin/ssh};
    without it the test is skipped.
    """
    path = NEWEST_OPENSSH / name
    if not path.exists():
        pytest.skip(f"{name} of the newest OpenSSH is missing: sh tests/interop/openssh.sh")
    return str(path)


def needRoot() -> None:
    """
    Skip unless this is root: accounts are made and sshd must become them.
    """
    if os.geteuid() != 0:
        pytest.skip("not root: no throw-away account can be made, so no interop test can run")
