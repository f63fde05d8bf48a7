"""
What the ciphers alone cost: C{python -m benchmarks.packets}, by anybody.

The CPU microseconds of sealing and opening one packet, with a key that is typed
and with bulk data; and the CPU seconds for a GiB that is opened and sealed, as it
is when it crosses the bastion.
"""

from __future__ import annotations

import os
import sys
import time

from attrs import frozen

from bastion.algorithms import KNOWN_CIPHERS, KNOWN_MACS
from bastion.ssh.ciphers import PacketCipher, isAead, needs, packetCipher
from bastion.ssh.sealing import lengthAt
from benchmarks.measures import percentile
from benchmarks.table import rows

#: The payload of CHANNEL_DATA with one byte, and with as much as OpenSSH puts into it.
KEY, BULK = 10, 32 * 1024 + 9
#: So many bytes are sealed before they are opened; they stay in the cache of a core, as
#: they do in a connection.
_BATCH = 256 * 1024
_MOST = 256
_ROUNDS = 100
#: What a cipher may write beyond a packet.
_SLACK = 32
_GIB = 1 << 30


@frozen
class PacketCost:
    """
    The CPU seconds of one packet.

    @ivar size: the bytes of its payload.
    """

    size: int
    seal: float
    open: float

    @property
    def perGibibyte(self) -> float:
        """
        The CPU seconds of a GiB of payload that is opened and sealed.
        """
        return (self.seal + self.open) * _GIB / self.size


def suites() -> list[tuple[bytes, bytes]]:
    """
    Every cipher, each with every MAC unless it needs none.
    """
    return [
        (cipher.name, mac)
        for cipher in KNOWN_CIPHERS
        for mac in ([b""] if isAead(cipher.name) else [each.name for each in KNOWN_MACS])
    ]


def pair(cipher: bytes, mac: bytes) -> tuple[PacketCipher, PacketCipher]:
    """
    One that seals, and one that opens what it has sealed.
    """
    sizes = needs(cipher, mac)
    iv, key, macKey = (os.urandom(size) for size in (sizes.iv, sizes.key, sizes.macKey))
    return packetCipher(cipher, mac, iv, key, macKey), packetCipher(cipher, mac, iv, key, macKey)


def plainSize(cipher: PacketCipher, payload: int) -> int:
    """
    How many bytes the plain of a payload has: its padding's length, the payload and
    at least four bytes of padding (RFC 4253 section 6).
    """
    least = 1 + payload + 4
    return least + -(least + cipher.aligned) % cipher.blockSize


def measured(cipher: bytes, mac: bytes, payload: int, rounds: int = _ROUNDS) -> PacketCost:
    """
    Seal and open packets, and take the median of the rounds.
    """
    sealing, opening = pair(cipher, mac)
    size = plainSize(sealing, payload)
    plain = memoryview(os.urandom(size))
    opened = memoryview(bytearray(size + _SLACK))
    count = min(_MOST, _BATCH // size)
    packets = [memoryview(bytearray(4 + size + sealing.tagSize + _SLACK)) for _ in range(count)]
    whole = [packet[: 4 + size + sealing.tagSize] for packet in packets]
    seals, opens = [], []
    for first in range(0, rounds * count, count):
        start = time.process_time()
        for sequence, packet in enumerate(packets, first):
            sealing.seal(sequence, plain, packet)
        middle = time.process_time()
        for sequence, packet in enumerate(whole, first):
            if opening.length is None:
                lengthAt(packet, 0)
            else:
                opening.length(sequence, packet, 0)
            opening.open(sequence, packet, opened)
        seals.append((middle - start) / count)
        opens.append((time.process_time() - middle) / count)
    if opened[:size] != plain:
        raise AssertionError(f"{cipher!r} does not open what it has sealed")
    return PacketCost(payload, percentile(seals, 0.5), percentile(opens, 0.5))


def main() -> None:
    """
    Measure every suite, and show a table.
    """
    heading = [f"{verb} {what}, us" for what in ("a key", "bulk") for verb in ("seal", "open")]
    cells = [["cipher", *heading, "bulk, CPU s/GiB"]]
    for cipher, mac in suites():
        key, bulk = (measured(cipher, mac, payload) for payload in (KEY, BULK))
        micros = [1e6 * each for each in (key.seal, key.open, bulk.seal, bulk.open)]
        name = " ".join(filter(None, (cipher.decode(), mac.decode())))
        cells.append([name, *(f"{each:.2f}" for each in micros), f"{bulk.perGibibyte:.2f}"])
    sys.stdout.write(f"{rows(cells)}\n")


if __name__ == "__main__":
    main()
