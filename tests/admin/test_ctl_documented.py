"""
C{docs/bastionctl.md} beside L{bastion.admin.ctl}: what there is, and what is written of it,
are the same.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

import bastion
from bastion.admin import commands, ctl
from bastion.admin.api import ControlAPI
from bastion.gateway import control

TEXT = (Path(bastion.__file__).parents[1] / "docs" / "bastionctl.md").read_text()

ANSWERS = {
    ("status", ""): control.Status,
    ("status", " of `gateways`"): control.GatewayStatus,
    ("status", " of `clusters`"): control.ClusterStatus,
    ("hosts", ""): control.HostStatus,
    ("connections", ""): control.ConnectionStatus,
    ("close", ""): control.Closed,
    ("penalties", ""): control.PenaltyStatus,
    ("explain", ""): control.Explanation,
    ("explain", " of `sticky`"): control.Sticky,
    ("explain", " of `candidates`"): control.CandidateStatus,
    ("explain", " of `passed_over`"): control.PassedOver,
}


def section(title: str) -> str:
    """
    What is below a heading.
    """
    _, _, rest = TEXT.partition(f"\n{title}\n")
    assert rest, title
    level = title.partition(" ")[0]
    return re.split(rf"\n#{{2,{len(level)}}} ", rest)[0]


def firstColumn(text: str, head: str) -> list[str]:
    """
    The first column of the table with this head.
    """
    _, _, rest = text.partition(f"| {head} |")
    assert rest, head
    rows = rest.partition("\n\n")[0].splitlines()[2:]
    return [row.split("|")[1].strip().strip("`") for row in rows]


@pytest.mark.parametrize(("command", "part"), ANSWERS)
def test_everyFieldOfEveryAnswerIsDocumented(command: str, part: str) -> None:
    written = firstColumn(section(f"### {command}"), f"field{part}")
    assert written == list(ANSWERS[command, part].__annotations__)


def test_fieldsOfTheCheckAreDocumented() -> None:
    text = section("### check-config")
    assert firstColumn(text, "field") == ["file", "problems"]
    assert firstColumn(text, "field of `problems`") == ["path", "problem"]


def parserOf(command: str) -> argparse.ArgumentParser:
    """
    The parser of one command.
    """
    (action,) = (
        action for action in ctl.parser()._actions if isinstance(action, argparse._SubParsersAction)
    )
    parser: argparse.ArgumentParser = action.choices[command]
    return parser


@pytest.mark.parametrize("command", commands.COMMANDS)
def test_everyCommandIsDocumentedWithItsArguments(command: str) -> None:
    (line,) = re.findall(rf"^bastionctl {command}(?: .*)?$", TEXT, re.MULTILINE)
    common = {"-h", "--help", "--config", "--socket", "--json"}
    for action in parserOf(command)._actions:
        names = {*action.option_strings} - common or {action.metavar} - {None}
        if not common & {*action.option_strings}:
            assert any(str(name) in line for name in names), action
    assert re.search(rf"^### .*\b{command}\b", TEXT, re.MULTILINE)


def test_commonOptionsAreDocumented() -> None:
    written = firstColumn(TEXT, "option | of every command; before it or behind it")
    assert [name.split()[0] for name in written] == ["--config", "--socket", "--json"]


def test_everyExitCodeIsDocumented() -> None:
    codes = [commands.DONE, commands.REFUSED, commands.USAGE, commands.UNREACHABLE, 130]
    assert firstColumn(section("## Exit codes"), "code") == [str(code) for code in codes]


def test_everyPathIsDocumented() -> None:
    rows = [
        re.findall("`([^`]+)`", row)[:2]
        for row in section("## The control API").splitlines()
        if row.startswith("| `")
    ]
    rules = ControlAPI.app.url_map.iter_rules()
    paths = {(rule.rule, *sorted((rule.methods or set()) - {"HEAD"})) for rule in rules}
    assert {(path, method) for method, path in rows} == paths
