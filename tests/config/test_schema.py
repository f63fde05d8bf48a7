"""
Tests of L{bastion.config.schema}, and of the file that shows it to operators.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest

from bastion.algorithms import TO_CLIENTS, withLastResort
from bastion.config.load import load
from bastion.config.readers import Installed
from bastion.config.schema import (
    TABLES,
    AdmissionTable,
    BastionTable,
    ClientAlgorithms,
    Configuration,
    GatewayTable,
    homes,
    keys,
)

SHIPPED = Path(__file__).parents[2] / "etc" / "bastion.toml"
DIRECTORY = Path("/etc/bastion")


def shownText() -> str:
    """
    The shipped file with the keys that are commented out put in.
    """
    return re.sub(r"^# ([a-z0-9_]+ = )", r"\1", SHIPPED.read_text(), flags=re.MULTILINE)


def shownKeys(table: dict[str, Any], path: str = "") -> set[str]:
    """
    The keys of a file, as L{keys} names them.
    """
    found: set[str] = set()
    for name, value in table.items():
        here = f"{path}.{name}".lstrip(".")
        here = re.sub(r"^(gateway|cluster|account|policy)\.[^.]+", r"\1.NAME", here)
        if here in keys() or not isinstance(value, dict):
            found.add(here)
        else:
            found |= shownKeys(value, here)
    return found


def test_shippedFileShowsEveryKeyAndNoOther() -> None:
    assert shownKeys(tomllib.loads(shownText())) == set(keys())


def test_shippedFileLoads(installed: Installed) -> None:
    configuration = load(SHIPPED.read_text(), DIRECTORY, installed)
    gateways = configuration.gateways.values()
    assert [(each.name, each.listen, each.cluster) for each in gateways] == [
        ("esrf", ("tcp:5022",), "nice"),
        ("ill", ("tcp:5023",), "ill"),
        ("embl", ("tcp:5024",), None),
    ]
    assert configuration.gateways["embl"].notice


def test_defaultsShownInTheShippedFileAreTheDefaults(installed: Installed) -> None:
    asShipped = load(SHIPPED.read_text(), DIRECTORY, installed)
    allWritten = load(shownText(), DIRECTORY, installed)
    assert shownText() != SHIPPED.read_text()
    assert allWritten == asShipped


def test_defaultsAreSafeAndKnown(installed: Installed) -> None:
    configuration = load(
        '[gateway.a]\nlisten = "tcp:5022"\ncluster = "b"\n[cluster.b]\nhosts = ["h"]\n',
        DIRECTORY,
        installed,
    )
    store = configuration.bastion.store
    assert configuration.bastion == BastionTable(state_dir=DIRECTORY / "state", store=store)
    assert store.extension.name == "memory"
    assert configuration.gateways["a"].policies == ()
    assert configuration.gateways["a"].host_separator == ""
    assert configuration.gateways["a"].last_resort == "auto"
    assert configuration.gateways["a"].bandwidth == 0
    assert configuration.gateways["a"].admission == AdmissionTable()


@pytest.mark.parametrize(
    ("lastResort", "toKnown", "toOthers"),
    [
        ("auto", "usual", "all"),
        ("always", "all", "all"),
        ("never", "usual", "usual"),
    ],
)
def test_lastResortDependsOnTheProgram(lastResort: str, toKnown: str, toOthers: str) -> None:
    offered = ClientAlgorithms(TO_CLIENTS, withLastResort(TO_CLIENTS))
    table = GatewayTable(name="a", listen=("tcp:0",), last_resort=lastResort)
    assert table.algorithms == offered
    assert table.algorithmsFor(knowsBetter=True) == getattr(offered, toKnown)
    assert table.algorithmsFor(knowsBetter=False) == getattr(offered, toOthers)


def test_keysAreNamedByTheirTables() -> None:
    assert {"bastion.state_dir", "gateway.NAME.listen", "admission.dns"} < set(keys())
    assert {"cluster.NAME.known_hosts", "gateway.NAME.admission"} < set(keys())
    assert "account.NAME.from" in keys()
    assert not [name for name in keys() if name.endswith((".name", ".pattern"))]


def test_everyFieldButTheNameIsAKey() -> None:
    fields = {
        f"{path}.{each.name}" for path, table in TABLES.items() for each in attrs.fields(table)
    }
    names = {
        *("gateway.NAME.name", "cluster.NAME.name", "policy.NAME.name"),
        "account.NAME.pattern",
    }
    # "from" is a word of Python.
    assert fields - set(keys()) == names | {"account.NAME.from_"}
    assert set(keys()) - fields == {"account.NAME.from"}


def test_everyKeyHasItsHome() -> None:
    assert homes()["hosts"] == "[cluster.NAME]"
    assert homes()["dns"] == "[admission] or [gateway.NAME.admission]"
    assert homes()["keepalive"] == "[gateway.NAME] or [cluster.NAME]"
    assert homes()["notice"] == "[gateway.NAME] or [account.NAME]"
    assert homes()["bandwidth"] == "[gateway.NAME] or [policy.NAME]"
    assert homes().keys() == {name.rpartition(".")[2] for name in keys()}


@pytest.mark.parametrize("table", [*TABLES.values(), Configuration])
def test_tablesAreFrozen(table: type) -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        object.__new__(table).name = "other"


def test_gatewayCanBeMadeWithoutAFile() -> None:
    """
    Other parts of the bastion test themselves with tables that no file made.
    """
    assert GatewayTable(name="a", listen=("tcp:0",)).admission == AdmissionTable()
