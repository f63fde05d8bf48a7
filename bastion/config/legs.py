"""
What gateways and clusters have in common, and the two tables share.
"""

from __future__ import annotations

from attrs import field, frozen

from bastion.config.readers import key, one
from bastion.config.values import durationBetween, sizeBetween, wholeNumber


@frozen(kw_only=True)
class LegTable:
    """
    What gateways and clusters have in common: each is at one end of a leg, an SSH
    connection of its own.

    @ivar rekey_bytes: after how many bytes, sent or received, new keys are due.
    @ivar rekey_packets: after how many packets.
    @ivar rekey_time: after how long, in seconds.
    @ivar keepalive: after how long without a word the other side is asked for a
        sign of life, in seconds; 0 for never.
    @ivar keepalive_tries: after how many such silences it is given up.
    """

    rekey_bytes: int = field(default=1 << 30, metadata=key(one(sizeBetween("64KiB", "64GiB"))))
    rekey_packets: int = field(default=1 << 28, metadata=key(one(wholeNumber(1000, 1 << 31))))
    rekey_time: float = field(default=3600.0, metadata=key(one(durationBetween("10s", "24h"))))
    keepalive: float = field(default=15.0, metadata=key(one(durationBetween("1s", "1h", off=True))))
    keepalive_tries: int = field(default=3, metadata=key(one(wholeNumber(1, 100))))
