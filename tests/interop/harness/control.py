"""
An operator of a running bastion: C{bastionctl}, and the socket behind it.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from attrs import frozen

from harness import clients
from harness.clients import Outcome
from harness.gateway import Gateway
from harness.waiting import until

_ENTRANCE = "from bastion.admin.ctl import main; raise SystemExit(main())"


def bastionctl() -> list[str]:
    """
    The program, also where its script is not installed.
    """
    script = Path(sys.executable).with_name("bastionctl")
    return [str(script)] if script.exists() else [sys.executable, "-c", _ENTRANCE]


class _Connection(http.client.HTTPConnection):
    """
    HTTP over a UNIX socket.
    """

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fsencode(self._path))


@frozen
class Control:
    """
    What an operator does with a bastion.
    """

    gateway: Gateway

    def run(self, *arguments: str) -> Outcome:
        """
        Run C{bastionctl} without a terminal.
        """
        command = [*bastionctl(), "--config", str(self.gateway.configuration), *arguments]
        return clients.run(command, clients.environment(self.gateway.directory))

    def ask(self, *arguments: str) -> Any:
        """
        Run it with C{--json}.

        @return: its answer.
        """
        return json.loads(self.run("--json", *arguments).ok().stdout)

    def get(self, path: str) -> Any:
        """
        Ask the socket itself, which is quicker.
        """
        connection = _Connection(self.gateway.state / "control.sock")
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def hosts(self, cluster: str) -> dict[str, Any]:
        """
        The hosts of a cluster, by their names.
        """
        return {each["host"]: each for each in self.get(f"/hosts?cluster={cluster}")}

    def state(self, cluster: str, host: str) -> str:
        """
        The state of a host.
        """
        return self.hosts(cluster)[host]["state"]

    def becomes(self, cluster: str, host: str, state: str, seconds: float = 20) -> None:
        """
        Wait until a host has this state.
        """
        what = f"{host} of {cluster} is {state}"
        until(lambda: self.state(cluster, host) == state, seconds, what)
