"""
What the bastion may leave behind after its connections: nothing but records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.gateway import Gateway
from harness.waiting import until

_TROUBLE = re.compile(r"^.*(?:Traceback|Unhandled|CRITICAL).*$", re.MULTILINE)


class Traces:
    """
    The state of a bastion at one moment, to be compared with a later one.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._offset = gateway.server.size()

    def check(self, secrets: Iterable[str], seconds: float = 10) -> None:
        """
        Every connection is closed and recorded once, nothing went wrong
        unnoticed, and no password was written down.
        """
        assert self._gateway.server.running, f"the bastion ended: {self._gateway.log()[-4000:]}"
        self._connectionsEnd(seconds)
        text = self._gateway.server.text(self._offset)
        trouble = _TROUBLE.search(text)
        assert trouble is None, text[trouble.start() :][:4000]
        self._nothingSecret(secrets)

    def _connectionsEnd(self, seconds: float) -> None:
        """
        Wait until only listening sockets are left and the audit log agrees.
        """
        gateway = self._gateway
        until(lambda: not gateway.connections(), seconds, "the bastion's sockets are closed")
        until(lambda: self._count("opened") == self._count("closed"), seconds, "opened is closed")
        closed = [e["reference"] for e in gateway.audit() if e["event"] == "connection.closed"]
        twice = {reference for reference in closed if closed.count(reference) > 1}
        assert not twice, f"closed twice: {twice}"

    def _count(self, what: str) -> int:
        """
        How many connections were opened or closed.
        """
        return sum(e["event"] == f"connection.{what}" for e in self._gateway.audit())

    def _nothingSecret(self, secrets: Iterable[str]) -> None:
        """
        Look for passwords in everything that the bastion wrote.
        """
        gateway = self._gateway
        files = [path for path in gateway.state.rglob("*") if path.is_file()]
        for path in [gateway.server.log, *files]:
            content = path.read_bytes()
            for secret in secrets:
                assert secret.encode() not in content, f"{path.name} holds a password"
