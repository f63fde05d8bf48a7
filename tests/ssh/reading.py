"""
What a receiver does before it opens a packet.
"""

from __future__ import annotations

from bastion.ssh.ciphers import PacketCipher
from bastion.ssh.sealing import lengthAt


def lengthOf(cipher: PacketCipher, sequence: int, packet: bytes | memoryview, at: int = 0) -> int:
    """
    The C{packet_length} of the packet that begins there.
    """
    view = memoryview(packet)
    if cipher.length is not None:
        return cipher.length(sequence, view, at)
    length: int = lengthAt(view, at)[0]
    return length
