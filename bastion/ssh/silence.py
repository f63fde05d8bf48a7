"""
The log that Conch is given.

Conch tells its log each packet that it does not know, payload included, which
may be a password.  So it talks to nobody.
"""

from __future__ import annotations

from twisted.logger import ILogObserver, LogEvent, Logger
from zope.interface import provider


@provider(ILogObserver)
def _nowhere(event: LogEvent) -> None:
    """
    Forget an event.
    """


SILENT = Logger(namespace="bastion.ssh.conch", observer=_nowhere)
