"""
The memory that a process has at its start, in large pages.

The processor finds a page of memory by tables that it has to look through, and what it has
found it forgets when other processes run.  Between two messages of a login they always do;
with pages of 2 MiB instead of 4 KiB there is a five-hundredth of it to be found again.  Some
systems do it by themselves (C{transparent_hugepage/enabled} is C{always}), others only for
who asks (C{madvise}).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

_SETTINGS = Path("/sys/kernel/mm/transparent_hugepage")
_MAPS = Path("/proc/self/maps")

#: madvise(2): make large pages of a range now, Linux 6.1 and later.
_MADV_COLLAPSE = 25


def useLargePages(settings: Path = _SETTINGS, maps: Path = _MAPS) -> int:
    """
    Put the memory of this process into large pages, where that is possible.

    It is not where the operator has switched them off (C{never}), in a kernel that does not
    know them or is older, and where there is no memory left for them; nothing is said then.

    @param settings: where the kernel tells about large pages.
    @param maps: where it tells what memory the process has.
    @return: how many bytes are in large pages.
    """
    try:
        if "[never]" in (settings / "enabled").read_text():
            return 0
        size = int((settings / "hpage_pmd_size").read_text())
        ranges = list(_ranges(maps.read_text(), size))
        madvise = ctypes.CDLL(None).madvise
    except (OSError, ValueError, ZeroDivisionError, AttributeError):
        return 0
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return sum(
        end - start for start, end in ranges if not madvise(start, end - start, _MADV_COLLAPSE)
    )


def _ranges(maps: str, size: int) -> Iterator[tuple[int, int]]:
    """
    Where whole large pages fit into what the process has taken for its own data
    (proc_pid_maps(5)).

    @param size: of a large page, in bytes.
    """
    for line in maps.splitlines():
        addresses, permissions, _, _, inode, *name = line.split(maxsplit=5)
        if permissions == "rw-p" and inode == "0" and name in ([], ["[heap]"]):
            start, end = (int(each, 16) for each in addresses.split("-"))
            first, last = -(-start // size) * size, end // size * size
            if first < last:
                yield first, last
