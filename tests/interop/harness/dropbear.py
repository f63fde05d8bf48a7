"""
Dropbear as a host.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness.hostkeys import HostKey
from harness.programs import program
from harness.servers import Server
from harness.sshd import Host
from harness.waiting import freePort

BANNER = "A small host.\n"


def _key(directory: Path, kind: str) -> tuple[Path, HostKey]:
    """
    Make a host key; dropbear has a format of its own for private keys.
    """
    path = directory / f"host_{kind}"
    command = [program("dropbearkey"), "-t", kind, "-f", str(path)]
    shown = subprocess.run(command, check=True, capture_output=True).stdout.decode()
    line = next(line for line in shown.splitlines() if line.startswith(("ssh-", "ecdsa-")))
    algorithm, blob = line.split()[:2]
    return path, HostKey(algorithm, blob)


def build(address: str, directory: Path) -> Host:
    """
    Write the keys and the banner; not yet started.
    """
    directory.mkdir(parents=True)
    port = freePort(address)
    (directory / "banner").write_text(BANNER)
    command = [program("dropbear"), "-F", "-E", "-p", f"{address}:{port}"]
    command += ["-b", str(directory / "banner"), "-P", str(directory / "pid")]
    keys = []
    for kind in ("ed25519", "rsa"):
        path, key = _key(directory, kind)
        keys.append(key)
        command += ["-r", str(path)]
    server = Server("dropbear", command, directory / "log")
    return Host("dropbear", address, port, tuple(keys), server)
