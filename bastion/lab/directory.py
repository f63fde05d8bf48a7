"""
The lab's directory: keys that stay, and files written at each start.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key

from bastion.lab.host import LOOPBACK

_CONFIGURATION = """\
# Written at each start of the lab.
[bastion]
state_dir = "state"

[gateway.esrf]
listen = "tcp:{esrf}:interface={loopback}"
cluster = "nice"

[gateway.ill]
listen = "tcp:{ill}:interface={loopback}"
cluster = "ill"

[cluster.nice]
hosts = ["{loopback}:{nice1Host}", "{loopback}:{nice2Host}"]
select = "round-robin"
sticky = "0s"
known_hosts = "known_hosts"

[cluster.ill]
hosts = ["{loopback}:{illHost}"]
known_hosts = "known_hosts"
"""
# Those that the bastion makes for itself.
_BASTION_KEYS = ("ssh_host_ed25519_key.pub", "ssh_host_rsa_key.pub")


class LabError(Exception):
    """
    The lab cannot do what it was asked; the message is for the user.
    """


@frozen
class Gateways:
    """
    The bastion's ports.
    """

    esrf: int
    ill: int


class LabDirectory:
    """
    The files of the lab, readable by the invoking user only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.configuration = self.path / "bastion.toml"
        self.knownHosts = self.path / "known_hosts"
        self.clientKnownHosts = self.path / "client_known_hosts"
        self.bastionLog = self.path / "bastion.log"
        self.hostsLog = self.path / "hosts.log"
        self._lock = -1

    def prepare(self) -> None:
        """
        Make the directory and keep it to one lab, and to one user.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.path.stat().st_uid != os.geteuid():
                raise LabError(f"{self.path} belongs to somebody else")
            self.path.chmod(0o700)
            self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise LabError(
                f"another lab uses {self.path}: stop it, or choose another --directory"
            ) from None
        except OSError as error:
            raise LabError(f"{self.path}: {error.strerror}") from error

    def release(self) -> None:
        """
        Let another lab use it.
        """
        if self._lock != -1:
            os.close(self._lock)
            self._lock = -1

    def hostKey(self, name: str) -> Key:
        """
        The key of a host, made once and kept.
        """
        path = self.path / f"{name}_ed25519_key"
        if not path.exists():
            made = Key(Ed25519PrivateKey.generate())
            self._write(path, made.toString("openssh"))
        key: Key = Key.fromString(path.read_bytes())
        return key

    def startupFile(self, name: str) -> Path:
        """
        Where a host's interactive shells find their start-up file.
        """
        return self.path / f"{name}.shrc"

    def writeKnownHosts(self, keys: Mapping[int, Key]) -> None:
        """
        Write what the bastion must know: the keys of the hosts.

        @param keys: the hosts' keys by port.
        """
        public = {port: key.public().toString("openssh") for port, key in keys.items()}
        self._write(self.knownHosts, knownHostsLines(public))

    def writeConfiguration(self, gateways: Gateways, hosts: Mapping[str, int]) -> None:
        """
        Write the bastion's configuration.

        @param hosts: the ports of the hosts by name.
        """
        text = _CONFIGURATION.format(
            loopback=LOOPBACK,
            esrf=gateways.esrf,
            ill=gateways.ill,
            **{f"{name}Host": port for name, port in hosts.items()},
        )
        self._write(self.configuration, text.encode("ascii"))

    def writeClientKnownHosts(self, gateways: Gateways) -> None:
        """
        Write what the user's ssh must know: the keys that the bastion has made
        for itself.
        """
        lines = b""
        for name in _BASTION_KEYS:
            path = self.path / "state" / name
            try:
                public = path.read_bytes()
            except OSError as error:
                raise LabError(f"the bastion has no host key {path}: {error.strerror}") from error
            lines += knownHostsLines({gateways.esrf: public, gateways.ill: public})
        self._write(self.clientKnownHosts, lines)

    def openLog(self, path: Path) -> int:
        """
        Open a log of this run.
        """
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)

    def _write(self, path: Path, content: bytes) -> None:
        """
        Replace a file, for whoever reads it, at once and with no open moment.
        """
        new = path.with_name(f"{path.name}.new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        new.replace(path)


def knownHostsLines(keys: Mapping[int, bytes]) -> bytes:
    """
    Lines of a known_hosts file of OpenSSH.

    @param keys: public keys in OpenSSH's one-line form, by port on loopback.
    """
    return b"".join(
        b"[%b]:%d %b\n" % (LOOPBACK.encode("ascii"), port, b" ".join(line.split()[:2]))
        for port, line in keys.items()
    )
