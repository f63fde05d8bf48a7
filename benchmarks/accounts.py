"""
The throw-away account that everybody logs in to.

Its gecos field says which process made it, so that the next run can delete what
a killed run has left, and only that.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import signal
import subprocess
from pathlib import Path

from attrs import frozen

from benchmarks.programs import program
from benchmarks.waiting import until

_GECOS = "bastion-benchmarks"
#: What userdel says when the password file is locked by another program.
_LOCKED = 10


@frozen
class Account:
    """
    An account of this machine.
    """

    name: str
    password: str
    home: Path

    def give(self, path: Path) -> Path:
        """
        Make the account the owner of a file or directory.
        """
        entry = pwd.getpwnam(self.name)
        os.chown(path, entry.pw_uid, entry.pw_gid)
        return path


def create(homes: Path) -> Account:
    """
    Make an account whose home is a directory in C{homes}.
    """
    name = f"bench{secrets.token_hex(4)}"
    account = Account(name, f"Bench-{secrets.token_hex(8)}", homes / name)
    command = [program("useradd"), "--home-dir", str(account.home), "--create-home"]
    command += ["--shell", "/bin/sh", "--comment", f"{_GECOS} {os.getpid()}", name]
    # Another program may hold the lock of the password file for a moment.
    until(lambda: subprocess.run(command, capture_output=True).returncode == 0, 10, f"add {name}")
    text = f"{name}:{account.password}".encode()
    subprocess.run(
        [program("chpasswd"), "--crypt-method", "SHA512"],
        input=text,
        check=True,
        capture_output=True,
    )
    (account.home / ".hushlogin").touch()
    return account


def delete(name: str) -> None:
    """
    End what still runs as this account, and delete it.
    """
    uid = pwd.getpwnam(name).pw_uid
    until(lambda: not _endProcesses(uid), 10, f"the processes of {name} end")
    command = [program("userdel"), "--force", "--remove", name]
    until(
        lambda: subprocess.run(command, capture_output=True).returncode != _LOCKED,
        10,
        f"delete {name}",
    )


def deleteLeftOvers() -> None:
    """
    Delete the accounts of runs that were killed.
    """
    for entry in pwd.getpwall():
        word, _, pid = entry.pw_gecos.rpartition(" ")
        if word == _GECOS and not Path("/proc", pid).exists():
            delete(entry.pw_name)


def _endProcesses(uid: int) -> list[int]:
    """
    Kill the processes of a user, but not those that have ended and wait for init.

    @return: their ids.
    """
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if path.stat().st_uid == uid and (path / "cmdline").read_bytes():
                os.kill(int(path.name), signal.SIGKILL)
                found.append(int(path.name))
    return found
