"""
What all peers share: an account, a host to log in to, and where things are kept.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from benchmarks import accounts, groups, sshd
from benchmarks.accounts import Account
from benchmarks.groups import Groups
from benchmarks.programs import Missing
from benchmarks.servers import Server
from benchmarks.waiting import freePort

_PREFIX = "bastion-benchmarks-"
#: In memory, so that no disk is measured.
_MEMORY = Path("/dev/shm")


@frozen
class Site:
    """
    The host, which runs, and what is needed to put a gateway in front of it.

    @ivar directory: for the gateways' files; accounts may pass through.
    @ivar data: the same for what is moved.
    @ivar key: the host's private key; a gateway may have the same.
    @ivar port: the host's.
    @ivar ciphers: what clients and OpenSSH's servers offer, if not their own
        choice.
    """

    directory: Path
    data: Path
    account: Account
    groups: Groups
    key: Path
    port: int
    ciphers: str

    @property
    def knownHosts(self) -> Path:
        """
        A known_hosts file with the host in it.
        """
        return self.directory / "known_hosts"

    def cipherSetting(self) -> dict[str, str]:
        """
        The setting that sshd and ssh need for the ciphers.
        """
        return {"Ciphers": self.ciphers} if self.ciphers else {}


@contextlib.contextmanager
def opened(ciphers: str) -> Iterator[Site]:
    """
    A site that is there during a C{with} statement.

    @param ciphers: see L{Site}.
    @raise Missing: when this machine cannot have one.
    """
    if os.geteuid() != 0:
        raise Missing("this needs root: an account is made, and sshd has to become it")
    _deleteLeftOvers()
    with contextlib.ExitStack() as stack:
        run = Groups()
        stack.callback(run.close)
        run.group("clients").enter()
        directory = _newDirectory(stack, Path(tempfile.gettempdir()))
        data = _newDirectory(stack, _MEMORY if _MEMORY.is_dir() else directory)
        account = accounts.create(directory)
        stack.callback(accounts.delete, account.name)
        key = sshd.makeKey(directory / "host_key")
        site = Site(directory, data, account, run, key, freePort(), ciphers)
        site.knownHosts.write_text(sshd.knownHosts(site.port, key))
        host = Server("the host", run.group("host"), directory)
        stack.callback(host.stop)
        settings = {"UsePAM": "yes", **site.cipherSetting()}
        host.start(sshd.command(directory, site.port, key, settings), site.port)
        yield site


def _newDirectory(stack: contextlib.ExitStack, parent: Path) -> Path:
    path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
    stack.callback(shutil.rmtree, path, ignore_errors=True)
    path.chmod(0o755)
    return path


def _deleteLeftOvers() -> None:
    """
    Delete what killed runs have left.
    """
    groups.deleteLeftOvers()
    accounts.deleteLeftOvers()
    for parent in (Path(tempfile.gettempdir()), _MEMORY):
        for path in parent.glob(f"{_PREFIX}*"):
            pid = path.name.removeprefix(_PREFIX).partition("-")[0]
            if not Path("/proc", pid).exists():
                shutil.rmtree(path, ignore_errors=True)
