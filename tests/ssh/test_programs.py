"""
Tests of L{bastion.ssh.programs}, with identification strings that programs send.
"""

from __future__ import annotations

from typing import Any

import pytest

from bastion.ssh.identification import TO_CLIENTS
from bastion.ssh.programs import asksForEachAttempt, knowsBetter
from bastion.ssh.remembered import REMEMBERED


@pytest.mark.parametrize(
    "identification",
    [
        b"SSH-2.0-OpenSSH_7.4",
        b"SSH-2.0-OpenSSH_7.4p1 Raspbian-10+deb9u3",
        b"SSH-2.0-OpenSSH_7.6p1 Ubuntu-4ubuntu0.7",
        b"SSH-2.0-OpenSSH_8.2",  # also what ssh-audit says of itself
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10",
        b"SSH-2.0-OpenSSH_10.0p2 Debian-7",
        b"SSH-1.99-OpenSSH_8.0",
        b"SSH-2.0-OpenSSH_for_Windows_8.1",
        b"SSH-2.0-OpenSSH_for_Windows_9.5",
        b"SSH-2.0-PuTTY_Release_0.78",
        b"SSH-2.0-PuTTY_Release_0.83",
        b"SSH-2.0-PuTTY_Snapshot_2023_03_11.ab5c24b",
        b"SSH-2.0-PuTTY_Snapshot_2023-03-11.ab5c24b",
        b"SSH-2.0-WinSCP_release_6.2",
        b"SSH-2.0-WinSCP_release_6.3.4",
    ],
)
def test_newerProgramKnowsBetter(identification: bytes) -> None:
    assert knowsBetter(identification)


@pytest.mark.parametrize(
    "identification",
    [
        b"",
        b"SSH-2.0-",
        b"SSH-2.0-OpenSSH_5.3",
        b"SSH-2.0-OpenSSH_6.2",
        b"SSH-2.0-OpenSSH_6.6.1p1 Ubuntu-2ubuntu2.13",
        b"SSH-2.0-OpenSSH_7.3p1",
        b"SSH-2.0-OpenSSH_4.3",
        b"SSH-2.0-OpenSSH",
        b"SSH-2.0-OpenSSH_compatible",
        b"SSH-2.0-OpenSSH_99999.1",
        b"SSH-2.0-OpenSSH_7.40000",
        b"SSH-1.5-OpenSSH_9.2",
        b"OpenSSH_9.2",
        b"SSH-2.0-Not_OpenSSH_9.2",
        b"SSH-2.0-PuTTY_Release_0.67",
        b"SSH-2.0-PuTTY_Release_0.60",
        b"SSH-2.0-PuTTY_Release_0.7",
        b"SSH-2.0-PuTTY_Release_0.77",
        b"SSH-2.0-PuTTY_Local:_Feb_21_2017_12:00:00",
        b"SSH-2.0-PuTTY_Unidentified_Local_Build",
        b"SSH-2.0-PuTTY_Snapshot_2013_01_30:r9746",
        b"SSH-2.0-PuTTY_KiTTY",
        b"SSH-2.0-WinSCP_release_6.1.2",
        b"SSH-2.0-WinSCP_release_5.21.5",
        b"SSH-2.0-WinSCP_release_5.1.8",
        b"SSH-2.0-WinSCP_release_4.1.8",
        b"SSH-2.0-dropbear_2022.83",
        b"SSH-2.0-libssh2_1.10.0",
        b"SSH-2.0-libssh_0.9.6",
        b"SSH-2.0-paramiko_3.4.0",
        b"SSH-2.0-AsyncSSH_2.1.0",
        b"SSH-2.0-JSCH-0.1.54",
        b"SSH-2.0-Renci.SshNet.SshClient.0.0.1",
        b"SSH-2.0-Go",
        b"SSH-2.0-\xff\xfe",
    ],
)
def test_olderOrUnknownProgramMayNot(identification: bytes) -> None:
    assert not knowsBetter(identification)


def test_bastionInFrontOfABastionIsNotKnown() -> None:
    """
    It says that it is OpenSSH's kin, of no version.
    """
    assert not knowsBetter(TO_CLIENTS)


@pytest.mark.parametrize("known", [knowsBetter, asksForEachAttempt])
def test_notEveryNameIsRemembered(known: Any) -> None:
    """
    Or a stranger who has another one each time could fill the memory.
    """
    assert known.cache_info().maxsize == REMEMBERED
