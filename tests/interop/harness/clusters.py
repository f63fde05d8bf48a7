"""
A bastion with clusters of several hosts, for the promises about which host a login
comes to.

Its gateways lead to clusters of the same name, over the same six hosts or some of them.
Those without checks learn of their hosts from users only.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import define, field

from harness import accounts, hostkeys, sshd
from harness.accounts import Account
from harness.clients import Outcome
from harness.control import Control
from harness.delay import Delay
from harness.gateway import ADDRESS, Gateway, Plan
from harness.openssh import session, ssh
from harness.programs import NEWEST_OPENSSH
from harness.routes import Route
from harness.site import Site
from harness.sshd import Host
from harness.waiting import until

#: How a client asks where it is, and how one stays there.
WHERE = "echo $INTEROP_HOST"
STAY = f"{WHERE}; cat"
#: Between an account and a host that its user names.
SEPARATOR = "%"
MOVED = "Your usual host is being repaired; your files are on this one too."
#: How late the slow host is, in seconds: more than one, and less than the bastion waits.
LATE = 1.6

_ACCOUNTS = 6
_NAMES = ("nice1", "nice2", "nice3", "nice4", "nice5", "nice6", "flapping", "newest")
_FIRST_ADDRESS = 71
_SETTINGS = {
    "UsePAM": "no",
    "PasswordAuthentication": "yes",
    "KbdInteractiveAuthentication": "no",
    "PubkeyAuthentication": "no",
}

_CHECKED = ('check_interval = "2s"', 'check_jitter = "0s"', 'slow_start = "0s"')
_UNCHECKED = ('check_interval = "0s"',)
_NOT_STICKY = ('check_interval = "0s"', 'sticky = "0s"')


@define
class Clusters:
    """
    The bastion, its hosts and who may log in there.

    @ivar hosts: by their names, which is also what they answer to L{WHERE}.
    @ivar late: stands in front of the last host of the cluster C{slow}.
    """

    site: Site
    directory: Path
    hosts: dict[str, Host]
    late: Delay
    accounts: list[Account] = field(factory=list)
    gateway: Gateway = field(init=False)
    control: Control = field(init=False)

    @property
    def six(self) -> list[Host]:
        """
        The hosts that most clusters have.
        """
        return list(self.hosts.values())[:6]

    def route(self, gateway: str, account: int = 0, host: str = "") -> Route:
        """
        The way through a gateway.

        @param account: its number.
        @param host: the host that the user names.
        """
        account = self.accounts[account]
        login = f"{account.name}{SEPARATOR}{self.hosts[host].address}" if host else account.name
        port = self.gateway.plans[gateway].port
        directory = self.site.directory / "clients"
        keys = self.gateway.keys()
        return Route(gateway, ADDRESS, port, keys, login, account.password, directory, True)

    def where(self, gateway: str, account: int = 0, host: str = "") -> str:
        """
        Log in, and ask for the name of the host.
        """
        return ssh(self.route(gateway, account, host), WHERE).ok().text

    @contextlib.contextmanager
    def held(self, routes: Sequence[Route], options: Sequence[str] = ()) -> Iterator[list[str]]:
        """
        Log in by all these routes at once, and stay there during a C{with} statement.

        @return: the names of the hosts.
        """
        with contextlib.ExitStack() as stack:
            running = [
                stack.enter_context(session(route, STAY, options=options)) for route in routes
            ]
            yield [process.stdout.readline().decode().strip() for process in running]

    def sessions(self, cluster: str = "") -> dict[str, int]:
        """
        How many places are taken on each host, by its name; those without any are not
        named.

        @param cluster: empty for all of them.
        """
        answer = self.control.get(f"/hosts?cluster={cluster}" if cluster else "/hosts")
        names = {host.target: name for name, host in self.hosts.items()}
        taken: Counter[str] = Counter()
        for each in answer:
            taken[names.get(each["host"], each["host"])] += each["sessions"]
        return +taken

    def changes(self, cluster: str, target: str, offset: int = 0) -> list[dict]:
        """
        The changes of a host's state, from the audit log.
        """
        return [
            event
            for event in self.gateway.audit(offset=offset)
            if event["event"] == "host.changed"
            and (event["cluster"], event["host"]) == (cluster, target)
        ]

    def allUp(self, cluster: str) -> None:
        """
        Wait until nothing is known against any host.
        """

        def others():
            hosts = self.control.hosts(cluster)
            return {name: each["state"] for name, each in hosts.items() if each["state"] != "up"}

        until(lambda: not others(), 30, f"all hosts of {cluster} are up")

    def stop(self) -> None:
        """
        End everything.
        """
        self.gateway.stop()
        for host in self.hosts.values():
            host.server.stop()
        for account in self.accounts:
            accounts.delete(account.name)


def replacement(host: Host, label: str, newKey: bool = False, **settings: str) -> Host:
    """
    Another sshd for the address and the port of a host, and of its name; not yet
    started.

    @param newKey: whether its key is another one.
    @param settings: in which it differs.
    """
    directory = host.server.log.parent
    key, public = directory / "host_ed25519", host.keys[0]
    directory = directory.with_name(f"{host.name}-{label}")
    directory.mkdir()
    if newKey:
        key = directory / "host_ed25519"
        public = hostkeys.make(key)
    settings = {**_settings(host.name), **settings}
    keys = {key: public}
    return sshd.configure(host.name, host.address, directory, settings, keys, "", host.port)


def failed(outcome: Outcome) -> str:
    """
    What a user was told who could not log in.
    """
    assert outcome.status == 255
    return outcome.stderr


@contextlib.contextmanager
def opened(site: Site) -> Iterator[Clusters]:
    """
    Start the hosts and the bastion.
    """
    directory = site.directory / "clusters"
    hosts = {name: _host(name, directory) for name in _NAMES}
    if not (NEWEST_OPENSSH / "sbin/sshd").exists():
        del hosts["newest"]
    late = Delay("127.0.0.79", hosts["nice6"], LATE)
    clusters = Clusters(site, directory, hosts, late)
    clusters.gateway = Gateway(directory / "bastion", _plans(clusters))
    clusters.control = Control(clusters.gateway)
    with late.serving():
        try:
            for host in hosts.values():
                host.start()
            for number in range(_ACCOUNTS):
                clusters.accounts.append(accounts.create(f"c{number}", site.directory / "homes"))
            clusters.gateway.start()
            yield clusters
        finally:
            clusters.stop()


def _host(name: str, directory: Path) -> Host:
    address = f"127.0.0.{_FIRST_ADDRESS + _NAMES.index(name)}"
    here = directory / name
    here.mkdir(parents=True)
    keys = {here / "host_ed25519": hostkeys.make(here / "host_ed25519")}
    path = str(NEWEST_OPENSSH / "sbin/sshd") if name == "newest" else ""
    return sshd.configure(name, address, here, _settings(name), keys, path)


def _settings(name: str) -> dict[str, str]:
    return {**_SETTINGS, "SetEnv": f"INTEROP_HOST={name}"}


def _plans(clusters: Clusters) -> dict[str, Plan]:
    """
    The clusters.  C{nice} is as a site has it, C{single} its last host alone.
    """
    hosts, six, late = clusters.hosts, clusters.six, clusters.late
    known = "".join(host.knownHosts() for host in hosts.values())
    known += hostkeys.knownHosts(*late.server_address, late.host.keys)

    def plan(members, *selection, gateway=()):
        targets = [each if isinstance(each, dict) else each.target for each in members]
        return Plan(targets, known, clientLeg=gateway, selection=selection)

    naming = [f'host_separator = "{SEPARATOR}"']
    heavy = {"host": six[0].target, "weight": 4}
    small = {"host": six[1].target, "max_sessions": 1}
    plans = {
        "nice": plan(six, *_CHECKED, f'moved = "{MOVED}"', gateway=naming),
        "single": plan(six[-1:], *_CHECKED),
        "least-sessions": plan(six, *_NOT_STICKY),
        "round-robin": plan(six, *_NOT_STICKY, 'select = "round-robin"'),
        "weighted": plan([heavy, *six[1:3]], *_NOT_STICKY),
        "limited": plan([six[0], small], *_NOT_STICKY, "max_sessions = 2"),
        "teams": plan(six, *_UNCHECKED, 'sticky_by = "account+source"'),
        "slow": plan([*six[:2], late], *_CHECKED),
        "flapping": plan(
            [hosts["flapping"], *six[:2]], *_CHECKED, 'sticky = "0s"', 'select = "round-robin"'
        ),
    }
    if "newest" in hosts:
        plans["newest"] = plan([hosts["newest"]], *_CHECKED)
    return plans
