"""
The log that Conch is given.

Conch tells its log each packet that it does not know, payload included, which
may be a password.  So it talks to nobody.
"""

from __future__ import annotations

from twisted.logger import Logger, LogLevel


class _Silent(Logger):
    """
    A log that forgets what it is told before anything is made of it.
    """

    def __get__(self, instance: object, owner: type | None = None) -> _Silent:
        """
        See L{Logger}; who speaks does not matter.
        """
        return self

    def emit(self, level: LogLevel, format: str | None = None, **kwargs: object) -> None:
        """
        See L{Logger}.
        """


SILENT = _Silent(namespace="bastion.ssh.conch")
