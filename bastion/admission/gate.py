"""
The rules about networks (pure).
"""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Mapping, Sequence

from attrs import frozen

from bastion.admission.sources import addressOf, unmapped

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Decision(enum.Enum):
    """
    What becomes of a client.
    """

    ADMIT = "may come in"
    DROP = "gets no byte"
    TELL = "is told why not"


@frozen
class Answer:
    """
    @ivar decision: what becomes of the client.
    @ivar sentence: why not; for its user if the user is told.
    """

    decision: Decision
    sentence: str = ""


@frozen
class Gate:
    """
    The rules of one gateway.

    @ivar allow: networks that may come in; when there are none, all may.
    @ivar deny: networks that may not, each with the sentence for the user.
    """

    allow: Sequence[Network]
    deny: Mapping[Network, str]

    def admit(self, source: str) -> Answer:
        """
        Decide about one address.

        @param source: an address as text.  One that cannot be read is dropped.
        """
        try:
            address = unmapped(addressOf(source))
        except ValueError:
            return Answer(Decision.DROP, "its address cannot be read")
        for network, sentence in self.deny.items():
            if address in network:
                return Answer(Decision.TELL, sentence)
        if self.allow and not any(address in network for network in self.allow):
            return Answer(Decision.DROP, "its network is not in allow_from")
        return Answer(Decision.ADMIT)
