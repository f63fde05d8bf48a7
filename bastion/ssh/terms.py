"""
On what terms a leg is spoken: what is left to the site.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from bastion.algorithms import TO_CLIENTS, TO_HOSTS, Algorithms, withLastResort
from bastion.ssh.programs import knowsBetter


@frozen
class RekeyLimits:
    """
    After how much new keys are agreed on, by our wish; the other side may wish it
    earlier (RFC 4253 section 9, RFC 4344 section 3).

    @ivar bytes: sent or received with the same keys.
    @ivar packets: the same, counted in packets.
    @ivar seconds: since the keys were new.
    """

    bytes: int = 1 << 30
    packets: int = 1 << 28
    seconds: float = 3600.0


@frozen
class Patience:
    """
    How long a peer may be silent once it has logged in.

    @ivar interval: after so many seconds it is asked for a sign of life; 0 for
        never.
    @ivar tries: after so many silent intervals it is given up.
    """

    interval: float = 15.0
    tries: int = 3


@frozen
class Terms:
    """
    @ivar algorithms: what is offered to a peer, by its identification string;
        empty as long as the peer has not said it.
    @ivar rekey: when new keys are due.
    @ivar patience: how long the peer may be silent.
    """

    algorithms: Callable[[bytes], Algorithms]
    rekey: RekeyLimits = field(factory=RekeyLimits)
    patience: Patience = field(factory=Patience)


def _forProgram(identification: bytes) -> Algorithms:
    return TO_CLIENTS if knowsBetter(identification) else withLastResort(TO_CLIENTS)


#: What is spoken with clients and with hosts where nobody says otherwise.
WITH_CLIENTS = Terms(_forProgram)
WITH_HOSTS = Terms(lambda identification: TO_HOSTS)
