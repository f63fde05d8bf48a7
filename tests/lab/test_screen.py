"""
What the lab tells.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from attrs import evolve

from bastion.lab.directory import Gateways, LabDirectory
from bastion.lab.screen import Announcement

WITH_BASTION = """\
The lab is up: the bastion, and behind it nice1 and nice2 (NICE cluster) and ill.

  NICE      ssh -p 6022 -o UserKnownHostsFile=HERE/.lab/client_known_hosts johnson@127.0.0.1
  ILL       ssh -p 6023 -o UserKnownHostsFile=HERE/.lab/client_known_hosts smith@127.0.0.1
  files     sftp -P 6022 -o UserKnownHostsFile=HERE/.lab/client_known_hosts johnson@127.0.0.1

  password  abcd-efgh-jkmn  (any account name)
  logs      .lab/bastion.log (bastion), .lab/hosts.log (hosts)
  settings  .lab/bastion.toml
  control   BIN/bastionctl --config .lab/bastion.toml hosts

Ctrl-C stops everything.
"""
HOSTS_ONLY = """\
The hosts of the lab are up, without a bastion.

  nice1     ssh -p 40001 -o UserKnownHostsFile=HERE/.lab/known_hosts johnson@127.0.0.1
  ill       ssh -p 40003 -o UserKnownHostsFile=HERE/.lab/known_hosts johnson@127.0.0.1

  password  abcd-efgh-jkmn  (any account name)
  log       .lab/hosts.log

Ctrl-C stops everything.
"""


@pytest.fixture
def announcement(tmp_path: Path) -> Announcement:
    """
    What there is to tell about a lab with a bastion.
    """
    return Announcement(
        directory=LabDirectory(tmp_path / ".lab"),
        password="abcd-efgh-jkmn",
        hosts={"nice1": 40001, "ill": 40003},
        gateways=Gateways(esrf=6022, ill=6023),
        here=tmp_path,
    )


def test_peopleGetLinesToCopy(announcement: Announcement) -> None:
    text = WITH_BASTION.replace("HERE", str(announcement.here))
    assert announcement.asText() == text.replace("BIN", str(Path(sys.executable).parent))


def test_withoutBastionTheyAreTheHosts(announcement: Announcement) -> None:
    text = HOSTS_ONLY.replace("HERE", str(announcement.here))
    assert evolve(announcement, gateways=None).asText() == text


def test_programsGetValues(announcement: Announcement, tmp_path: Path) -> None:
    assert announcement.asValues() == {
        "address": "127.0.0.1",
        "password": "abcd-efgh-jkmn",
        "directory": f"{tmp_path}/.lab",
        "hosts": {"nice1": 40001, "ill": 40003},
        "known_hosts": f"{tmp_path}/.lab/known_hosts",
        "gateways": {"esrf": 6022, "ill": 6023},
        "client_known_hosts": f"{tmp_path}/.lab/client_known_hosts",
    }


def test_withoutBastionProgramsGetNoGateways(announcement: Announcement) -> None:
    values = evolve(announcement, gateways=None).asValues()
    assert (values["gateways"], values["client_known_hosts"]) == ({}, None)


def test_elsewhereNamesAreWhole(announcement: Announcement, tmp_path: Path) -> None:
    text = evolve(announcement, here=tmp_path / "elsewhere").asText()
    assert f"-o UserKnownHostsFile={tmp_path}/.lab/client_known_hosts " in text


def test_aNameWithASpaceIsQuotedForTheShellAndForSsh(
    announcement: Announcement, tmp_path: Path
) -> None:
    spaced = LabDirectory(tmp_path / "my lab")
    line = evolve(announcement, directory=spaced).asText().splitlines()[2]
    name = spaced.clientKnownHosts
    assert f'UserKnownHostsFile="{name}"' in shlex.split(line)
