"""
curl, which speaks sftp with libssh2.
"""

from __future__ import annotations

from pathlib import Path

from harness import clients
from harness.clients import Outcome
from harness.programs import program
from harness.routes import Route


def curl(route: Route, path: Path | str, *options: str, password: str | None = None) -> Outcome:
    """
    Read or write the file of the host with this path.

    @param options: of curl.
    """
    home = route.newDirectory()
    (home / ".ssh").mkdir(mode=0o700)
    (home / ".ssh" / "known_hosts").write_bytes(route.knownHosts().read_bytes())
    line = [program("curl"), "--disable", "--silent", "--show-error", "--config", "-", *options]
    line.append(f"sftp://{route.address}:{route.port}{path}")
    user = f'user = "{route.account}:{password or route.password}"\n'
    return clients.run(line, clients.environment(home), user.encode())
