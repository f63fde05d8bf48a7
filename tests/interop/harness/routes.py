"""
What a client must know to reach a host.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from attrs import evolve, frozen

from harness import hostkeys
from harness.hostkeys import HostKey

#: The name by which OpenSSH's clients are told to call every host, so that what
#: they print does not depend on the route.
ALIAS = "host.example.org"


@frozen
class Route:
    """
    A way to a host, directly or through the bastion.

    @ivar kind: the name of the host, or of the gateway in front of it.
    @ivar keys: the host keys that the client must find there.
    @ivar directory: where the clients may leave files.
    @ivar bastion: whether the bastion is in between.
    """

    kind: str
    address: str
    port: int
    keys: tuple[HostKey, ...]
    account: str
    password: str
    directory: Path
    bastion: bool

    def as_(self, account: str, password: str | None = None) -> Route:
        """
        The same route for somebody else.
        """
        password = self.password if password is None else password
        return evolve(self, account=account, password=password)

    def newDirectory(self) -> Path:
        """
        An empty directory for one run of a client.
        """
        return Path(tempfile.mkdtemp(dir=self.directory))

    def knownHosts(self) -> Path:
        """
        A known_hosts file with the keys of this route and no others.
        """
        path = self.newDirectory() / "known_hosts"
        lines = hostkeys.knownHosts(self.address, self.port, self.keys, plain=True)
        lines += "".join(f"{ALIAS} {key.algorithm} {key.blob}\n" for key in self.keys)
        path.write_text(lines)
        return path
