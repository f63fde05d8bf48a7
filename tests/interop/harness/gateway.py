"""
The bastion itself, run by C{twistd} as an operator would run it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from bastion.upstream.ready import MAX_BEGUN
from harness import hostkeys, witness
from harness.books import Books
from harness.hostkeys import HostKey
from harness.programs import program
from harness.routes import Route
from harness.servers import Server
from harness.waiting import freePort, listens

ADDRESS = "127.0.0.1"
#: For tests that are not about the choice of hosts.
PREDICTABLE = ('select = "ordered"', 'sticky = "0s"', 'check_interval = "0s"')


_UNCHECKED = PREDICTABLE[-1]
#: A descriptor in a line of C{ss}.
_DESCRIPTOR = re.compile(r"fd=(\d+)")
#: Who connects is written down there; in the bastion's directory.
_ACCEPTED = "accepted"

#: Every bastion that was started.
started: list[Gateway] = []


def _toml(value: Any) -> str:
    """
    A value as TOML writes it.
    """
    if not isinstance(value, Mapping):
        return json.dumps(value)
    return "{ " + ", ".join(f"{name} = {_toml(each)}" for name, each in value.items()) + " }"


@frozen
class Plan:
    """
    One gateway: a cluster of hosts, or a notice.

    @ivar hosts: the targets, in their order; a table for one that is not like the others.
    @ivar knownHosts: the lines of the cluster's known_hosts file.
    @ivar clientLeg: more lines for the gateway's table.
    @ivar hostLeg: more lines for the cluster's table.
    @ivar selection: how the cluster chooses and checks its hosts.
    """

    hosts: Sequence[str | Mapping[str, Any]] = ()
    knownHosts: str = ""
    notice: str = ""
    port: int = field(factory=lambda: freePort(ADDRESS))
    clientLeg: Sequence[str] = ()
    hostLeg: Sequence[str] = ()
    selection: Sequence[str] = PREDICTABLE

    @property
    def targets(self) -> str:
        """
        The hosts as a list of TOML.
        """
        return f"[{', '.join(map(_toml, self.hosts))}]"


class Gateway:
    """
    A bastion with one gateway for each plan.

    @ivar books: who has come, and what is recorded of that.
    @ivar pids: the ids of its process, one for each start.
    @ivar ends: how it was told to end, and ended: the exit statuses.
    """

    def __init__(self, directory: Path, plans: Mapping[str, Plan], more: str = "") -> None:
        """
        @param more: tables that are added to the configuration.
        """
        self.directory = directory
        self.state = directory / "state"
        self._auditLog = self.state / "audit.jsonl"
        self.plans = dict(plans)
        self._more = more
        self.configuration = directory / "bastion.toml"
        twistd = Path(sys.executable).with_name("twistd")
        command = [str(twistd), "-n", "--pidfile=", "bastion", "--config", str(self.configuration)]
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(directory)}
        environment["PYTHONPATH"] = str(directory / "plugins")
        self.server = Server("the bastion", command, directory / "log", environment, directory)
        names = {plan.port: name for name, plan in self.plans.items()}
        self.books = Books(names, directory / _ACCEPTED, self._auditLog)
        self.pids: list[int] = []
        self.ends: list[int | None] = []

    def start(self) -> Gateway:
        """
        Write the configuration, start it and wait until every port answers.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        for name, plan in self.plans.items():
            (self.directory / f"known_hosts.{name}").write_text(plan.knownHosts)
        self.configuration.write_text(self._toml())
        plugins = self.directory / "plugins" / "twisted" / "plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        shutil.copy(witness.__file__, plugins)
        ports = [plan.port for plan in self.plans.values()]
        before = self._controlSocket()
        self.server.start(
            lambda: (
                all(listens(ADDRESS, port) for port in ports)
                and self._controlSocket() not in (None, before)
            )
        )
        self.pids.append(self.server.pid)
        if self not in started:
            started.append(self)
        return self

    def _controlSocket(self) -> tuple[int, int] | None:
        """
        Which socket bastionctl speaks to: one that was killed leaves it there.
        """
        try:
            found = (self.state / "control.sock").stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_ctime_ns

    def route(self, name: str, direct: Route) -> Route:
        """
        The way through one of the gateways.

        @param direct: the way to its host.
        """
        port, keys = self.plans[name].port, self.keys()
        return evolve(direct, kind=name, address=ADDRESS, port=port, keys=keys, bastion=True)

    def _toml(self) -> str:
        """
        The configuration file.
        """
        lines = ["[bastion]", 'state_dir = "state"']
        for name, plan in self.plans.items():
            where = f"{plan.port}:interface={ADDRESS}:file={_ACCEPTED}"
            lines += [f"[gateway.{name}]", f'listen = "witnessed:{where}"']
            lines += plan.clientLeg
            if plan.notice:
                lines.append(f"notice = {json.dumps(plan.notice)}")
                continue
            lines.append(f'cluster = "{name}"')
            lines += [f"[cluster.{name}]", f"hosts = {plan.targets}", *plan.selection]
            lines += [f'known_hosts = "known_hosts.{name}"', *plan.hostLeg]
        return "\n".join([*lines, self._more])

    @property
    def checksHosts(self) -> bool:
        """
        Whether it connects to hosts by itself.
        """
        plans = self.plans.values()
        return any(plan.hosts and _UNCHECKED not in plan.selection for plan in plans)

    def keys(self) -> tuple[HostKey, ...]:
        """
        The public host keys that it made at its first start.
        """
        return tuple(hostkeys.read(path) for path in sorted(self.state.glob("ssh_host_*_key.pub")))

    def audit(self, gateway: str | None = None, offset: int = 0) -> list[dict[str, Any]]:
        """
        The events of the audit log, of one gateway or of all.

        @param offset: leave out so many bytes of the file.
        """
        events = [json.loads(line) for line in self._audited()[offset:].splitlines()]
        return [event for event in events if gateway in (None, event.get("gateway"))]

    def auditSize(self) -> int:
        """
        The size of the audit log.
        """
        return len(self._audited())

    def _audited(self) -> bytes:
        """
        The whole lines of the audit log; the last may be on its way to the disk.
        """
        content = self._auditLog.read_bytes() if self._auditLog.exists() else b""
        return content[: content.rfind(b"\n") + 1]

    def log(self) -> str:
        """
        The operator's log.
        """
        return self.server.text()

    def rss(self) -> int:
        """
        The resident memory, in KiB.
        """
        lines = Path("/proc", str(self.server.pid), "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

    def connections(self) -> list[str]:
        """
        Its TCP sockets that do not listen, as C{ss} prints them.
        """
        command = [program("ss"), "--tcp", "--numeric", "--no-header", "--processes"]
        lines = subprocess.run(command, check=True, capture_output=True).stdout.decode()
        return [line for line in lines.splitlines() if f"pid={self.server.pid}," in line]

    def clients(self) -> list[str]:
        """
        Those of its sockets that clients are connected to.
        """
        return [line for line in self.connections() if self._isClients(line)]

    def toHosts(self) -> list[str]:
        """
        Those that it has connected to hosts.
        """
        return [line for line in self.connections() if not self._isClients(line)]

    def _isClients(self, line: str) -> bool:
        ports = tuple(f":{plan.port}" for plan in self.plans.values())
        return line.split()[3].endswith(ports)

    def left(self) -> list[str]:
        """
        Those that no session accounts for when there is none: all of clients, and those
        of a host beyond what is kept for a login that may come.
        """
        clients, seen = [], Counter[str]()
        for line in self.connections():
            if self._isClients(line):
                clients.append(line)
            else:
                seen[line.split()[4]] += 1
        return clients + [host for host, count in seen.items() if count > MAX_BEGUN]

    def descriptors(self) -> int:
        """
        How many files and sockets it has open, beside those to hosts, which L{left} counts
        and which are kept for a while.
        """
        toHosts = {number for line in self.toHosts() for number in _DESCRIPTOR.findall(line)}
        opened = {path.name for path in Path("/proc", str(self.server.pid), "fd").iterdir()}
        return len(opened - toHosts)

    def stop(self) -> int | None:
        """
        End it by SIGTERM.

        @return: the exit status.
        """
        self.ends.append(self.server.stop())
        return self.ends[-1]
