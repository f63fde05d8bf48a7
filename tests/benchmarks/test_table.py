"""
Tests of L{benchmarks.table}.
"""

from __future__ import annotations

from benchmarks.results import Results
from benchmarks.table import rows, text


def test_columnsAreAligned() -> None:
    assert rows([["", "direct", "b"], ["login, ms", "116", "30"]]).splitlines() == [
        "|           | direct |  b |",
        "| --------- | -----: | -: |",
        "| login, ms |    116 | 30 |",
    ]


def test_peersAreShownInTheirOrderWithWhatIsMissing() -> None:
    results = Results({}, {"direct": "no gateway", "bastion": "the bastion"})
    results.add("bastion", {"login.wall": 30.4, "login.cpu": 3.26})
    results.add("direct", {"login.wall": 116})
    lines = text(results).splitlines()
    assert "| login, ms                 |    116 |      30 |" in lines
    assert "| gateway CPU, ms per login |      - |     3.3 |" in lines


def test_targetsAreShownWithTheirRatios() -> None:
    results = Results({})
    results.add("haproxy", {"get.cpu": 0.75})
    results.add("bastion", {"get.cpu": 0.6, "login.cpu": 5})
    found = [[cell.strip() for cell in line.split("|")] for line in text(results).splitlines()]
    assert [
        *("", "gateway CPU, s/GiB, sftp get", "0.60", "<= 0.40 x forcecommand", "unknown"),
        *("<= 0.95 x haproxy", "0.80 x 0.75", "aim", ""),
    ] in found
    assert ["", "gateway CPU, ms per login", "5.0", "<= 6", "", "<= 3.5", "", "must", ""] in found


def test_whatIsLeftOutIsNamedWithItsReason() -> None:
    results = Results({"kernel": "6.1"})
    results.omit("get", "not asked for")
    results.omit("haproxy", "haproxy is not installed")
    results.omit("put", "not asked for")
    expected = [
        "kernel: 6.1",
        "",
        "Left out:",
        "- get, put: not asked for",
        "- haproxy: haproxy is not installed",
    ]
    assert text(results).splitlines() == expected


def test_disturbanceIsShown() -> None:
    results = Results({}, disturbance=[0.0, 0.5, 0.1])
    assert text(results) == "cores busy with other things: 0.10 (median), 0.50 (most)\n"
