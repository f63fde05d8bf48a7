"""
OpenSSH's server: the host that everybody logs in to, and one of the peers.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmarks.programs import accepts, program
from benchmarks.waiting import ADDRESS

_SETTINGS = {
    "PidFile": "none",
    "LogLevel": "ERROR",
    "StrictModes": "no",
    "UseDNS": "no",
    "PrintMotd": "no",
    "PrintLastLog": "no",
    "PasswordAuthentication": "yes",
    "KbdInteractiveAuthentication": "no",
    "LoginGraceTime": "120",
    "MaxStartups": "4000",
    "Subsystem": "sftp internal-sftp",
}
#: Only for an OpenSSH that knows it: all clients come from one address, and one that
#: is killed counts as a crash there.
_UNLESS_OLD = "PerSourcePenalties=no"


def makeKey(path: Path) -> Path:
    """
    Make a key pair.

    @return: the private key's file; the public one's ends in C{.pub}.
    """
    command = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def knownHosts(port: int, key: Path) -> str:
    """
    The line of a known_hosts file for a server with this key.
    """
    algorithm, blob = key.with_name(f"{key.name}.pub").read_text().split()[:2]
    return f"[{ADDRESS}]:{port} {algorithm} {blob}\n"


def command(directory: Path, port: int, key: Path, settings: Mapping[str, str]) -> list[str]:
    """
    Write a server's configuration.

    @param settings: beside what all servers have.
    @return: the command that runs it.
    """
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    lines = [f"ListenAddress {ADDRESS}:{port}", f"HostKey {key}"]
    lines += [f"{name} {value}" for name, value in {**_SETTINGS, **settings}.items()]
    path = directory / "sshd_config"
    path.write_text("\n".join(lines) + "\n")
    run = [program("sshd"), "-f", str(path)]
    if accepts([*run, "-t", "-o", _UNLESS_OLD]):
        run += ["-o", _UNLESS_OLD]
    return [*run, "-D", "-e"]
