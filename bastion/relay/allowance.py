"""
What a connection may have of the channels that others have too (pure).
"""

from __future__ import annotations

from typing import Protocol


class Allowance(Protocol):
    """
    Counts the channels of one connection among those of others, from when an end asks for
    one: its own limit is L{bastion.relay.channels.Channels.most}.
    """

    def refusal(self) -> str | None:
        """
        Why there is no place for one more, in a sentence for its user.
        """

    def began(self) -> None:
        """
        One more is being opened, and has a place.
        """

    def ended(self) -> None:
        """
        One could not be opened, or is closed by both ends.
        """

    def over(self) -> None:
        """
        The connection is over, and all its channels are.
        """


class Unlimited:
    """
    The L{Allowance} of a connection that may have any number.
    """

    def refusal(self) -> str | None:
        """
        There is a place.
        """
        return None

    def began(self) -> None:
        """
        It is not counted.
        """

    def ended(self) -> None:
        """
        Nor is its end.
        """

    def over(self) -> None:
        """
        Nothing is to be given back.
        """


UNLIMITED = Unlimited()
