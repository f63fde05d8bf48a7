"""
A bastion whose gateways and hosts have certain algorithms only.

There are many hosts: each is started when it is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import define

from harness import dropbear, hostkeys, sshd
from harness.algorithms import (
    ANY,
    DROPBEAR_CIPHERS,
    FOR_ASYNC_HOSTS,
    FOR_HOSTS,
    NEWEST,
    OLD_KEY_EXCHANGES,
    SYSTEM,
    Choice,
    versions,
)
from harness.asynchost import AsyncHost
from harness.gateway import ADDRESS, Gateway, Plan
from harness.hostkeys import HostKey
from harness.paramikohost import ParamikoHost
from harness.programs import NEWEST_OPENSSH, available, newest, program
from harness.routes import Route
from harness.site import Site
from harness.sshd import Host

#: The gateways in front of the ordinary host, and what their tables have.
CLIENT_LEGS: Mapping[str, list[str]] = {
    "default": [],
    "always": ['last_resort = "always"'],
    "never": ['last_resort = "never"'],
    "compatible": ['algorithms = "compatible"'],
}
#: What the bastion itself is narrowed to, on the leg to clients and on the one to hosts.
NARROW = Choice(
    "curve25519-sha256@libssh.org",
    "rsa-sha2-256",
    "aes192-ctr",
    "hmac-sha2-512-etm@openssh.com",
)
_REKEY = ['rekey_bytes = "1MiB"']
#: New keys after each MiB, and a sign of life after each second of silence; without
#: three of them a connection ends.
_LIVELY = [*_REKEY, 'keepalive = "1s"', "keepalive_tries = 3"]

#: The window, and the maximum packet size, of a host that takes more than anybody sends.
HUGE = 1 << 22

_KINDS = {
    "ssh-ed25519": "ed25519",
    "ecdsa-sha2-nistp256": "ecdsa-256",
    "ecdsa-sha2-nistp384": "ecdsa-384",
    "ecdsa-sha2-nistp521": "ecdsa-521",
    "rsa-sha2-256": "rsa",
    "rsa-sha2-512": "rsa",
}
_SETTINGS = {
    "UsePAM": "no",
    "PasswordAuthentication": "yes",
    "KbdInteractiveAuthentication": "no",
    "LogLevel": "DEBUG1",
}
_NARROW_SETTINGS = {**_SETTINGS, "LogLevel": "DEBUG3"}
#: OpenSSH 9.8 and later make those wait who have failed to log in.
_NEWEST_SETTINGS = {"PerSourcePenalties": "no"}
_ADDRESSES = {
    SYSTEM: "127.0.0.60",
    NEWEST: "127.0.0.61",
    "asyncssh": "127.0.0.62",
    "paramiko": "127.0.0.64",
}


def hostName(kind: str, choice: Choice) -> str:
    """
    The name of a host that has certain algorithms only, and of the gateway in
    front of it.
    """
    return re.sub("[^a-z0-9]+", "-", f"{kind}-{choice}").strip("-")


@define
class Matrix:
    """
    The bastion and its hosts.

    @ivar hosts: those that are programs of their own, by their names.
    """

    site: Site
    gateway: Gateway
    hosts: dict[str, Host]
    asyncHost: AsyncHost
    paramikoHost: ParamikoHost

    def through(self, name: str) -> Route:
        """
        The way through a gateway.
        """
        if name not in self.gateway.plans:
            program(name.split("-")[0])
        user = self.site.user
        port = self.gateway.plans[name].port
        directory = self.site.directory / "clients"
        keys = self.gateway.keys()
        return Route(name, ADDRESS, port, keys, user.name, user.password, directory, True)

    @contextmanager
    def serving(self, version: str, choice: Choice = ANY) -> Iterator[Host]:
        """
        The sshd that has only these algorithms, while it is needed.
        """
        if version == NEWEST:
            newest("sbin/sshd")
        host = self.hosts[hostName(version, choice)].start()
        try:
            yield host
        finally:
            host.server.stop()

    def stop(self) -> None:
        """
        End everything.
        """
        self.gateway.stop()
        self.asyncHost.stop()
        self.paramikoHost.stop()
        for host in self.hosts.values():
            host.server.stop()


def open_(site: Site) -> Matrix:
    """
    Start the bastion and the ordinary host.
    """
    directory = site.directory / "matrix"
    (directory / "keys").mkdir(parents=True)
    keys = {kind: directory / "keys" / kind for kind in set(_KINDS.values())}
    public = {path: hostkeys.make(path, kind) for kind, path in keys.items()}
    hosts = _hosts(directory, keys, public)
    paths = {algorithm: keys[kind] for algorithm, kind in _KINDS.items()}
    asyncHost = AsyncHost(_ADDRESSES["asyncssh"], paths, site.user.password)
    paramikoHost = ParamikoHost(_ADDRESSES["paramiko"], keys["ed25519"], site.user.password)
    plans = _plans(hosts) | _asyncPlans(asyncHost, public)
    plans["paramiko-lively"] = _lively(_ADDRESSES["paramiko"], paramikoHost.port, public)
    gateway = Gateway(directory / "bastion", plans)
    matrix = Matrix(site, gateway, hosts, asyncHost, paramikoHost)
    try:
        hosts["ordinary"].start()
        if "dropbear" in hosts:
            hosts["dropbear"].start()
        matrix.gateway.start()
    except BaseException:
        matrix.stop()
        raise
    return matrix


def _hosts(
    directory: Path, keys: Mapping[str, Path], public: Mapping[Path, HostKey]
) -> dict[str, Host]:
    """
    An sshd for each choice, and one that has everything; none is started.
    """
    places = {SYSTEM: "", NEWEST: str(NEWEST_OPENSSH / "sbin/sshd")}
    more = {SYSTEM: {}, NEWEST: _NEWEST_SETTINGS}

    def make(name, version, settings, known):
        settings = {**settings, **more[version]}
        path = places[version]
        return sshd.configure(name, _ADDRESSES[version], directory / name, settings, known, path)

    hosts = {
        "ordinary": make("ordinary", SYSTEM, _SETTINGS, public),
        NEWEST: make(NEWEST, NEWEST, _SETTINGS, public),
    }
    for version, choice in versions(FOR_HOSTS):
        name = hostName(version, choice)
        path = keys[_KINDS[choice.hostKey or "ssh-ed25519"]]
        settings = {**_NARROW_SETTINGS, **choice.settings()}
        hosts[name] = make(name, version, settings, {path: public[path]})
    if available("dropbear"):
        hosts["dropbear"] = dropbear.build("127.0.0.63", directory / "dropbear")
    return hosts


def _plans(hosts: Mapping[str, Host]) -> dict[str, Plan]:
    """
    The gateways in front of all hosts but asyncssh's.
    """

    def plan(name, clientLeg=(), hostLeg=()):
        host = hosts[name]
        return Plan([host.target], host.knownHosts(), clientLeg=clientLeg, hostLeg=hostLeg)

    plans = {name: plan("ordinary", lines) for name, lines in CLIENT_LEGS.items()}
    plans["narrow"] = plan("ordinary", [NARROW.table()], [NARROW.table()])
    plans["rekey"] = plan("ordinary", _REKEY, _REKEY)
    plans["lively"] = plan("ordinary", _LIVELY, _LIVELY)
    plans[NEWEST] = plan(NEWEST)
    plans["rekey-newest"] = plan(NEWEST, _REKEY, _REKEY)
    for version, choice in versions(FOR_HOSTS):
        name = hostName(version, choice)
        plans[name] = plan(name, hostLeg=_hostLeg(choice))
    if "dropbear" in hosts:
        plans["dropbear-lively"] = plan("dropbear", _LIVELY, _LIVELY)
        for choice in DROPBEAR_CIPHERS:
            plans[hostName("dropbear", choice)] = plan("dropbear", hostLeg=[choice.table()])
    return plans


def _asyncPlans(asyncHost: AsyncHost, public: Mapping[Path, HostKey]) -> dict[str, Plan]:
    """
    The gateways in front of asyncssh's ports.
    """
    plans = {}
    for choice in FOR_ASYNC_HOSTS:
        port = asyncHost.listen(choice)
        known = hostkeys.knownHosts(asyncHost.address, port, public.values())
        target = f"{asyncHost.address}:{port}"
        plans[hostName("asyncssh", choice)] = Plan([target], known, hostLeg=_hostLeg(choice))
    port = asyncHost.listen(ANY)
    plans["asyncssh-lively"] = _lively(asyncHost.address, port, public)
    port = asyncHost.listen(ANY, window=HUGE, max_pktsize=HUGE)
    known = hostkeys.knownHosts(asyncHost.address, port, public.values())
    plans["asyncssh-huge"] = Plan([f"{asyncHost.address}:{port}"], known)
    return plans


def _lively(address: str, port: int, public: Mapping[Path, HostKey]) -> Plan:
    """
    The gateway that wants new keys and signs of life often.
    """
    known = hostkeys.knownHosts(address, port, public.values())
    return Plan([f"{address}:{port}"], known, clientLeg=_LIVELY, hostLeg=_LIVELY)


def _hostLeg(choice: Choice) -> list[str]:
    """
    What the cluster's table needs for a host with this choice.
    """
    return ['algorithms = "compatible"'] if choice.keyExchange in OLD_KEY_EXCHANGES else []
