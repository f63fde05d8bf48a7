"""
How the books of a bastion (L{harness.ledger}) are kept: by what its ports, its audit log
and its hosts have written since the last look.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import define, field

from harness.ledger import Ledger
from harness.sshd import Host, configured

#: How sshd, dropbear and the odd host say whom they let in.
_ADMITTED = re.compile(
    r"^Accepted \S+ for (.*) from |^\[\d+\] .*(?:Password|Pubkey) auth succeeded for '(.*)' from "
)


@define
class Tail:
    """
    A file that grows.
    """

    path: Path
    offset: int = 0

    @property
    def size(self) -> int:
        """
        How large it is now.
        """
        return self.path.stat().st_size if self.path.exists() else 0

    def lines(self) -> Iterator[str]:
        """
        The whole lines that have been added since the last look.
        """
        if self.size > self.offset:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                whole, end, _ = file.read().rpartition(b"\n")
            self.offset += len(whole + end)
            yield from whole.decode("utf-8", "replace").splitlines()


@define(eq=False)
class Books:
    """
    The books of one bastion.

    @ivar ports: the names of its gateways, by port.
    @ivar accepted: where its ports write down whom they accept.
    @ivar audit: its audit log.
    """

    ports: Mapping[int, str]
    accepted: Path
    audit: Path
    ledger: Ledger = field(factory=Ledger, init=False)
    _accepted: Tail = field(init=False)
    _audit: Tail = field(init=False)
    _hosts: dict[Path, Tail] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._accepted, self._audit = Tail(self.accepted), Tail(self.audit)
        # What hosts have said before is about others.
        for host in configured:
            tail = self._tail(host)
            tail.offset = tail.size

    def _tail(self, host: Host) -> Tail:
        return self._hosts.setdefault(host.server.log, Tail(host.server.log))

    @property
    def quiet(self) -> bool:
        """
        Whether nothing was written about connections since the last look.
        """
        return all(each.size == each.offset for each in (self._accepted, self._audit))

    def read(self) -> Ledger:
        """
        Bring them up to date.  The audit log comes before the hosts, which have let in
        whoever is in there.
        """
        ledger = self.ledger
        for line in self._accepted.lines():
            ledger.accepted[self.ports[int(line.split()[0])]] += 1
        for line in self._audit.lines():
            ledger.record(json.loads(line))
        for host in configured:
            for line in self._tail(host).lines():
                if found := _ADMITTED.match(line):
                    ledger.admitted[found[1] or found[2] or "", host.target] += 1
        return ledger

    def misnamed(self) -> Iterator[str]:
        """
        See L{Ledger.misnamed}; of the hosts that say whom they let in.
        """
        return self.ledger.misnamed({host.target for host in configured})
