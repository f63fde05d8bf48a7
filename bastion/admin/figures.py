"""
Numbers and times for people: short, with their unit (pure).
"""

from __future__ import annotations

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def duration(seconds: float) -> str:
    """
    In the two largest units: C{3h12m}.
    """
    left = max(0, int(seconds))
    written: list[str] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or written:
            written.append(f"{count}{unit}" if count else "")
        if len(written) == 2:
            break
    return "".join(written) or "0s"


def size(count: float) -> str:
    """
    Bytes: C{1.2 MiB}.
    """
    unit = 0
    while count >= 999.5 and unit < len(_SIZES) - 1:
        count /= 1024
        unit += 1
    digits = 1 if unit and count < 9.95 else 0
    return f"{count:.{digits}f} {_SIZES[unit]}"


def latency(milliseconds: float | None) -> str:
    """
    C{35 ms}.
    """
    if milliseconds is None:
        return "-"
    if milliseconds >= 9999.5:
        return f"{milliseconds / 1000:.0f} s"
    return f"{milliseconds:.{0 if milliseconds >= 9.95 else 1}f} ms"


def number(value: float) -> str:
    """
    With as few digits as will do: C{4}, C{0.4}.
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")
