"""
What the numbers were measured on.
"""

from __future__ import annotations

import os
import platform
import re
import time
from pathlib import Path

import cryptography
from cryptography.hazmat.backends.openssl.backend import backend

import bastion
import twisted
from benchmarks.programs import Missing, accepts, output, program

_TICKS = os.sysconf("SC_CLK_TCK")
_ROOT = Path(__file__).parent.parent


def about() -> dict[str, str]:
    """
    The date, the machine and the versions, by what they are.
    """
    load = " ".join(f"{each:.2f}" for each in os.getloadavg())
    return {
        "date": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "cpu": f"{_model()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "load at the start": load,
        "kernel": platform.release(),
        "bastion": _revision(),
        "python": platform.python_version(),
        "twisted": twisted.__version__,
        "cryptography": f"{cryptography.__version__} with {backend.openssl_version_text()}",
        "openssh": _version("ssh", "-V"),
        "haproxy": _version("haproxy", "-v"),
    }


def busySeconds() -> float:
    """
    The CPU seconds that the whole machine has spent since it started, including
    those that another machine took from it.
    """
    with open("/proc/stat") as counts:
        names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
        ticks = dict(zip(names, map(int, counts.readline().split()[1:9]), strict=True))
    return (sum(ticks.values()) - ticks["idle"] - ticks["iowait"]) / _TICKS


def availableMemory() -> int:
    """
    How many bytes programs can still have.
    """
    text = Path("/proc/meminfo").read_text()
    found = re.search(r"^MemAvailable:\s*(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _model() -> str:
    text = Path("/proc/cpuinfo").read_text()
    found = re.search(r"^model name\s*:\s*(.+)", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def _revision() -> str:
    """
    The version, and the commit where that is known.
    """
    try:
        command = [program("git"), "-C", str(_ROOT), "describe", "--always", "--dirty"]
    except Missing:
        return bastion.__version__
    return f"{bastion.__version__} {output(command)}" if accepts(command) else bastion.__version__


def _version(name: str, option: str) -> str:
    try:
        return output([program(name), option]).partition("\n")[0]
    except Missing as missing:
        return str(missing)
