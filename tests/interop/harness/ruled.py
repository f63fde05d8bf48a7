"""
A bastion whose gateways differ in what their sessions may do.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from harness import peers
from harness.gateway import Gateway, Plan
from harness.openssh import session
from harness.routes import Route
from harness.site import Site
from harness.waiting import freePort, until

#: Added to every refusal.
SENTENCE = "Ask the help desk."
#: The rate of the account at the gateway C{slow}, in bytes per second.
RATE = 1 << 20

_COPIES = ["scp -t *", "scp -r -t *", "scp -f *", "scp -r -f *"]

#: Those of the recipe for files, all but C{subsystems}.
_NOTHING_ELSE: dict[str, Any] = {
    "pty": False,
    "shell": False,
    "exec": False,
    "agent": False,
    "x11": False,
    "local_forwarding": False,
    "remote_forwarding": False,
    "streamlocal_forwarding": False,
    "tunnel": False,
    "other": False,
}


def refusal(what: str) -> str:
    """
    What a user reads when something is refused.
    """
    return f"{what} is not allowed here. {SENTENCE}"


def _tables(site: Site, echo: int, free: int) -> dict[str, dict[str, Any]]:
    """
    The table of each gateway.
    """
    return {
        "everything": {},
        "no-terminal": {"pty": False},
        "no-shell": {"shell": False},
        "commands": {"shell": False, "exec": ["echo *", "cat", "cd / && ls -d *"]},
        "no-subsystems": {"subsystems": False},
        "files": {**_NOTHING_ELSE, "subsystems": ["sftp"]},
        "copies": {**_NOTHING_ELSE, "subsystems": False, "exec": _COPIES},
        "mirror": {**_NOTHING_ELSE, "subsystems": False, "exec": ["rsync --server *"]},
        "language": {"env": ["LANG"]},
        "unforwarded": {**_NOTHING_ELSE, "pty": True, "shell": True, "exec": True},
        "somewhere": {
            "local_forwarding": [f"127.0.0.1:{echo}"],
            "remote_forwarding": [f"127.0.0.1:{free}", "127.0.0.2:0"],
            "streamlocal_forwarding": [f"{site.user.home}/allowed-*"],
        },
        "slow": {"bandwidth": "1MiB/s"},
        "idle": {"idle_limit": "1m"},
        "short": {"duration_limit": "1m"},
    }


@frozen
class Ruled:
    """
    The bastion.

    @ivar echo: the port of an echo server that C{somewhere} may be forwarded to.
    @ivar free: a port that the host of C{somewhere} may listen on.
    """

    site: Site
    gateway: Gateway
    echo: int
    free: int

    def route(self, gateway: str) -> Route:
        """
        The way to a host, through one of the gateways.
        """
        return self.gateway.route(gateway, self.site.direct("second"))

    def refused(self, offset: int) -> list[str]:
        """
        What was refused, by the sentences in the audit log.

        @param offset: leave out so many bytes of the log.
        """
        events = self.gateway.audit(offset=offset)
        return [event["reason"] for event in events if event["event"] == "channel.refused"]


@contextmanager
def shared(route: Route) -> Iterator[Sequence[str]]:
    """
    A connection that several of OpenSSH's programs share.

    @return: their options.
    """
    master = route.newDirectory() / "master"
    with session(route, options=["-N", "-M", f"-S{master}"]):
        until(master.exists, 20, "the connection to share")
        yield [f"-oControlPath={master}"]


def _toml(tables: dict[str, dict[str, Any]]) -> str:
    lines = []
    for name, keys in tables.items():
        lines += [f"[policy.{name}]", f'gateways = ["{name}"]', f'sentence = "{SENTENCE}"']
        lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return "\n".join([*lines, ""])


def started(theSite: Site, bastion: Gateway) -> Iterator[Ruled]:
    """
    Start it, for the tests of a module.
    """
    directory = Path(tempfile.mkdtemp(prefix="ruled-", dir=theSite.directory))
    host = theSite.hosts["second"]
    with peers.tcpEcho() as echo:
        free = freePort()
        tables = _tables(theSite, echo, free)
        plans = {name: Plan([host.target], host.knownHosts()) for name in tables}
        gateway = Gateway(directory, plans, _toml(tables)).start()
        try:
            yield Ruled(theSite, gateway, echo, free)
        finally:
            gateway.stop()
            shutil.rmtree(directory)
