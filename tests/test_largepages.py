"""
L{bastion.largepages}: which memory is put into large pages, and when none is.
"""

from __future__ import annotations

import ctypes
import random
from pathlib import Path
from typing import Any

import pytest

from bastion.largepages import useLargePages

MIB = 1 << 20
#: As proc_pid_maps(5) has it: a program, its heap, other data of its own, and what is not.
MAPS = """\
00400000-00c00000 rw-p 00000000 fe:01 1234                               /usr/bin/python3
01300000-01900000 rw-p 00000000 00:00 0                                  [heap]
7f0000100000-7f0000900000 rw-p 00000000 00:00 0
7f0001000000-7f00011ff000 rw-p 00000000 00:00 0
7f0002000000-7f0002800000 r--p 00000000 00:00 0
7f0003000000-7f0003800000 rwxp 00000000 00:00 0
7f0004000000-7f0004800000 rw-s 00000000 00:01 77                         /dev/zero (deleted)
7f0005000000-7f0005800000 ---p 00000000 00:00 0
7ffc00000000-7ffc00800000 rw-p 00000000 00:00 0                          [stack]
"""
WHOLE = [(0x1400000, 4 * MIB), (0x7F0000200000, 6 * MIB)]


class Kernel:
    """
    What the kernel tells, and is told.

    @ivar advised: where large pages were asked for, and for how many bytes.
    @ivar refuses: addresses where there are none.
    """

    def __init__(self, path: Path) -> None:
        self.settings, self.maps = path / "transparent_hugepage", path / "maps"
        self.settings.mkdir()
        self.set("always [madvise] never")
        (self.settings / "hpage_pmd_size").write_text(f"{2 * MIB}\n")
        self.maps.write_text(MAPS)
        self.advised: list[tuple[int, int]] = []
        self.refuses: set[int] = set()

    def set(self, enabled: str) -> None:
        """
        Let the operator choose.
        """
        (self.settings / "enabled").write_text(enabled + "\n")

    def CDLL(self, name: None) -> Any:
        """
        The C library.
        """

        def madvise(start: int, size: int, advice: int) -> int:
            assert advice == 25
            self.advised.append((start, size))
            return -1 if start in self.refuses else 0

        return type("Library", (), {"madvise": staticmethod(madvise)})

    def asked(self) -> int:
        """
        Ask for large pages.
        """
        return useLargePages(self.settings, self.maps)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """
    One whose library is not called.
    """
    made = Kernel(tmp_path)
    monkeypatch.setattr(ctypes, "CDLL", made.CDLL)
    return made


@pytest.mark.parametrize("enabled", ["[always] madvise never", "always [madvise] never"])
def test_wholePagesOfItsOwnDataAreAskedFor(kernel: Kernel, enabled: str) -> None:
    kernel.set(enabled)
    assert kernel.asked() == 10 * MIB
    assert kernel.advised == WHOLE


def test_operatorMaySwitchThemOff(kernel: Kernel) -> None:
    kernel.set("always madvise [never]")
    assert kernel.asked() == 0
    assert kernel.advised == []


def test_whereThereIsNoneItStaysAsItIs(kernel: Kernel) -> None:
    kernel.refuses = {WHOLE[0][0]}
    assert kernel.asked() == 6 * MIB
    assert kernel.advised == WHOLE


@pytest.mark.parametrize("missing", ["enabled", "hpage_pmd_size"])
def test_otherKernelsAreNotAsked(kernel: Kernel, missing: str) -> None:
    (kernel.settings / missing).unlink()
    assert kernel.asked() == 0
    assert kernel.advised == []


def test_systemsWithoutTheCallAreNotAsked(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert kernel.asked() == 0


@pytest.mark.parametrize("text", ["", "0\n", "2 MiB\n"])
def test_aSizeThatIsNoneIsNotTaken(kernel: Kernel, text: str) -> None:
    (kernel.settings / "hpage_pmd_size").write_text(text)
    assert kernel.asked() == 0
    assert kernel.advised == []


@pytest.mark.parametrize("maps", ["", "\n", "no such line\n"])
def test_mapsThatAreNoneAreNotTaken(kernel: Kernel, maps: str) -> None:
    kernel.maps.write_text(maps)
    assert kernel.asked() == 0


def test_memoryIsWhatItWas() -> None:
    """
    In the kernel that is there, whatever it can do.
    """
    data = random.Random(1).randbytes(16 * MIB)
    copy = bytearray(data)
    assert useLargePages() % MIB == 0
    assert copy == data
