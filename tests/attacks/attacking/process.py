"""
A bastion in a process of its own, with real hosts behind it, real sockets in front, and
what is seen of it from outside: its memory, its files, its log and its records.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import IPPROTO_TCP, SO_RCVBUF, SOL_SOCKET, TCP_NODELAY, inet_aton, socket
from typing import Any

import pytest
from attrs import define, field
from harness.gateway import ADDRESS, Gateway, Plan
from harness.hostkeys import knownHosts
from harness.invariants import Invariants
from harness.programs import program
from harness.servers import Server
from harness.waiting import until

from attacking.client import RIGHT, WRONG, Client
from attacking.peer import Peer
from attacking.stages import Stage

#: Where honest users come from; attackers come from elsewhere.
HONEST = "127.0.7.7"
#: What is waited for at most; nothing should take nearly as long.
SECONDS = 30
#: What may be kept after an attack, in KiB.
KEPT = 5 << 10

_ASKPASS = "#!/bin/sh\nprintf '%s\\n' \"$PASSWORD\"\n"


@define(eq=False)
class Attacker:
    """
    A socket to the bastion, used without a reactor.

    @ivar peer: what speaks SSH over it.
    """

    socket: socket
    peer: Peer = field(factory=Client)

    def __attrs_post_init__(self) -> None:
        self.peer.write = self.socket.sendall

    def reads(self) -> bool:
        """
        Take what has arrived, and wait for it.

        @return: whether the connection goes on.
        """
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionError:
            data = b""
        self.peer.gone = self.peer.gone or not data
        try:
            self.peer.take(data)
        except ConnectionError:
            self.peer.gone = True
        return not self.peer.gone

    def goes(self, stage: Stage) -> bool:
        """
        Keep the rules up to a stage.

        @return: whether it was let so far.
        """
        try:
            self.peer.goes(stage)
        except ConnectionError:
            self.peer.gone = True
        while self.peer.stage < stage and not self.peer.gone:
            self.reads()
        return not self.peer.gone

    def sends(self, data: bytes) -> bool:
        """
        Send as much as is taken.

        @return: whether the connection goes on, though perhaps nobody reads.
        """
        try:
            self.socket.sendall(data)
        except TimeoutError:
            return True
        except ConnectionError:
            self.peer.gone = True
        return not self.peer.gone

    def hearsToTheEnd(self) -> bytes:
        """
        Read until the bastion ends the connection.

        @return: what it has said, as it came.
        """
        said = b""
        try:
            while data := self.socket.recv(1 << 16):
                said += data
        except ConnectionError:
            # What the bastion had not read when it closed makes a reset of the end.
            pass
        return said


@define(eq=False)
class Bastion:
    """
    @ivar password: of every account of every host.
    """

    directory: Path
    gateway: Gateway
    hosts: Server
    password: str
    attackers: list[Attacker] = field(factory=list, init=False)
    _pid: int = field(init=False)
    _invariants: Invariants = field(init=False)
    _rss: int = field(default=0, init=False)
    _files: int = field(default=0, init=False)
    _records: int = field(default=0, init=False)
    _toHosts: set[str] = field(factory=set, init=False)

    def begin(self) -> None:
        """
        An attack begins: remember how things are.
        """
        self.logsIn()
        until(lambda: not self.gateway.left(), SECONDS, "the first login is over")
        self._pid = self.gateway.server.pid
        self._rss, self._files = self.gateway.rss(), self.gateway.descriptors()
        self._toHosts = self._ends()
        self._invariants, self._records = Invariants(self.gateway), self.gateway.auditSize()
        # The peak begins anew (proc(5)).
        Path("/proc", str(self._pid), "clear_refs").write_text("5")

    # Ways in

    def connects(
        self, source: str, peer: Peer | None = None, gateway: str = "lab", room: int = 0
    ) -> Attacker:
        """
        An attacker's connection.

        @param room: the size of its receive buffer, where it is not the usual one.
        """
        made = socket()
        made.settimeout(SECONDS)
        made.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        if room:
            made.setsockopt(SOL_SOCKET, SO_RCVBUF, room)
        made.bind((source, 0))
        made.connect((ADDRESS, self.gateway.plans[gateway].port))
        self.attackers.append(Attacker(made, peer or Client()))
        return self.attackers[-1]

    def tries(self) -> bool:
        """
        Log in as an honest user does, and run a command.

        @return: whether that was possible.
        """
        command = [program("ssh"), "-F", "/dev/null", "-b", HONEST]
        command += ["-o", f"UserKnownHostsFile={self.directory / 'known_hosts'}"]
        command += ["-o", "StrictHostKeyChecking=yes", "-o", "NumberOfPasswordPrompts=1"]
        command += ["-p", str(self.gateway.plans["lab"].port), f"johnson@{ADDRESS}"]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "SSH_ASKPASS": str(self.directory / "askpass"),
            "SSH_ASKPASS_REQUIRE": "force",
            "PASSWORD": self.password,
        }
        done = subprocess.run(
            [*command, "echo still here"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
        )
        return (done.returncode, done.stdout) == (0, b"still here\n")

    def logsIn(self) -> None:
        """
        An honest user logs in at the first attempt.
        """
        assert self.tries(), "nobody else can log in"

    # What is seen of it

    def grown(self) -> int:
        """
        By how much the memory has grown at most since the attack began, in KiB.
        """
        lines = Path("/proc", str(self._pid), "status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
        return peak - self._rss

    def unsent(self, attacker: Attacker) -> int:
        """
        How many bytes for an attacker wait in the bastion's socket.
        """
        ends = [_row(attacker.socket.getpeername()), _row(attacker.socket.getsockname())]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            row = line.split()
            if row[1:3] == ends:
                return int(row[4].partition(":")[0], 16)
        return 0

    def sockets(self) -> list[str]:
        """
        Its connections, without those to hosts that were there before the attack.
        """
        return [*self.gateway.clients(), *(self._ends() - self._toHosts)]

    def _ends(self) -> set[str]:
        """
        The addresses from which it has connected to hosts.
        """
        return {line.split()[3] for line in self.gateway.toHosts()}

    def events(self, name: str, network: str) -> list[dict[str, Any]]:
        """
        The records of a name since the attack began, of sources that begin like this.
        """
        events = self.gateway.audit(offset=self._records)
        mine = [event for event in events if event["source"].startswith(network)]
        return [event for event in mine if event["event"] == name]

    # The end

    def survives(self) -> None:
        """
        The attackers go; the bastion is the same as before.
        """
        for attacker in self.attackers:
            attacker.socket.close()
        self.attackers.clear()
        self.logsIn()
        self._invariants.check((self.password.encode(), RIGHT, WRONG), seconds=SECONDS)
        gateway = self.gateway
        until(lambda: gateway.descriptors() <= self._files, SECONDS, "its files are closed")
        until(lambda: gateway.rss() <= self._rss + KEPT, SECONDS, f"memory back to {self._rss}")


def gatewayLog(bastion: Bastion) -> Path:
    """
    Where the bastion's log is, with all that it says at level C{debug}.
    """
    return bastion.gateway.server.log


def _row(address: tuple[str, int]) -> str:
    """
    An address as in C{/proc/net/tcp}.
    """
    return f"{int.from_bytes(inet_aton(address[0]), 'little'):08X}:{address[1]:04X}"


def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bastion]:
    """
    A bastion and its hosts, for the tests of a module.  Its gateway C{lab} is at its
    defaults; C{hasty} gives a login six seconds.
    """
    directory = tmp_path_factory.mktemp("bastion")
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory)}
    command = [sys.executable, "-m", "bastion.lab", "--hosts-only", "--json"]
    hosts = Server("the hosts", command, directory / "told", environment, directory)
    gateway: Gateway | None = None
    try:
        hosts.start(lambda: hosts.text().endswith("\n"))
        told = json.loads(hosts.text())
        known = Path(directory, told["known_hosts"]).read_text()
        targets = [f"{ADDRESS}:{told['hosts'][name]}" for name in ("nice1", "nice2")]
        hasty = ('admission = { login_grace_time = "6s" }',)
        plans = {"lab": Plan(targets, known), "hasty": Plan(targets, known, clientLeg=hasty)}
        gateway = Gateway(directory / "bastion", plans).start()
        keys = knownHosts(ADDRESS, plans["lab"].port, gateway.keys())
        (directory / "known_hosts").write_text(keys)
        (directory / "askpass").write_text(_ASKPASS)
        (directory / "askpass").chmod(0o700)
        yield Bastion(directory, gateway, hosts, told["password"])
    finally:
        if gateway is not None:
            gateway.stop()
        hosts.stop()


def surviving(running: Bastion) -> Iterator[Bastion]:
    """
    The bastion of the module, which has to survive the test.
    """
    running.begin()
    yield running
    running.survives()
