"""
Throw-away accounts of this machine.

An account's gecos field says which process made it, so that the next run can
delete what a killed run left behind, and only that.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from attrs import define

from harness.programs import program
from harness.waiting import until

_GECOS = "bastion-interop-tests"
PREFIX = "bastion-interop-"

#: Every password of this run, for the search in the logs.
PASSWORDS: set[str] = set()


@define
class Account:
    """
    An account and its password of this moment.
    """

    name: str
    password: str
    home: Path

    @property
    def uid(self) -> int:
        """
        Its user id.
        """
        return pwd.getpwnam(self.name).pw_uid

    def setPassword(self, password: str) -> None:
        """
        Give it this password.
        """
        _succeed([program("chpasswd")], f"{self.name}:{password}\n")
        self.password = password

    def expirePassword(self) -> None:
        """
        Let the next login ask for a new password.
        """
        _succeed([program("chage"), "-d", "0", self.name])

    def give(self, path: Path) -> Path:
        """
        Make the account the owner of a file or directory.
        """
        os.chown(path, self.uid, pwd.getpwnam(self.name).pw_gid)
        return path


def newPassword() -> str:
    """
    A password that PAM finds good enough and that is found again by a search.
    """
    password = f"Canary-{secrets.token_hex(8)}"
    PASSWORDS.add(password)
    return password


def create(label: str, homes: Path) -> Account:
    """
    Make an account whose home is a directory in C{homes}.
    """
    name = f"bi{label}{secrets.token_hex(3)}"
    account = Account(name, newPassword(), homes / name)
    command = [program("useradd"), "--home-dir", str(account.home), "--create-home"]
    command += ["--shell", "/bin/bash", "--comment", f"{_GECOS} {os.getpid()}", name]
    _succeed(command)
    account.setPassword(account.password)
    (account.home / ".hushlogin").touch()
    (account.home / ".bashrc").write_text("PS1='ready> '\n")
    (account.home / ".inputrc").write_text("set enable-bracketed-paste off\n")
    account.home.chmod(0o755)
    return account


def delete(name: str) -> None:
    """
    End what still runs as this account, and delete it.
    """
    uid = pwd.getpwnam(name).pw_uid
    until(lambda: not endProcesses(uid), 10, f"the processes of {name} end")
    command = [program("userdel"), "--force", "--remove", name]
    until(lambda: subprocess.run(command, capture_output=True).returncode != 10, 10)


def deleteLeftOvers() -> None:
    """
    Delete the accounts and directories of runs that were killed.
    """
    for entry in pwd.getpwall():
        word, _, pid = entry.pw_gecos.rpartition(" ")
        if word == _GECOS and not Path("/proc", pid).exists():
            delete(entry.pw_name)
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not Path("/proc", path.name.split("-")[-2]).exists():
            shutil.rmtree(path, ignore_errors=True)


def newDirectory() -> Path:
    """
    A directory for everything of this run, which accounts may pass through.
    """
    path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    path.chmod(0o755)
    return path


def processes(uid: int) -> dict[int, str]:
    """
    The command lines of a user's processes, by process id; without those that
    have ended and wait for init.
    """
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if path.stat().st_uid == uid and line:
                found[int(path.name)] = line
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def inForeground(uid: int, line: str) -> bool:
    """
    Whether a user's program with this command line is in the foreground of its terminal.
    """
    for pid, found in processes(uid).items():
        if found.strip() == line:
            # Of proc(5): the process group, and the one in the terminal's foreground.
            fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
            return fields[2] == fields[5]
    return False


def endProcesses(uid: int) -> list[int]:
    """
    Kill the processes of a user.

    @return: their ids.
    """
    found = list(processes(uid))
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return found


def _succeed(command: list[str], text: str = "") -> None:
    """
    Run a program of the password file's until it succeeds: another one may hold the lock
    for a moment.
    """

    def done() -> bool:
        return subprocess.run(command, input=text.encode(), capture_output=True).returncode == 0

    until(done, 10, " ".join(command))
