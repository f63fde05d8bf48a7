"""
L{bastion.ssh.silence}.
"""

from __future__ import annotations

import pytest
from twisted.logger import Logger, globalLogPublisher

from bastion.ssh.silence import SILENT
from bastion.ssh.transport import Transport


@pytest.mark.parametrize("log", [SILENT, Transport._log], ids=["itself", "Conch's"])
def test_nobodyHearsIt(log: Logger) -> None:
    heard = []
    globalLogPublisher.addObserver(heard.append)
    try:
        log.critical("the password is {canary}", canary="sesame")
    finally:
        globalLogPublisher.removeObserver(heard.append)
    assert heard == []
