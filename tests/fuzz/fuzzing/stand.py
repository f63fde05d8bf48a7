"""
Where everything is played: a gateway with its hosts; and what must be so when everybody
has left it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from attacking.exchange import keyBlob
from attacking.host import KEY as HONEST_KEY
from attacking.memory import Site
from attacking.parts import parts, partsBeside
from attacking.way import peerState
from twisted.conch.ssh.keys import Key

from bastion.testing.speakers import TrustedKeys
from fuzzing.messages import KEY
from fuzzing.watch import Fault, Watch


class Stand:
    """
    A gateway with its hosts.

    @ivar site: both.
    @ivar watch: who sees to them.
    """

    def __init__(self, **settings: Any) -> None:
        """
        @param settings: of the site.
        """
        self._before = parts()
        keys = TrustedKeys({keyBlob(HONEST_KEY), keyBlob(KEY)})
        # One that is the same in each run, as all that is encrypted depends on it.
        with patch("attacking.memory.HOST_KEY", Key(KEY)):
            self.site = Site(hostKeys=keys, **settings)
        self.watch = Watch(self.site)

    @contextmanager
    def open(self) -> Iterator[None]:
        """
        Let things happen.
        """
        with self.watch.watching(), patch("bastion.relay.valve.peerState", peerState):
            try:
                yield
            finally:
                self.site.close()

    def clears(self) -> None:
        """
        See that nothing is left of any connection.

        @raise AssertionError: when there is.
        """
        site = self.site
        site.pieces = 1 << 30
        gc.collect()
        self.watch.look()
        site.survives()
        site.forgets()
        left = partsBeside(self._before)
        if left:
            raise Fault(f"of connections that are over these are left: {left}")
