"""
All hosts, accounts and the bastion, started once for the session.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from attrs import define, field

from harness import accounts, dialogues, dropbear, sshd
from harness.accounts import Account
from harness.failures import Failures
from harness.gateway import ADDRESS, Gateway, Plan
from harness.programs import available, needRoot, program
from harness.routes import Route
from harness.sshd import Host

NOTICE = "EMBL uses a different architecture; see its own pages."


@define
class Site:
    """
    Everything that runs during a session.

    @ivar gateway: the bastion, or L{None} when clients go to the hosts directly.
    @ivar failures: hosts that fail in one way or another.
    """

    directory: Path
    user: Account
    expiring: Account
    hosts: dict[str, Host] = field(factory=dict)
    gateway: Gateway | None = None
    failures: Failures = field(factory=Failures)

    def direct(self, kind: str) -> Route:
        """
        The way to a host without the bastion.
        """
        if kind not in self.hosts:
            program(kind)
        host = self.hosts[kind]
        return self._route(kind, host.address, host.port, host.keys, False)

    def through(self, kind: str) -> Route:
        """
        The way through the bastion's gateway of that name.
        """
        assert self.gateway is not None
        if kind not in self.gateway.plans:
            program(kind)
        port = self.gateway.plans[kind].port
        return self._route(kind, ADDRESS, port, self.gateway.keys(), True)

    def _route(self, kind, address, port, keys, bastion) -> Route:
        """
        A route for the ordinary account, or for the one that the odd host expects.
        """
        directory = self.directory / "clients"
        password = dialogues.PASSWORD if kind == "odd" else self.user.password
        name = "ordinary" if kind == "odd" else self.user.name
        return Route(kind, address, port, keys, name, password, directory, bastion)

    def stop(self) -> None:
        """
        End everything, and delete it.
        """
        if self.gateway is not None:
            self.gateway.stop()
        for host in self.hosts.values():
            host.server.stop()
        self.failures.close()
        for account in (self.user, self.expiring):
            accounts.delete(account.name)
        shutil.rmtree(self.directory, ignore_errors=True)


def open_(direct: bool) -> Site:
    """
    Start a site.

    @param direct: without the bastion.
    """
    needRoot()
    for name in ("sshd", "ssh", "useradd", "setpriv", "ss"):
        program(name)
    accounts.deleteLeftOvers()
    directory = accounts.newDirectory()
    for name in ("clients", "homes"):
        (directory / name).mkdir()
    user = accounts.create("user", directory / "homes")
    site = Site(directory, user, accounts.create("old", directory / "homes"))
    try:
        _startHosts(site)
        if not direct:
            site.gateway = Gateway(directory / "bastion", _plans(site)).start()
    except BaseException:
        site.stop()
        raise
    return site


def _startHosts(site: Site) -> None:
    """
    Start each host on a loopback address of its own.
    """
    directory = site.directory / "hosts"
    for number, variant in enumerate(sshd.VARIANTS, start=2):
        site.hosts[variant] = sshd.build(variant, f"127.0.0.{number}", directory / variant)
    site.hosts["odd"] = dialogues.build("127.0.0.40", directory / "odd")
    if available("dropbear"):
        site.hosts["dropbear"] = dropbear.build("127.0.0.41", directory / "dropbear")
    for host in site.hosts.values():
        host.start()


def _plans(site: Site) -> dict[str, Plan]:
    """
    A gateway for each host, for each way to fail, and for a notice.
    """
    plans = {
        name: Plan([host.target], host.knownHosts())
        for name, host in site.hosts.items()
        if name not in ("impostor", "stranger")
    }
    return {**plans, **site.failures.plans(site.hosts), "notice": Plan(notice=NOTICE)}
