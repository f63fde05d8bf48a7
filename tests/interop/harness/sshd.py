"""
OpenSSH's sshd as a host, in the variants that the tests need.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import define, field

from harness import hostkeys
from harness.hostkeys import HostKey
from harness.programs import program
from harness.servers import Server
from harness.waiting import freePort, listens

BANNER = "Authorized users of the example institute only.\nGr\u00fc\u00dfe vom Rechner.\n"

_BOTH = {"PasswordAuthentication": "yes", "KbdInteractiveAuthentication": "yes"}

#: What each variant says in its configuration, beside what they have in common.
VARIANTS: Mapping[str, Mapping[str, str]] = {
    "pam": {"UsePAM": "yes", **_BOTH, "Banner": "{directory}/banner"},
    "pam-kbdint": {
        "UsePAM": "yes",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "yes",
        "PubkeyAuthentication": "no",
    },
    "password-only": {
        "UsePAM": "no",
        "PasswordAuthentication": "yes",
        "KbdInteractiveAuthentication": "no",
        "PubkeyAuthentication": "no",
    },
    "partial": {
        "UsePAM": "yes",
        **_BOTH,
        "AuthenticationMethods": "password,keyboard-interactive",
        "PubkeyAuthentication": "no",
    },
    "alive": {
        "UsePAM": "no",
        "PasswordAuthentication": "yes",
        "ClientAliveInterval": "1",
        "ClientAliveCountMax": "3",
    },
    "rekey": {
        "UsePAM": "no",
        "PasswordAuthentication": "yes",
        "RekeyLimit": "2M",
        "LogLevel": "DEBUG1",
    },
    "second": {"UsePAM": "yes", **_BOTH, "SetEnv": "INTEROP_HOST=second"},
    "mortal": {"UsePAM": "no", "PasswordAuthentication": "yes"},
    "impostor": {"UsePAM": "yes", **_BOTH},
    "stranger": {"UsePAM": "yes", **_BOTH},
}

#: The kinds of host keys, where they are not ed25519 alone.
_KEYS: Mapping[str, Sequence[str]] = {
    "pam": ("ed25519", "ecdsa", "rsa"),
    "password-only": ("rsa",),
    "partial": ("ecdsa",),
}

_COMMON = {
    "PidFile": "none",
    "LogLevel": "VERBOSE",
    "StrictModes": "no",
    "UseDNS": "no",
    "PrintMotd": "no",
    "PrintLastLog": "no",
    "MaxStartups": "200",
    "MaxSessions": "50",
    "MaxAuthTries": "6",
    "LoginGraceTime": "30",
    "AllowTcpForwarding": "yes",
    "AllowStreamLocalForwarding": "yes",
    "AllowAgentForwarding": "yes",
    "StreamLocalBindUnlink": "yes",
    "GatewayPorts": "no",
    "X11Forwarding": "yes",
    "X11UseLocalhost": "yes",
    "X11DisplayOffset": "200",
    "XAuthLocation": "/usr/bin/xauth",
    "AcceptEnv": "LANG LC_* TESTVAR",
    "Subsystem": "sftp /usr/lib/openssh/sftp-server",
}

#: Where PAM waits for two seconds after a wrong password, as it usually does.
_DELAYED = "second"
_PAM = Path("/etc/pam.d")
_ASKS_UNIX = re.compile(r"^(auth|password).*pam_unix\.so", re.MULTILINE)
#: Has a program see another configuration of PAM, which is its first argument.
_OTHER_PAM = f'mount --bind "$0" {_PAM} && exec "$@"'

#: All that there are, started or not.
configured: list[Host] = []


@define
class Host:
    """
    An SSH server that stands for an internal host.

    @ivar keys: its host keys.
    """

    name: str
    address: str
    port: int
    keys: tuple[HostKey, ...]
    server: Server = field(eq=False)

    def __attrs_post_init__(self) -> None:
        configured.append(self)

    @property
    def target(self) -> str:
        """
        How a cluster names it.
        """
        return f"{self.address}:{self.port}"

    def knownHosts(self) -> str:
        """
        Its lines in a known_hosts file.
        """
        return hostkeys.knownHosts(self.address, self.port, self.keys)

    def start(self) -> Host:
        """
        Start it and wait until it listens.
        """
        self.server.start(lambda: listens(self.address, self.port))
        return self


def build(variant: str, address: str, directory: Path) -> Host:
    """
    Write the keys and the configuration of one variant; not yet started.
    """
    directory.mkdir(parents=True)
    paths = {kind: directory / f"host_{kind}" for kind in _KEYS.get(variant, ("ed25519",))}
    keys = {path: hostkeys.make(path, kind) for kind, path in paths.items()}
    return configure(variant, address, directory, VARIANTS[variant], keys)


def configure(
    name: str,
    address: str,
    directory: Path,
    settings: Mapping[str, str],
    keys: Mapping[Path, HostKey],
    path: str = "",
    port: int = 0,
) -> Host:
    """
    Write a configuration for keys that are there; not yet started.

    @param settings: what it says beside what all have in common.
    @param path: another sshd than the machine's.
    @param port: where it listens; 0 for a port of its own.
    """
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    port = port or freePort(address)
    lines = [f"ListenAddress {address}:{port}", *(f"HostKey {key}" for key in keys)]
    for key, value in {**_COMMON, **settings}.items():
        lines.append(f"{key} {value.format(directory=directory)}")
    (directory / "banner").write_text(BANNER)
    configuration = directory / "sshd_config"
    configuration.write_text("\n".join(lines) + "\n")
    command = [path or program("sshd"), "-D", "-e", "-f", str(configuration)]
    if settings.get("UsePAM") == "yes" and name != _DELAYED:
        command = [*_withoutDelay(directory / "pam.d"), *command]
    server = Server(f"sshd {name}", command, directory / "log")
    return Host(name, address, port, tuple(keys.values()), server)


def _withoutDelay(directory: Path) -> list[str]:
    """
    What has PAM answer at once when a password is wrong, for one program.

    @param directory: where PAM's configuration is made for it.
    @return: what the command begins with; nothing where that is not allowed.
    """
    unshared = [program("unshare"), "--mount", "--", "sh", "-c", _OTHER_PAM, str(directory)]
    shutil.copytree(_PAM, directory)
    for path in filter(Path.is_file, directory.iterdir()):
        path.write_text(_ASKS_UNIX.sub(r"\g<0> nodelay", path.read_text()))
    tried = subprocess.run([*unshared, "true"], capture_output=True)
    return unshared if tried.returncode == 0 else []
