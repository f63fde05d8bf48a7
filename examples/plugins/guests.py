"""
An admission rule: only those addresses may come in that a file names, one or a network a
line.  The file is read for each client: who edits it need not tell the bastion.

Copy this file into a folder C{twisted/plugins/} of a directory on PYTHONPATH,
and name it in the configuration::

    [admission]
    rules = [{ name = "guests", file = "/etc/bastion/guests" }]
"""

from ipaddress import ip_address, ip_network
from pathlib import Path

from attrs import frozen
from twisted.internet.defer import fail, succeed
from zope.interface import implementer

from bastion.config.extension import Extension
from bastion.interfaces import AdmissionRefused, IAdmissionRule


@implementer(IAdmissionRule)
class Guests:
    @frozen
    class Options:
        file: str

    def __init__(self, options):
        self.file = Path(options.file)

    def admit(self, source):
        networks = map(ip_network, self.file.read_text().split())
        if any(ip_address(source) in network for network in networks):
            return succeed(None)
        return fail(AdmissionRefused(f"{source} is not among the guests; call extension 2424."))


guests = Extension(
    "guests",
    "Only addresses that a file names may come in.",
    IAdmissionRule,
    "twisted.plugins.guests.Guests",
)
