"""
Tests of L{bastion.config.policies}.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bastion.config.destinations import Destination, destination
from bastion.config.load import load
from bastion.config.policies import (
    ALL,
    Permitted,
    PolicyTable,
    boolean,
    command,
    permitted,
    policyFor,
    socketPath,
    subsystem,
    variable,
)
from bastion.config.problems import ConfigurationError
from bastion.config.readers import Installed, Place, keysOf

MANUAL = (Path(__file__).parents[2] / "docs" / "policies.md").read_text()
GATEWAYS = """
[gateway.esrf]
listen = "tcp:5022"
notice = "No."
[gateway.ill]
listen = "tcp:5023"
notice = "No."
"""


def policies(tables: str, installed: Installed) -> tuple[PolicyTable, ...]:
    """
    The tables of a configuration.
    """
    return load(GATEWAYS + tables, Path("/etc/bastion"), installed).policies


def problems(tables: str, installed: Installed) -> list[str]:
    """
    What an operator is told about them.
    """
    with pytest.raises(ConfigurationError) as refused:
        policies(tables, installed)
    return str(refused.value).split("\n")


def test_tablesAreInTheOrderOfTheFile(installed: Installed) -> None:
    tables = policies("[policy.b]\n[policy.a]\n[policy.c]\n", installed)
    assert [table.name for table in tables] == ["b", "a", "c"]


def test_withoutTablesThereAreNone(installed: Installed) -> None:
    assert policies("", installed) == ()


def test_whatIsNotSaidIsAllowed(installed: Installed) -> None:
    assert policies("[policy.a]", installed) == (
        PolicyTable(
            name="a",
            gateways=None,
            accounts=("*",),
            pty=True,
            shell=True,
            exec=ALL,
            subsystems=ALL,
            agent=True,
            x11=True,
            local_forwarding=ALL,
            remote_forwarding=ALL,
            streamlocal_forwarding=ALL,
            tunnel=True,
            env=ALL,
            other=True,
            max_channels=256,
            idle_limit=0.0,
            duration_limit=0.0,
            bandwidth=0,
            sentence="",
        ),
    )


def test_everyKeyHasItsMeaning(installed: Installed) -> None:
    tables = policies(
        """
[policy.guests]
gateways = ["ill", "esrf"]
accounts = ["in*", "guest?"]
pty = false
shell = false
exec = ["rsync --server *", "scp -t *"]
subsystems = ["sftp"]
agent = false
x11 = false
local_forwarding = ["db.example.org:5432", "localhost:*"]
remote_forwarding = false
streamlocal_forwarding = ["/run/user/*"]
tunnel = false
env = ["LANG", "LC_*"]
other = false
max_channels = 4
idle_limit = "1m"
duration_limit = "30d"
bandwidth = "10MiB/s"
sentence = "Ask your local contact."
""",
        installed,
    )
    assert tables == (
        PolicyTable(
            name="guests",
            gateways=("ill", "esrf"),
            accounts=("in*", "guest?"),
            pty=False,
            shell=False,
            exec=Permitted(False, ("rsync --server *", "scp -t *")),
            subsystems=Permitted(False, ("sftp",)),
            agent=False,
            x11=False,
            local_forwarding=Permitted(
                False,
                (Destination("db.example.org", 5432, 5432), Destination("localhost", 0, 65535)),
            ),
            remote_forwarding=Permitted(False),
            streamlocal_forwarding=Permitted(False, ("/run/user/*",)),
            tunnel=False,
            env=Permitted(False, ("LANG", "LC_*")),
            other=False,
            max_channels=4,
            idle_limit=60.0,
            duration_limit=30 * 86400.0,
            bandwidth=10 * 2**20,
            sentence="Ask your local contact.",
        ),
    )


def test_everythingCanBeSaidToBeAllowed(installed: Installed) -> None:
    tables = policies(
        """
[policy.a]
accounts = ["*"]
exec = true
local_forwarding = true
env = true
idle_limit = "0s"
bandwidth = "0"
sentence = ""
""",
        installed,
    )
    assert tables == (PolicyTable(name="a"),)


# The values


@pytest.mark.parametrize(
    ("parse", "given"),
    [
        (boolean, True),
        (boolean, False),
        (command, "rsync --server *"),
        (command, 'cd /data && ls [a-z] "x" \u00e9'),
        (command, "x" * 1024),
        (subsystem, "sftp"),
        (subsystem, "bulk@example.org"),
        (socketPath, "/run/user/*"),
        (socketPath, "*.sock"),
        (socketPath, "/run/..user"),
        (variable, "LC_*"),
        (variable, "?"),
    ],
)
def test_rightValueIsUnderstood(parse: Callable[[object], Any], given: object) -> None:
    assert parse(given) == given


COMMAND = 'write a command, or a pattern with "*" and "?" such as "scp -t *"'
SUBSYSTEM = 'write the name of a subsystem, such as "sftp"'
PATH = 'write a path from "/", or a pattern with "*" and "?" such as "/run/user/*"'
VARIABLE = 'write the name of a variable, or a pattern with "*" and "?" such as "LC_*"'


@pytest.mark.parametrize(
    ("parse", "value", "problem"),
    [
        (boolean, "yes", 'found the string "yes"; write true or false, without quotes'),
        (boolean, 1, "found the whole number 1; write true or false, without quotes"),
        (boolean, [], "found a list; write true or false, without quotes"),
        (command, "", f"the string is empty; {COMMAND}"),
        (command, True, f"found the boolean true; {COMMAND}"),
        (command, "a\nb", f'"a\\nb" has a control character; {COMMAND}'),
        (command, "x" * 1025, f'"{"x" * 80}..." has more than 1024 characters; write fewer'),
        (subsystem, "*", f'"*" is a pattern; {SUBSYSTEM}, or true for all'),
        (subsystem, "sft?", f'"sft?" is a pattern; {SUBSYSTEM}, or true for all'),
        (socketPath, "run", f'"run" fits no path that is allowed; {PATH}'),
        (socketPath, "/a/../*", f'"/a/../*" fits no path that is allowed; {PATH}'),
        (variable, "LANG=C", f'"LANG=C" is no name; {VARIABLE}'),
        (variable, "LANG LC_*", f'"LANG LC_*" is no name; {VARIABLE}'),
    ],
)
def test_wrongValueIsRefusedWithTheRemedy(
    parse: Callable[[object], Any], value: object, problem: str
) -> None:
    with pytest.raises(ValueError) as refused:
        parse(value)
    assert str(refused.value) == problem


@pytest.mark.parametrize(
    ("value", "understood"),
    [
        (True, Permitted(True)),
        (False, Permitted(False)),
        ([], Permitted(False)),
        (["sftp", "x"], Permitted(False, ("sftp", "x"))),
    ],
)
def test_someKeysAreTrueFalseOrAList(value: object, understood: object, place: Place) -> None:
    assert permitted(subsystem, '["sftp"]')(value, place) == understood
    assert place.noted == []


def test_itemsOfAListAreAllLookedAt(place: Place) -> None:
    permitted(destination, '["db:22"]')(["DB:22", 5, "db.:22", "db"], place)
    assert [problem.partition(";")[0] for _, problem in place.noted] == [
        "found the whole number 5",
        '"db:22" is listed twice',
        '"db" has no port',
    ]


@pytest.mark.parametrize(
    ("value", "what"),
    [("true", 'the string "true"'), (1, "the whole number 1"), ({}, "a table")],
)
def test_somethingElseIsNeitherTrueNorFalseNorAList(value: object, what: str, place: Place) -> None:
    permitted(subsystem, '["sftp"]')(value, place)
    needed = 'write true, false, or a list such as ["sftp"]'
    assert place.noted == [(("here",), f"found {what}; {needed}")]


# Several tables


def test_everyMistakeIsTold(installed: Installed) -> None:
    tables = """
[policy]
shell = false
[policy.guests]
gateways = ["ill", "isis", 5]
accounts = ["in[1]"]
shell = "no"
exce = false
subsystems = "sftp"
local_forwarding = ["db.example.org"]
idle_limit = "30s"
duration_limit = "31d"
bandwidth = "100KiB/s"
sentence = " "
[policy.nobody]
gateways = []
accounts = []
"""
    assert problems(tables, installed) == [
        "policy.shell: this key belongs in [policy.NAME], not here",
        "policy.guests.gateways: found the whole number 5; "
        'write the name of a gateway, such as "esrf"',
        'policy.guests.gateways: no gateway named "isis"; there are: esrf, ill',
        'policy.guests.accounts: "[" cannot be in it; write an account, or a pattern with "*" '
        'and "?" such as "in*"',
        'policy.guests.shell: found the string "no"; write true or false, without quotes',
        'policy.guests.exce: unknown key; did you mean "exec"?',
        'policy.guests.subsystems: found the string "sftp"; write true, false, or a list such '
        'as ["sftp"]',
        'policy.guests.local_forwarding: "db.example.org" has no port; '
        'write "db.example.org:22", or "db.example.org:*" for any',
        'policy.guests.idle_limit: "30s" is out of range; write at least "1m" and at most '
        '"30d", or "0s" for not at all',
        'policy.guests.duration_limit: "31d" is out of range; write at least "1m" and at most '
        '"30d", or "0s" for not at all',
        'policy.guests.bandwidth: "100KiB/s" is out of range; write at least "1MiB/s" and at '
        'most "100GiB/s", or "0" for no limit',
        "policy.guests.sentence: the string is empty; write the words that the user shall see",
        'policy.nobody.gateways: the list is empty; write at least one, e.g. ["esrf"]',
        'policy.nobody.accounts: the list is empty; write at least one, e.g. ["in*"]',
    ]


@pytest.mark.parametrize("where", ["gateway.x", "bastion", "policy"])
def test_keyInAnotherTableIsShownItsHome(where: str, installed: Installed) -> None:
    whole = "listen = 'tcp:1'\nnotice = 'x'\n" if where == "gateway.x" else ""
    assert problems(f"[{where}]\n{whole}idle_limit = '1h'\n", installed) == [
        f"{where}.idle_limit: this key belongs in [policy.NAME], not here"
    ]


# Which table decides

TABLES = (
    PolicyTable(name="nowhere", gateways=()),
    PolicyTable(name="teams", gateways=("esrf",), accounts=("in*", "opid?")),
    PolicyTable(name="both", gateways=("esrf", "ill"), accounts=("in1000",)),
    PolicyTable(name="rest", gateways=("ill",)),
)


@pytest.mark.parametrize(
    ("gateway", "account", "name"),
    [
        ("esrf", b"in1000", "teams"),
        ("esrf", b"opid1", "teams"),
        ("esrf", b"opid12", None),
        ("esrf", b"IN1000", None),
        ("esrf", b"in\xff", "teams"),
        ("esrf", b"", None),
        ("ill", b"in1000", "both"),
        ("ill", b"in1001", "rest"),
        ("ill", b"", "rest"),
        ("ill", b"\xff\n", "rest"),
        ("embl", b"in1000", None),
    ],
)
def test_firstTableThatFitsDecides(gateway: str, account: bytes, name: str | None) -> None:
    table = policyFor(TABLES, gateway, account)
    assert (table.name if table is not None else None) == name


def test_whereThereIsNoTableNoneDecides() -> None:
    assert policyFor((), "esrf", b"in1000") is None


# The manual


@pytest.mark.parametrize("recipe", re.findall(r"```toml\n(.*?)```", MANUAL, re.DOTALL))
def test_recipesOfTheManualAreRight(recipe: str, installed: Installed) -> None:
    assert policies(recipe if recipe[0] == "[" else "[policy.a]\n" + recipe, installed)


def test_manualHasEveryKeyAndItsDefault(installed: Installed) -> None:
    shown = dict(re.findall(r"^\| `([a-z0-9_]+)` \| `?(.*?)`? \|", MANUAL, re.MULTILINE))
    assert shown.pop("gateways") == "all"
    assert [*shown] == [name for name in keysOf(PolicyTable) if name != "gateways"]
    written = "\n".join(f"{name} = {default}" for name, default in shown.items())
    assert policies(f"[policy.a]\n{written}", installed) == (PolicyTable(name="a"),)
