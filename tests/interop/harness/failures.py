"""
Hosts that fail: dead, silent, unreachable, or with the wrong key.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from harness import hostkeys
from harness.gateway import Plan
from harness.waiting import freePort

if TYPE_CHECKING:
    from harness.sshd import Host

_ADDRESS = "127.0.0.50"


class Failures:
    """
    Sockets that stand for failing hosts.

    @ivar dead: nobody listens; the connection is refused at once.
    @ivar silent: the connection is accepted and nothing is ever said.
    @ivar dark: the connection is neither accepted nor refused.
    """

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self.dead = f"{_ADDRESS}:{freePort(_ADDRESS)}"
        self.silent = self._listen(64)
        self.dark = self._listen(0)
        self._fill(self.dark)

    def _listen(self, backlog: int) -> str:
        """
        Listen and never accept.
        """
        listening = socket.socket()
        self._sockets.append(listening)
        listening.bind((_ADDRESS, 0))
        listening.listen(backlog)
        return f"{_ADDRESS}:{listening.getsockname()[1]}"

    def _fill(self, target: str) -> None:
        """
        Take the places in a queue of connections: the kernel then drops
        whatever comes.
        """
        address, port = target.rsplit(":", 1)
        for _ in range(4):
            waiting = socket.socket()
            waiting.settimeout(0.2)
            self._sockets.append(waiting)
            with contextlib.suppress(TimeoutError):
                waiting.connect((address, int(port)))

    def plans(self, hosts: Mapping[str, Host]) -> dict[str, Plan]:
        """
        The clusters whose first host fails; the second one is well, or fails
        too.  The impostor has another key than known_hosts says, and the
        stranger is not in known_hosts.
        """
        good, impostor, stranger = (hosts[name] for name in ("second", "impostor", "stranger"))
        wrong = hostkeys.knownHosts(impostor.address, impostor.port, good.keys)
        known = good.knownHosts() + wrong
        lead = {
            "dead": self.dead,
            "silent": self.silent,
            "dark": self.dark,
            "wrong-key": impostor.target,
            "unknown-key": stranger.target,
        }
        plans = {f"{name}-first": Plan([host, good.target], known) for name, host in lead.items()}
        plans["all-dead"] = Plan([self.dead, self.dead.replace(".50:", ".51:")], known)
        plans["all-silent"] = Plan([self.silent, self.dark], known)
        plans["all-wrong"] = Plan([impostor.target, stranger.target], known)
        return plans

    def close(self) -> None:
        """
        Close the sockets.
        """
        for each in self._sockets:
            each.close()
