"""
A health check: as long as there is a file with a host's name in a folder, that host
gets no logins while there are others.

Copy this file into a folder C{twisted/plugins/} of a directory on PYTHONPATH,
and name it in the configuration::

    [cluster.nice]
    check = { name = "maintenance", folder = "/etc/bastion/maintenance" }
"""

from pathlib import Path

from attrs import frozen
from twisted.internet.defer import fail
from zope.interface import implementer

from bastion.config.extension import Extension
from bastion.interfaces import HostUnhealthy, IHealthCheck


@implementer(IHealthCheck)
class Maintenance:
    @frozen
    class Options:
        folder: str

    def __init__(self, options):
        self.folder = Path(options.folder)

    def check(self, host):
        note = self.folder / host.address.name
        if note.exists():
            return fail(HostUnhealthy(f"{host.address} is being worked on: {note}"))
        return host.handshake()


maintenance = Extension(
    "maintenance",
    "A host is well if it is ready for a login, and no file says that it is worked on.",
    IHealthCheck,
    "twisted.plugins.maintenance.Maintenance",
)
