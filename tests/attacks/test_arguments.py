"""
Attack A23: names that are an option, a command or a path to somebody (CVE-2023-51385).  A
name is bytes, from the client to the host, and nothing else: no program is started because
of it, no file is called after it, and whoever reads of it reads it escaped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attacking.client import Client, request
from attacking.host import Host
from attacking.records import Records
from attacking.stages import Stage
from attrs import evolve

from bastion.hosts.memory import MemoryOptions, MemoryStore
from bastion.hosts.selector import Stickiness
from bastion.interfaces import HostRequest
from bastion.wire import MSG_USERAUTH_REQUEST, Reader, shown

NAMES = [
    b"-oProxyCommand=touch pwned",
    b"-oProxyCommand=/bin/sh -c id",
    b"-l root",
    b"--",
    b"$(touch pwned)",
    b"`touch pwned`",
    b"johnson; touch pwned",
    b"johnson && touch pwned #",
    b"johnson|touch pwned",
    b"johnson\ntouch pwned\n",
    b"johnson >pwned",
    b"${HOME}",
    b"~root",
    b"*",
    b"johnson*",
    b"[a-z]*",
    b"../../../../etc/passwd",
    b"..",
    b".",
    b"/etc/shadow",
    b"state.json",
    b"audit.jsonl",
    b"johnson/../root",
    b"johnson\\..\\root",
    b"johnson\0root",
    b"\0",
    b"johnson\0",
    b"a@b",
    b"johnson@nice1@nice2",
    b"johnson:password",
    b"johnson@nice1:22",
    b"{account}",
    b"{0.__class__.__init__.__globals__}",
    b"%(account)s %s %n",
    b'"]], "admin": [["nice", "nice1", 22, "disabled", 0, "", ""]], "x": [["',
    b"[account.root]",
    b"\xff\xfe",
    "j\u00f6hnson".encode(),
    b" johnson ",
    b"x" * 256,
    b"",
]
#: What names a host, or would: the account that a host is to see, and which host; L{None}
#: where there is none.
NAMING = {
    b"johnson%nice1": (b"johnson", "nice1"),
    b"johnson%NICE2": (b"johnson", "nice2"),
    b"a@b%nice1": (b"a@b", "nice1"),
    b"johnson%nice1%nice2": (b"johnson%nice1", "nice2"),
    b"johnson%%nice2": (b"johnson%", "nice2"),
    b"%nice1": (b"", "nice1"),
    b"../johnson%nice2": (b"../johnson", "nice2"),
    b"$(id)%nice2": (b"$(id)", "nice2"),
    b"johnson%": None,
    b"johnson%nice": None,
    b"johnson%nice1 ": None,
    b"johnson%nice1\0": None,
    b"johnson%\0nice1": None,
    b"johnson%nice1\n": None,
    b"johnson%nice1:22": None,
    b"johnson%nice1:2222": None,
    b"johnson%nice1:022": None,
    b"johnson%nice1;id": None,
    b"johnson%n*": None,
    b"johnson%nice?": None,
    b"johnson%-oProxyCommand=id": None,
    b"johnson%../nice1": None,
    b"johnson%/etc/passwd": None,
    b"johnson%$(id)": None,
    b"johnson%root@nice1": None,
    b"johnson%127.0.0.1": None,
    b"johnson%localhost": None,
    b"johnson%[::1]:22": None,
    b"johnson%192.0.2.66:22": None,
    b"johnson%evil.example.org": None,
    b"johnson%\xff": None,
    b"johnson%" + b"n" * 248: None,
    b"johnson%" + "ni\u0441e1".encode(): None,
}
eachName = pytest.mark.parametrize("name", NAMES)

#: What a name could be an argument to (C{sys.audit}).
_EVENTS = ("open", "os.", "subprocess.", "pty.", "shutil.", "socket.", "ctypes.", "import", "exec")
#: What of it says that somebody has looked at a file that is there anyhow.
_HARMLESS = ("os.listdir",)


class Hook:
    """
    Notes what this process asks of the system.  It cannot be taken out again.

    @ivar noted: what was asked for, while it is wanted; L{None} while it is not.
    """

    def __init__(self) -> None:
        self.noted: list[tuple[str, str]] | None = None
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.noted is not None and event.startswith(_EVENTS) and event not in _HARMLESS:
            self.noted.append((event, str(arguments[0]) if arguments else ""))


@pytest.fixture(scope="module")
def hook() -> Hook:
    """
    One for all tests.
    """
    return Hook()


@pytest.fixture
def site(siteOf: Callable[..., Any], tmp_path: Path) -> Any:
    """
    A site where accounts stick to hosts and that is written to a file, where those who fail
    have to wait, and where users may name their host.
    """
    site = siteOf(admission={"penalties": "on", "penalty_exempt": ()})
    store = MemoryStore(MemoryOptions())
    store.open(site.clock, tmp_path)
    site._selector.store, site._selector.stickiness = store, Stickiness(3600.0)
    return site


@pytest.fixture
def records(site: Any, tmp_path: Path) -> Iterator[Records]:
    """
    What is written down, in the same directory.
    """
    records = Records(site, tmp_path)
    yield records
    records.check()
    records.close()


@pytest.fixture
def naming(site: Any) -> Any:
    """
    The site, once its users may name a host.
    """
    gateway = site.factory.gateway
    site.factory.gateway = evolve(gateway, table=evolve(gateway.table, host_separator="%"))
    return site


def comesIn(site: Any, name: bytes) -> Client:
    """
    Somebody logs in by a name, if he is let, and leaves.
    """
    client: Client = site.connects(Client(account=name))
    client.opens()
    site.settle()
    return client


def leaves(site: Any, client: Client) -> None:
    """
    And leaves.
    """
    site.tcp(client).abortConnection()
    site.settle()
    site.clock.advance(120)
    site.settle()


def named(host: Host) -> set[bytes]:
    """
    The names that a host was told.
    """
    told = [payload for number, payload in host.heard if number == MSG_USERAUTH_REQUEST]
    return {Reader(payload).string() for payload in told}


@eachName
def test_hostGetsTheBytesOfTheName(site: Any, records: Records, name: bytes) -> None:
    client = comesIn(site, name)

    assert client.stage is Stage.SESSION
    assert named(site.host) == {name}
    (accepted,) = site.named("login.accepted")
    assert accepted["account"] == shown(name)


@eachName
def test_nameIsNothingThatTheSystemIsAskedFor(
    site: Any, records: Records, hook: Hook, tmp_path: Path, name: bytes
) -> None:
    """
    A login of it opens the files that each login opens.
    """

    def askedFor(account: bytes) -> list[tuple[str, str]]:
        hook.noted = []
        try:
            leaves(site, comesIn(site, account))
            return [(event, _withoutNumbers(what)) for event, what in hook.noted]
        finally:
            hook.noted = None

    askedFor(b"johnson")
    usual, files = askedFor(b"johnson"), set(tmp_path.iterdir())
    assert any("state.json" in what for _, what in usual)
    assert askedFor(name) == usual
    assert set(tmp_path.iterdir()) == files


def _withoutNumbers(text: str) -> str:
    return "".join(character for character in text if not character.isdigit())


@eachName
def test_stateFileHasTheNameAsOneText(site: Any, tmp_path: Path, name: bytes) -> None:
    """
    It is read back as it was, and says nothing else.
    """
    leaves(site, comesIn(site, name))
    site._selector.store.close()

    content = (tmp_path / "state.json").read_bytes()
    assert content.isascii()
    assert all(32 <= each < 127 or each == 10 for each in content)
    (stays,) = json.loads(content)["sticky"]
    assert stays[:2] == ["nice", name.decode("latin-1")]
    assert json.loads(content)["admin"] == []
    again = MemoryStore(MemoryOptions())
    again.open(site.clock, tmp_path)
    request = HostRequest(name, "198.51.100.7", "esrf")
    key = Stickiness(3600.0).key("nice", request)
    found: list[Any] = []
    again.stickyHosts(key).addCallback(found.extend)
    assert found == [site.addresses[0]]
    again.close()


@eachName
def test_operatorReadsTheNameEscaped(site: Any, records: Records, name: bytes) -> None:
    client = comesIn(site, name)
    if name:
        assert any(shown(name) in line for line in records.screen())
    leaves(site, client)


# Names of hosts


@pytest.mark.parametrize("name", NAMING)
def test_nameLeadsToAHostOfTheClusterOrNowhere(naming: Any, records: Records, name: bytes) -> None:
    client = comesIn(naming, name)
    told = {each: set().union(*map(named, hosts)) for each, hosts in naming.hosts.items()}
    wanted = NAMING[name]

    if wanted is None:
        assert client.gone
        assert set().union(*told.values()) == set()
        assert client.goodbye[1].decode("ascii").isprintable()
        assert b"There is no host" in client.goodbye[1]
    else:
        account, host = wanted
        assert client.stage is Stage.SESSION
        assert told == {"nice1": set(), "nice2": set()} | {host: {account}}


@pytest.mark.parametrize("name", [b"x" * 257, b"../" * 1000, b"\0" * 30_000])
def test_longNameIsRefusedUnseen(site: Any, records: Records, name: bytes) -> None:
    client = site.connects(Client(until=Stage.SERVICE))

    assert site.sends(client, MSG_USERAUTH_REQUEST, request(b"none", account=name))
    assert named(site.host) == set()
    assert site.named("login.refused") == []
