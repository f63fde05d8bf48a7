"""
C{etc/bastion.service}: that it starts the bastion where the manual puts it, with what the
bastion needs and no more.  What systemd itself says of it is in C{docs/systemd.md}.
"""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from pathlib import Path

import pytest
from twisted.application.app import ServerOptions as AnyServerOptions
from twisted.scripts.twistd import ServerOptions

from bastion.ssh.farewell import DRAINING_TIME, PARTING_TIME

ROOT = Path(__file__).parent.parent
MANUAL = (ROOT / "docs" / "systemd.md").read_text()
README = (ROOT / "README.md").read_text()
UNIT = "/etc/systemd/system/bastion.service"


def settings() -> dict[str, list[str]]:
    """
    What the unit says, by its keys: one may stand there twice.
    """
    found = defaultdict(list)
    for line in (ROOT / "etc" / "bastion.service").read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[key].append(value)
    return dict(found)


SETTINGS = settings()
COMMAND = shlex.split(SETTINGS["ExecStart"][0])


def one(key: str) -> str:
    """
    The value of a key that stands there once.
    """
    (value,) = SETTINGS[key]
    return value


def commands(text: str) -> set[str]:
    """
    The lines of the blocks of commands in a manual, without their comments.
    """
    blocks = text.split("```\n")[1::2]
    return {line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()}


# That it starts what was installed


@pytest.mark.parametrize("manual", [MANUAL, README], ids=["docs/systemd.md", "README.md"])
def test_programIsWhereTheManualInstallsIt(manual: str) -> None:
    prefix = Path(COMMAND[0]).parents[1]
    install = f"{prefix}/bin/pip install -c constraints.txt ."
    assert f"python3 -m venv {prefix} && {install}" in commands(manual)
    assert Path(COMMAND[0]).name == "twistd"


def parsed() -> AnyServerOptions:
    """
    The command line, as twistd takes it.
    """
    options: AnyServerOptions = ServerOptions()
    options.parseOptions(COMMAND[1:])
    return options


def test_twistdTakesTheCommandLine() -> None:
    options = parsed()
    assert options.subCommand == "bastion"
    assert options["nodaemon"]
    assert options["pidfile"] == ""
    assert options["logfile"] is None


@pytest.mark.parametrize("manual", [MANUAL, README], ids=["docs/systemd.md", "README.md"])
def test_configurationIsWhereTheManualPutsIt(manual: str) -> None:
    path = parsed().subOptions["config"]
    assert f"cp etc/bastion.toml {path}" in commands(manual)
    assert Path(path).is_absolute()


def test_unitIsWhereTheManualPutsIt() -> None:
    assert f"cp etc/bastion.service {UNIT}" in commands(MANUAL)
    assert UNIT.endswith("/bastion.service")


def test_userIsTheOneThatTheManualMakes() -> None:
    (made,) = [line for line in commands(MANUAL) if line.startswith("useradd ")]
    assert shlex.split(made)[-1] == one("User") == one("Group")
    assert "--system" in shlex.split(made)
    assert one("User") not in ("root", "nobody")


def test_stateIsWhereTheServiceMayWrite() -> None:
    assert f'state_dir = "/var/lib/{one("StateDirectory")}"' in MANUAL
    assert one("StateDirectoryMode") == "0700"
    assert one("UMask") == "0077"
    assert not {"ReadWritePaths", "ConfigurationDirectory", "WorkingDirectory"} & set(SETTINGS)


# That it has what it needs


def test_connectionsHaveTheTimeToEnd() -> None:
    limit = int(one("TimeoutStopSec").removesuffix("s"))
    assert limit >= max(DRAINING_TIME, PARTING_TIME) + 10


def test_networkIsOpen() -> None:
    families = one("RestrictAddressFamilies").split()
    # The last one is that of the control socket, and of the journal.
    assert families == ["AF_INET", "AF_INET6", "AF_UNIX"]
    closing = {"PrivateNetwork", "IPAddressDeny", "SocketBindDeny", "RestrictNetworkInterfaces"}
    assert not closing & set(SETTINGS)


def test_sessionsHaveTheirDescriptors() -> None:
    assert int(one("LimitNOFILE")) >= 2 * 30_000
    assert "30,000 sessions" in MANUAL


def test_itIsStartedAgainAndAgain() -> None:
    assert one("Restart") == "on-failure"
    assert one("StartLimitIntervalSec") == "0"


def test_theThreadsOfTheResolverMayBe() -> None:
    assert int(one("TasksMax")) >= 32


# That it has no more


YES = {
    *("LockPersonality", "MemoryDenyWriteExecute", "NoNewPrivileges", "PrivateDevices"),
    *("PrivateIPC", "PrivateMounts", "PrivateTmp", "PrivateUsers", "ProtectClock"),
    *("ProtectControlGroups", "ProtectHome", "ProtectHostname", "ProtectKernelLogs"),
    *("ProtectKernelModules", "ProtectKernelTunables", "RemoveIPC", "RestrictNamespaces"),
    *("RestrictRealtime", "RestrictSUIDSGID"),
}
WORDS = {
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "DevicePolicy": "closed",
    "KeyringMode": "private",
    "LimitCORE": "0",
    "MemorySwapMax": "0",
    "ProcSubset": "pid",
    "ProtectProc": "invisible",
    "ProtectSystem": "strict",
    "SystemCallArchitectures": "native",
}


def test_everySwitchIsOn() -> None:
    assert {key for key, values in SETTINGS.items() if values == ["yes"]} == YES


@pytest.mark.parametrize(("key", "value"), WORDS.items())
def test_whatIsNotNeededIsTakenAway(key: str, value: str) -> None:
    assert one(key) == value


def test_systemCallsAreThoseOfAServiceWithoutPrivileges() -> None:
    allowed, denied = SETTINGS["SystemCallFilter"]
    assert allowed == "@system-service"
    assert denied.startswith("~")
    assert {"@privileged", "@resources"} <= set(denied[1:].split())


# That the manual tells the same


def test_settingsThatTheManualNamesAreTheUnits() -> None:
    """
    Of the first table of what may be changed.
    """
    rows = re.findall(r"^\| (`.*?) \|", MANUAL, re.MULTILINE)
    named = [each.partition("=") for row in rows for each in re.findall(r"`(.+?)`", row)]
    told = {key: value for key, _, value in named if not key.startswith("IPAddress")}
    assert len(told) == 6
    assert {key: one(key) for key in told} == told


def test_exposureThatTheManualNamesIsLowEnough() -> None:
    (exposure,) = re.findall(r"Overall exposure level for bastion.service: (\S+)", MANUAL)
    weights = re.findall(r"^✗ .* (0\.\d)$", MANUAL, re.MULTILINE)
    assert float(exposure) <= 2.0
    assert len(weights) == 6
