"""
What is known of programs by their identification strings (pure).
"""

from __future__ import annotations

import re
from functools import lru_cache

from attrs import frozen

from bastion.ssh.remembered import REMEMBERED

_VERSION = rb"([0-9]{1,4})[._-]([0-9]{1,4})(?![0-9])"


@frozen
class Program:
    """
    A program whose newer versions have AES-GCM, in every build.

    @ivar name: what comes before the version, a regular expression.
    @ivar since: the first such version.
    """

    name: bytes
    since: tuple[int, int]


PROGRAMS = (
    # AES-GCM came with 6.2, but builds without it went on until OpenSSL before 1.0.1
    # was out of use.
    Program(rb"OpenSSH_(?:for_Windows_)?", (7, 4)),
    Program(rb"PuTTY_Release_", (0, 78)),
    # It has its day for a version.
    Program(rb"PuTTY_Snapshot_", (2023, 1)),
    # What PuTTY has, some months later.
    Program(rb"WinSCP_release_", (6, 2)),
)


@lru_cache(REMEMBERED)
def knowsBetter(identification: bytes) -> bool:
    """
    Whether a program is known to do without the last resort.

    @param identification: its identification string, such as
        C{SSH-2.0-OpenSSH_9.2p1 Debian-2}, without the line end.
    @return: C{False} for what is not known.
    """
    for program in PROGRAMS:
        match = re.match(rb"SSH-(?:2\.0|1\.99)-" + program.name + _VERSION, identification)
        if match is not None:
            return (int(match[1]), int(match[2])) >= program.since
    return False


@lru_cache(REMEMBERED)
def asksForEachAttempt(identification: bytes) -> bool:
    """
    Whether a program is known to request the login service before each attempt
    at a login, and not once (RFC 4253 section 10 and RFC 4252 do not forbid it).
    """
    return re.match(rb"SSH-2\.0-paramiko_", identification) is not None
