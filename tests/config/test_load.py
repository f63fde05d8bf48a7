"""
Tests of L{bastion.config.load}: what a good file gives, and that every problem of a
bad one is told.
"""

from __future__ import annotations

import random
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from bastion.config.load import crossCheck, load, plainValues, readTables
from bastion.config.problems import ConfigurationError
from bastion.config.readers import Installed, Place
from bastion.config.schema import HostTable, PolicyTable
from bastion.interfaces import HostAddress

DIRECTORY = Path("/etc/bastion")
GOOD = """
[gateway.esrf]
listen = "tcp:5022"
cluster = "nice"
[cluster.nice]
hosts = ["nice1.example.org"]
"""


def problems(text: str, installed: Installed) -> list[str]:
    """
    What an operator is told about a file.
    """
    with pytest.raises(ConfigurationError) as refused:
        load(text, DIRECTORY, installed)
    return str(refused.value).split("\n")


def test_everythingCanBeSaid(installed: Installed) -> None:
    configuration = load(
        """
        [bastion]
        state_dir = "/var/lib/bastion"
        store = { name = "shared", weight = 1 }
        accounts_file = "accounts.toml"
        [gateway.ESRF-2]
        listen = ["tcp:5022", "tcp6:5023"]
        cluster = "nice"
        host_separator = "%"
        bandwidth = "1GiB/s"
        policies = ["no-forwarding", { name = "limited", weight = 3 }]
        [gateway.notice]
        listen = "tcp:5024"
        notice = "Elsewhere."
        [cluster.nice]
        hosts = ["nice2:2222", { host = "nice1", weight = 4, max_sessions = 0 }]
        select = { name = "weighted", weight = 2 }
        sticky = "1h"
        sticky_by = "account+source"
        moved = "Moved."
        max_sessions = 200
        slow_start = "0s"
        check = "tcp"
        check_interval = "20s"
        check_jitter = "20s"
        check_rise = 1
        check_fall = 100
        outlier = 0
        known_hosts = "keys/nice"
        [cluster.unused]
        hosts = ["[2001:db8::1]"]
        [account."in*"]
        gateways = ["notice"]
        [policy.guests]
        gateways = ["ESRF-2"]
        shell = false
        [policy.all]
        """,
        DIRECTORY,
        installed,
    )
    assert configuration.bastion.state_dir == Path("/var/lib/bastion")
    assert configuration.bastion.store.extension.name == "shared"
    assert configuration.bastion.accounts_file == DIRECTORY / "accounts.toml"
    (account,) = configuration.accounts
    assert (account.pattern, account.gateways) == ("in*", ("notice",))
    guests, everybody = configuration.policies
    assert (guests.name, guests.gateways, guests.shell) == ("guests", ("ESRF-2",), False)
    assert everybody == PolicyTable(name="all")
    assert list(configuration.gateways) == ["ESRF-2", "notice"]
    gateway = configuration.gateways["ESRF-2"]
    assert (gateway.name, gateway.cluster) == ("ESRF-2", "nice")
    assert (gateway.host_separator, gateway.bandwidth) == ("%", 2**30)
    assert gateway.listen == ("tcp:5022", "tcp6:5023")
    assert [choice.extension.name for choice in gateway.policies] == ["no-forwarding", "limited"]
    cluster = configuration.clusters["nice"]
    assert cluster.name == "nice"
    assert cluster.hosts == (
        HostTable(HostAddress("nice2", 2222)),
        HostTable(HostAddress("nice1", 22), weight=4, max_sessions=0),
    )
    assert cluster.select.build()[1].weight == 2
    assert (cluster.sticky, cluster.sticky_by, cluster.moved) == (3600, "account+source", "Moved.")
    assert (cluster.max_sessions, cluster.slow_start, cluster.outlier) == (200, 0, 0)
    assert cluster.check.extension.name == "tcp"
    assert (cluster.check_interval, cluster.check_jitter) == (20.0, 20.0)
    assert (cluster.check_rise, cluster.check_fall) == (1, 100)
    assert cluster.known_hosts == DIRECTORY / "keys/nice"
    assert configuration.clusters["unused"].addresses == (HostAddress("2001:db8::1"),)


def test_admissionIsOverriddenKeyByKey(installed: Installed) -> None:
    configuration = load(
        GOOD
        + """
        [gateway.ill]
        listen = "tcp:5023"
        cluster = "nice"
        [gateway.ill.admission]
        max_auth_tries = 3
        deny_from = { "::1" = "No." }
        [admission]
        max_auth_tries = 4
        login_grace_time = "30s"
        deny_from = { "10.0.0.0/8" = "You are inside." }
        """,
        DIRECTORY,
        installed,
    )
    esrf, ill = (configuration.gateways[name].admission for name in ("esrf", "ill"))
    assert (esrf.max_auth_tries, esrf.login_grace_time) == (4, 30.0)
    assert esrf.deny_from == {ip_network("10.0.0.0/8"): "You are inside."}
    assert (ill.max_auth_tries, ill.login_grace_time) == (3, 30.0)
    assert ill.deny_from == {ip_network("::1"): "No."}
    assert ill.per_source_startups == 50


@pytest.mark.parametrize("listen", ["tcp:0", "tcp:0:interface=127.0.0.1"])
def test_portZeroMayBeListenedOnTwice(listen: str, installed: Installed) -> None:
    text = GOOD.replace("tcp:5022", listen) + f'[gateway.b]\nlisten = "{listen}"\nnotice = "x"\n'
    assert len(load(text, DIRECTORY, installed).gateways) == 2


def test_stickinessIsSwitchedOffByOneKey(installed: Installed) -> None:
    cluster = load(GOOD + 'sticky = "0s"\n', DIRECTORY, installed).clusters["nice"]
    assert (cluster.sticky, cluster.sticky_by) == (0.0, "account")


def test_jitterWithoutChecksIsNoMistake(installed: Installed) -> None:
    text = GOOD + 'check_interval = "0s"\ncheck_jitter = "1m"\n'
    assert load(text, DIRECTORY, installed).clusters["nice"].check_interval == 0


@pytest.mark.parametrize(
    ("more", "paths"),
    [
        ("cluster = 'nice'", []),
        ("notice = 'x'", ["gateway.a.host_separator"]),
        ("notice = 'x'\ncluster = 'nice'", ["gateway.a"]),
        ("clustr = 'nice'", ["gateway.a.clustr"]),
        ("", ["gateway.a"]),
    ],
)
def test_separatorIsAProblemWhereThereIsSurelyNoCluster(
    more: str, paths: list[str], place: Place
) -> None:
    text = GOOD + f"[gateway.a]\nlisten = 'tcp:1'\nhost_separator = '%'\n{more}\n"
    top = Place(DIRECTORY, place.installed, {})
    crossCheck(readTables(plainValues(text), top), top)
    assert [".".join(path) for path, problem in top.noted] == paths


def test_separatorThatIsOffIsNoProblemOfANotice(installed: Installed) -> None:
    text = GOOD + '[gateway.a]\nlisten = "tcp:1"\nhost_separator = ""\nnotice = "x"\n'
    assert load(text, DIRECTORY, installed)


# Step one


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[gateway.esrf]\nlisten = tcp:5022\n",
            'line 2, column 10: not TOML: Invalid value; a text needs quotes, as in "60s"',
        ),
        (
            "a = 1\na = 2\n",
            "line 2, column 6: not TOML: Cannot overwrite a value; "
            "this key is there twice; keep one",
        ),
        (
            "[a]\n[a]\n",
            "line 2, column 3: not TOML: Cannot declare ('a',) twice; "
            "this table is there twice; put its keys under one header",
        ),
        (
            "[a]\nb = '''",
            "line 2, column 8: not TOML: Expected \"'''\"",
        ),
        (
            "listen: 5",
            "line 1, column 7: not TOML: Expected '=' after a key in a key/value pair",
        ),
    ],
)
def test_syntaxErrorHasItsLineAndColumn(text: str, problem: str, installed: Installed) -> None:
    assert problems(text, installed) == [problem]


def test_plainValuesAreThoseOfToml() -> None:
    assert plainValues('[a]\nb = ["c", 1]\n') == {"a": {"b": ["c", 1]}}


# All steps

MISTAKES = {
    "bastion": ["state_dir = 5", "stat_dir = 'x'", "store = 'none'", "accounts_file = 5"],
    "gateway.esrf": [
        "listen = 5022",
        "policies = ['nothing']",
        *("notice = ''", "bandwidth = 0"),
        "host_separator = 'x'",
        "colour = 1",
    ],
    "gateway.esrf.admission": ["dns = 'on'", "max_startups = '3:2:1'", "max_auth_trys = 3"],
    "cluster.nice": [
        *("hosts = []", "sticky = 8", "sticky_by = 'user'", "moved = 1", "check = 'none'"),
        *("check_interval = '1s'", "check_jitter = '6m'", "check_rise = 0", "check_fall = 0"),
        *("outlier = 1", "max_sessions = -1", "slow_start = 60"),
        *("known_hosts = ''", "select = 'least'"),
    ],
    "cluster.ill": ["hosts = ['a', 'a']", "stick = '8h'", "select = {name='ordered', x=1}"],
    'account."in*"': [
        *("gateways = ['isis']", "hours = ['8']", "days = ['monday']", "from = '8:00'"),
        *("until = 2026", "closed = ' '", "notice = '1s'", "untill = 1"),
    ],
    "policy.guests": [
        *("gateways = ['isis']", "accounts = []", "shell = 'no'", "exec = 'ls'", "env = ['A=']"),
        *("local_forwarding = ['db']", "idle_limit = '30s'", "bandwidth = '1KiB/s'", "ptty = 1"),
    ],
    "admission": ["allow_from = ['x']", "dns_exempt = 1", "login_grace_time = '1d'", "x = 1"],
}
RIGHT = {
    "gateway.esrf": {"listen": "listen = 'tcp:1'", "cluster": "cluster = 'nice'"},
    "cluster.nice": {"hosts": "hosts = ['a']"},
    "cluster.ill": {"hosts": "hosts = ['a']"},
}


def fileWith(mistakes: list[tuple[str, str]]) -> str:
    """
    A file that has these mistakes and no others.
    """
    lines = []
    for table in MISTAKES:
        wrong = [line for where, line in mistakes if where == table]
        said = {line.partition(" ")[0] for line in wrong}
        if "notice" in said:
            said.add("cluster")
        right = [line for name, line in RIGHT.get(table, {}).items() if name not in said]
        lines += [f"[{table}]", *right, *wrong]
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(100))
def test_fileWithSomeMistakesHasAsManyProblems(seed: int, installed: Installed) -> None:
    every = [(table, line) for table, lines in MISTAKES.items() for line in lines]
    chance = random.Random(seed)
    mistakes = [each for each in every if chance.random() < 0.5] or every
    told = problems(fileWith(mistakes), installed)
    assert [line.partition(": ")[0] for line in told] == [
        f"{table}.{line.partition(' ')[0]}".replace("ill.select", "ill.select.x")
        for table, line in mistakes
    ]


def test_propertyStartsFromAGoodFile(installed: Installed) -> None:
    assert load(fileWith([]), DIRECTORY, installed)


# The steps alone


def test_tablesAreReadWithoutLookingAtEachOther(place: Place) -> None:
    top: Any = Place(DIRECTORY, place.installed, {})
    drafts = readTables({"gateway": {"a": {"listen": "tcp:1", "cluster": "none"}}}, top)
    assert top.noted == []
    assert drafts.gateways["a"].values == {"listen": ("tcp:1",), "cluster": "none"}
    assert drafts.clusters == {}
    crossCheck(drafts, top)
    assert [path for path, problem in top.noted] == [("gateway", "a", "cluster")]


def test_problemsAreInTheOrderOfTheFile(installed: Installed) -> None:
    text = """
    [cluster.nice]
    sticky = 8
    hosts = []
    [admission]
    max_auth_tries = 0
    [gateway.esrf]
    cluster = "nise"
    listen = 5
    """
    assert [line.partition(": ")[0] for line in problems(text, installed)] == [
        "cluster.nice.sticky",
        "cluster.nice.hosts",
        "admission.max_auth_tries",
        "gateway.esrf.cluster",
        "gateway.esrf.listen",
    ]
