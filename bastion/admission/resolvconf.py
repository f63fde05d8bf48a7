"""
The DNS servers of the system, as in resolv.conf(5).
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path

from twisted.internet.interfaces import IReactorTime

from bastion.admission.dnsports import Server

RESOLV_CONF = Path("/etc/resolv.conf")
#: How often the file is looked at, in seconds.
INTERVAL = 5.0
#: How many servers are used, and what is asked when none is said, as resolv.conf(5) has it.
MAX_SERVERS = 3
LOCAL: tuple[Server, ...] = (("127.0.0.1", 53),)

#: How much of the file is read, in bytes.
_LIMIT = 65536


def nameServers(text: str) -> tuple[Server, ...]:
    """
    The servers that the content of such a file names.
    """
    servers: list[Server] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver" and _isAddress(words[1]):
            servers.append((words[1], 53))
    return tuple(dict.fromkeys(servers))[:MAX_SERVERS] or LOCAL


def _isAddress(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True


class SystemServers:
    """
    The servers that a file names; it is read again when it has changed.
    """

    def __init__(self, clock: IReactorTime, path: Path = RESOLV_CONF) -> None:
        self._clock = clock
        self._path = path
        self._servers = LOCAL
        self._seen: tuple[int, ...] | None = None
        self._lookAt = clock.seconds()

    def __call__(self) -> Sequence[Server]:
        """
        The servers now.  A file that cannot be read names none that were not known.
        """
        now = self._clock.seconds()
        if now >= self._lookAt:
            self._lookAt = now + INTERVAL
            try:
                self._look()
            except OSError:
                pass
        return self._servers

    def _look(self) -> None:
        with self._path.open("rb") as file:
            status = os.fstat(file.fileno())
            seen = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
            if seen != self._seen:
                self._seen = seen
                self._servers = nameServers(file.read(_LIMIT).decode("latin-1"))
