"""
In what ways peers differ, before they have keys.
"""

from __future__ import annotations

from random import Random
from typing import Any

from attacking.exchange import CHACHA_POLY, CTR_AND_MAC, CTR_THEN_MAC, GCM
from attacking.stages import Stage

from fuzzing.messages import PUBLIC_VALUES

#: Who they say that they are.
LINES = (
    b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    b"SSH-2.0-PuTTY_Release_0.78\r\n",
    b"SSH-1.99-Old\n",
    b"SSH-1.5-Older\n",
    b"Welcome.\r\nSSH-2.0-dropbear\r\n",
)
#: What brings a public value, or asks for a group.
VALUES = (30, 31, 32, 34)
GROUP_EXCHANGE = b"diffie-hellman-group-exchange-sha256"
#: Those of finite fields cost as much as twenty others.
METHODS = sorted(PUBLIC_VALUES) + [each for each in PUBLIC_VALUES if b"group" not in each] * 4

_SUITES = (GCM, GCM, CTR_THEN_MAC, CTR_AND_MAC, CHACHA_POLY)
#: A program that is offered all of them.
_OLD = b"SSH-2.0-Old"


def ways(dice: Random, until: Stage) -> dict[str, Any]:
    """
    How a player shall be made.
    """
    suite = dice.choice(_SUITES)
    version = b"SSH-2.0-OpenSSH_9.2p1" if suite is GCM else _OLD
    return {"until": until, "suite": suite, "version": version, "strict": dice.random() < 0.7}
