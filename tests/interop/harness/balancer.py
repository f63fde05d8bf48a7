"""
HAProxy in front of the bastion, and in front of its host; each speaks the PROXY protocol
with the bastion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import define, evolve, field, frozen

from harness import hostkeys
from harness.gateway import ADDRESS, PREDICTABLE, Gateway, Plan
from harness.programs import program
from harness.routes import Route
from harness.servers import Server
from harness.site import Site
from harness.waiting import freePort, listens

#: Where HAProxy listens for users, where it comes from to the bastion, and where it listens
#: in front of the host.
FOR_USERS, TO_BASTION, AT_HOST = "127.0.0.91", "127.0.0.92", "127.0.0.93"

_GLOBAL = """
global
    log stdout format raw local0
    maxconn 200
defaults
    mode tcp
    log global
    timeout connect 5s
    timeout client 1m
    timeout server 1m
"""
#: The bastion checks its host, too.
_CHECKED = (*PREDICTABLE[:2], 'check = "identification"', 'check_interval = "2s"')


@frozen
class Way:
    """
    One way through HAProxy, the bastion and HAProxy.

    @ivar toBastion: what HAProxy says of its clients, in its own words.
    @ivar toHost: C{proxy_protocol} of the bastion.
    @ivar selection: as in L{Plan}.
    """

    toBastion: str
    toHost: str
    selection: tuple[str, ...] = PREDICTABLE
    user: int = field(factory=lambda: freePort(FOR_USERS))
    host: int = field(factory=lambda: freePort(AT_HOST))


def ways() -> dict[str, Way]:
    """
    The ways, by name.
    """
    return {
        "v1": Way("send-proxy", "v1"),
        "v2": Way("send-proxy-v2", "v2"),
        "more": Way("send-proxy-v2 proxy-v2-options crc32c,unique-id", "v2"),
        "checked": Way("send-proxy-v2 check inter 300ms", "v2", _CHECKED),
    }


@define
class Balancers:
    """
    The bastion between HAProxy and HAProxy.

    @ivar haproxy: both of them.
    """

    site: Site
    gateway: Gateway
    haproxy: Server
    ways: Mapping[str, Way]

    def route(self, name: str, direct: bool = False) -> Route:
        """
        One of the ways.

        @param direct: around the first HAProxy.
        """
        route = self.gateway.route(name, self.site.direct("pam"))
        return route if direct else evolve(route, address=FOR_USERS, port=self.ways[name].user)

    def told(self, name: str, offset: int = 0) -> list[str]:
        """
        The clients that the HAProxy in front of the host was told of, as C{address:port}.
        """
        lines = self.haproxy.text(offset).splitlines()
        return [line.split()[1] for line in lines if line.startswith(f"host-{name} ")]


def _haproxy(site: Site, gateway: Gateway, every: Mapping[str, Way]) -> str:
    sshd, lines = site.hosts["pam"], [_GLOBAL]
    for name, way in every.items():
        port = gateway.plans[name].port
        lines += [
            f"frontend user-{name}",
            f"    bind {FOR_USERS}:{way.user}",
            '    unique-id-format "%ci-%cp"',
            f"    default_backend bastion-{name}",
            f"backend bastion-{name}",
            f"    source {TO_BASTION}",
            f"    server bastion {ADDRESS}:{port} {way.toBastion}",
            f"frontend host-{name}",
            f"    bind {AT_HOST}:{way.host} accept-proxy",
            f'    log-format "host-{name} %ci:%cp"',
            f"    default_backend sshd-{name}",
            f"backend sshd-{name}",
            f"    server sshd {sshd.address}:{sshd.port}",
        ]
    return "\n".join(lines) + "\n"


def _plans(site: Site, every: Mapping[str, Way]) -> dict[str, Plan]:
    keys = site.hosts["pam"].keys
    return {
        name: Plan(
            [f"{AT_HOST}:{way.host}"],
            hostkeys.knownHosts(AT_HOST, way.host, keys),
            clientLeg=[f'proxy_from = ["{TO_BASTION}"]'],
            hostLeg=[f'proxy_protocol = "{way.toHost}"'],
            selection=way.selection,
        )
        for name, way in every.items()
    }


@contextmanager
def opened(site: Site) -> Iterator[Balancers]:
    """
    Start everything.
    """
    every = ways()
    directory: Path = site.directory / "balanced"
    gateway = Gateway(directory, _plans(site, every))
    directory.mkdir()
    configuration = directory / "haproxy.cfg"
    configuration.write_text(_haproxy(site, gateway, every))
    command = [program("haproxy"), "-db", "-f", str(configuration)]
    haproxy = Server("HAProxy", command, directory / "haproxy.log")
    try:
        haproxy.start(lambda: all(listens(FOR_USERS, way.user) for way in every.values()))
        gateway.start()
        yield Balancers(site, gateway, haproxy, every)
    finally:
        gateway.stop()
        haproxy.stop()
