"""
What a process does so that nobody else sees what is in its memory: passwords pass
through it, and host keys stay there.

A limit of 0 for core files is not enough, for the kernel does not heed it where
C{core_pattern} names a program.  A process that is not dumpable leaves no core at all; and
no other process of its user can trace it, or read its memory and environment in C{/proc}
(prctl(2), ptrace(2)).  Root can, still.
"""

from __future__ import annotations

import ctypes
import os
import resource

from bastion.interfaces import BastionError

#: Of prctl(2).
_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4

_OWNER_ONLY = 0o077


class HardeningRefused(BastionError):
    """
    The kernel does not let the process close itself.  The text says what, and why.
    """


def harden() -> None:
    """
    Close this process: no core files, no tracing, and new files are its user's alone.

    Do it before a secret is loaded, and again when the process has become another
    user's, for then the kernel decides anew (C{fs.suid_dumpable}).  A program that it
    starts has to do it for itself.

    @raise HardeningRefused: when that is not possible; a bastion should not start then.
    """
    os.umask(_OWNER_ONLY)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as error:
        raise HardeningRefused(f"the limit of core files cannot be 0: {error}") from None
    _prctl(_PR_SET_DUMPABLE, 0)
    if _prctl(_PR_GET_DUMPABLE) != 0:
        raise HardeningRefused("prctl(PR_SET_DUMPABLE) has had no effect")


def _prctl(option: int, argument: int = 0) -> int:
    call = ctypes.CDLL(None, use_errno=True).prctl
    rest = [ctypes.c_ulong(each) for each in (argument, 0, 0, 0)]
    result = int(call(ctypes.c_int(option), *rest))
    if result < 0:
        why = os.strerror(ctypes.get_errno())
        raise HardeningRefused(f"prctl({option}) fails: {why}")
    return result
