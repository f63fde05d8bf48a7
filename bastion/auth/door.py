"""
What a login has to pass beside its host.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Door(Protocol):
    """
    The gateway's own rules, as a login sees them.
    """

    async def mayTry(self) -> None:
        """
        Asked before each attempt, before anything of it goes to a host.

        @raise LoginImpossible: when there shall be none.
        """

    async def mayEnter(self) -> str | None:
        """
        Asked when the host has accepted the login, before the client knows: what was
        decided at the beginning may hold no longer.

        @return: what the user is to know; L{None} for nothing.
        @raise LoginImpossible: when it is not to be let in all the same.
        """

    def digest(self, answers: Sequence[bytes]) -> bytes:
        """
        What can be kept of secrets that a host has refused: nothing leads back to them.
        """


class Secrets(list[bytes]):
    """
    What a user has said to a host in one attempt; it is shown to nobody.
    """

    def __repr__(self) -> str:
        return f"<{len(self)} secrets>"
