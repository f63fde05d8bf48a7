"""
What waits until our new keys are in use (pure).
"""

from __future__ import annotations

from bastion.wire import Malformed

#: What may wait for a key exchange to end, in bytes.  A peer that keeps to the rules can
#: send what it had under way when our KEXINIT came, and that is bounded by its windows.
MAX_HELD = 16 * 1024 * 1024

Message = tuple[int, bytes]


class Held:
    """
    Messages that wait, in their order.

    @ivar bytes: how many bytes they have.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._messages: list[Message] = []

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, number: int, payload: bytes) -> None:
        """
        Keep one more.

        @raise Malformed: when the peer makes us keep too much; nothing is kept then.
        """
        self._messages.append((number, payload))
        self.bytes += len(payload)
        if self.bytes > MAX_HELD:
            self.take()
            raise Malformed("too much was sent during a key exchange")

    def take(self) -> list[Message]:
        """
        All of them; none waits any longer.
        """
        messages, self._messages = self._messages, []
        self.bytes = 0
        return messages
