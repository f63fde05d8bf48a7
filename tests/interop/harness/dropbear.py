"""
Dropbear as a host, and as a client.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness import clients
from harness.clients import Outcome
from harness.hostkeys import HostKey
from harness.programs import program
from harness.routes import Route
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


def line(
    route: Route, *command: str, options: Sequence[str] = (), password: str | None = None
) -> tuple[list[str], dict[str, str]]:
    """
    A dbclient command and its environment.
    """
    home = route.newDirectory()
    (home / ".ssh").mkdir(mode=0o700)
    (home / ".ssh" / "known_hosts").write_bytes(route.knownHosts().read_bytes())
    env = clients.environment(home, DROPBEAR_PASSWORD=password or route.password)
    words = [program("dbclient"), *options, "-p", str(route.port), "-l", route.account]
    return [*words, route.address, *command], env


def dbclient(
    route: Route,
    *command: str,
    data: bytes = b"",
    options: Sequence[str] = (),
    password: str | None = None,
) -> Outcome:
    """
    Run a command on the host.
    """
    return clients.run(*line(route, *command, options=options, password=password), data=data)
