"""
What the bastion may leave behind after its connections: nothing but records.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from harness.gateway import Gateway
from harness.waiting import until

_TROUBLE = re.compile(r"^.*(?:Traceback|Unhandled|CRITICAL).*$", re.MULTILINE)


class Traces:
    """
    The state of a bastion at one moment, to be compared with a later one.
    """

    def __init__(self, gateway: Gateway, clientsOnly: bool = False) -> None:
        """
        @param clientsOnly: the bastion checks its hosts, and keeps some connections
            ready: what it has toward them is not looked at.
        """
        self._gateway = gateway
        self._connections = gateway.clients if clientsOnly else gateway.left
        self._offset = gateway.server.size()
        self._auditOffset = gateway.auditSize()

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
        Wait until only listening sockets are left, and what is kept ready, and the
        audit log agrees.
        """
        until(lambda: not self._connections(), seconds, "the bastion's sockets are closed")
        until(lambda: self._ends("opened") == self._ends("closed"), seconds, "opened is closed")
        twice = [reference for reference, count in self._ends("closed").items() if count > 1]
        assert not twice, f"closed twice: {twice}"

    def _ends(self, what: str) -> Counter[str]:
        """
        The references of the connections that were opened or closed, and how often.
        """
        events = self._gateway.audit(offset=self._auditOffset)
        return Counter(e["reference"] for e in events if e["event"] == f"connection.{what}")

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
