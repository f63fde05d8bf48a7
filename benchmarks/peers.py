"""
The ways from a client to the host that are compared.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import ClassVar

from benchmarks import sshd
from benchmarks.groups import Group
from benchmarks.measures import DIRECT
from benchmarks.programs import Missing, program
from benchmarks.servers import Server
from benchmarks.site import Site
from benchmarks.targets import BASTION, FORCE_COMMAND, HAPROXY
from benchmarks.waiting import ADDRESS, freePort


class Peer:
    """
    A gateway in front of the host.

    @cvar about: what it is, for a reader.
    @ivar port: where clients connect to.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    port: int

    def __init__(self, site: Site) -> None:
        self.site = site
        self.directory = site.directory / self.name
        self.directory.mkdir()
        self.group: Group | None = site.groups.group(self.name)
        self._server: Server | None = None

    def command(self) -> list[str]:
        """
        Write its configuration.

        @return: the command that runs it.
        @raise Missing: when this machine does not have what it needs.
        """
        raise NotImplementedError

    def start(self) -> None:
        """
        Start it and wait until it listens.
        """
        assert self.group is not None
        self.port = freePort()
        command = self.command()
        self._server = Server(self.name, self.group, self.directory)
        self._server.start(command, self.port)

    def stop(self) -> None:
        """
        End it.
        """
        if self._server is not None:
            self._server.stop()

    def write(self, name: str, text: str) -> Path:
        """
        Write a file of its own, which the account may read.
        """
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o644)
        return path


class Direct(Peer):
    """
    Nothing in between.
    """

    name = DIRECT
    about = "no gateway"

    def start(self) -> None:
        """
        The host runs already.
        """
        self.group = None
        self.port = self.site.port


class HAProxy(Peer):
    """
    HAProxy that passes TCP on: what a gateway costs that decrypts nothing.
    """

    name = HAPROXY
    about = "HAProxy in TCP mode, which decrypts nothing"

    def command(self) -> list[str]:
        """
        In TCP mode; nothing in its configuration is about SSH.
        """
        configuration = self.write(
            "haproxy.cfg",
            f"""global
    maxconn 4000
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen ssh
    bind {ADDRESS}:{self.port}
    server host {ADDRESS}:{self.site.port}
""",
        )
        return [program("haproxy"), "-db", "-f", str(configuration)]


class ForceCommand(Peer):
    """
    An sshd whose only command is an ssh to the host.

    It checks passwords by itself: PAM's session modules may move a session to a
    group of processes where it is not counted.  The second hop is by key, since
    it cannot pass the password on.
    """

    name = FORCE_COMMAND
    about = "OpenSSH, ForceCommand ssh to the host by key"

    def command(self) -> list[str]:
        """
        An sshd with a script, which has an ssh_config of its own.
        """
        script = self.write("hop", self._script(self._clientConfiguration()))
        settings = {
            "UsePAM": "no",
            "AllowTcpForwarding": "no",
            "ForceCommand": f"/bin/sh {script}",
            **self.site.cipherSetting(),
        }
        return sshd.command(self.directory, self.port, self.site.key, settings)

    def _script(self, configuration: Path) -> str:
        ssh = f"exec {program('ssh')} -F {configuration}"
        return f"""test -t 0 && terminal=-tt
case $SSH_ORIGINAL_COMMAND in
    "") {ssh} $terminal host ;;
    internal-sftp) {ssh} -s host sftp ;;
    *) {ssh} $terminal host "$SSH_ORIGINAL_COMMAND" ;;
esac
"""

    def _clientConfiguration(self) -> Path:
        account = self.site.account
        key = account.give(sshd.makeKey(self.directory / "key"))
        authorized = account.home / ".ssh"
        authorized.mkdir(exist_ok=True)
        public = key.with_name("key.pub").read_text()
        (authorized / "authorized_keys").write_text(public)
        settings = {
            "HostName": ADDRESS,
            "Port": self.site.port,
            "IdentityFile": key,
            "UserKnownHostsFile": self.site.knownHosts,
            "GlobalKnownHostsFile": "none",
            "UpdateHostKeys": "no",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
            "IgnoreUnknown": "ObscureKeystrokeTiming",
            "ObscureKeystrokeTiming": "no",
            **self.site.cipherSetting(),
        }
        lines = [f"  {name} {value}\n" for name, value in settings.items()]
        return self.write("ssh_config", f"Host host\n{''.join(lines)}")


class AsyncSSH(Peer):
    """
    A relay written with asyncssh.
    """

    name = "asyncssh"
    about = "a plain relay with asyncssh"

    def command(self) -> list[str]:
        """
        A program of our own.
        """
        if importlib.util.find_spec("asyncssh") is None:
            raise Missing("asyncssh is not installed")
        script = Path(__file__).with_name("asyncssh_relay.py")
        ports = [str(self.port), str(self.site.port)]
        files = [str(self.site.key), str(self.site.knownHosts)]
        # -P: the script's directory is no place to look for modules.
        return [sys.executable, "-P", str(script), *ports, *files, self.site.ciphers]


class Bastion(Peer):
    """
    The bastion as an operator runs it, with nothing but defaults.

    @cvar more: what its configuration says beside them.
    """

    name = BASTION
    about = "the bastion"
    more: ClassVar[str] = ""

    def command(self) -> list[str]:
        """
        The least that a configuration can say.
        """
        configuration = self.write(
            "bastion.toml",
            f"""[gateway.benchmark]
listen = "tcp:{self.port}:interface={ADDRESS}"
cluster = "benchmark"
[cluster.benchmark]
hosts = ["{ADDRESS}:{self.site.port}"]
known_hosts = "{self.site.knownHosts}"
{self.more}""",
        )
        options = ["-n", "--pidfile=", "bastion", "--config", str(configuration)]
        return [*self.twistd(), *options]

    def twistd(self) -> list[str]:
        """
        The program that runs it.
        """
        found = Path(sys.executable).with_name("twistd")
        if not found.exists():
            raise Missing(f"{found} does not exist")
        return [str(found)]


class WatchedBastion(Bastion):
    """
    The bastion with a watch on its reactor (L{benchmarks.ticker}).
    """

    about = "the bastion, with a clock that ticks every 10 ms in its reactor"

    @property
    def gaps(self) -> Path:
        """
        What the watch has written, when the bastion has ended.
        """
        return self.directory / "gaps"

    def twistd(self) -> list[str]:
        """
        The program that runs it, and watches.
        """
        script = Path(__file__).with_name("ticker.py")
        return [sys.executable, "-P", str(script), str(self.gaps)]


#: In the order of the table.
PEERS: tuple[type[Peer], ...] = (Direct, HAProxy, ForceCommand, AsyncSSH, Bastion)
