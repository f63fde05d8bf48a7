"""
A session policy: some accounts may not forward connections.

Copy this file into a folder C{twisted/plugins/} of a directory on PYTHONPATH,
and name it in the configuration::

    [gateway.esrf]
    policies = [{ name = "no-forwarding", accounts = ["in*", "ch1000"] }]
"""

from fnmatch import fnmatchcase

from attrs import frozen
from zope.interface import implementer

from bastion.config.extension import Extension
from bastion.interfaces import ALLOW, ISessionPolicy, Verdict

FORWARDING = {
    b"direct-tcpip",
    b"tcpip-forward",
    b"direct-streamlocal@openssh.com",
    b"streamlocal-forward@openssh.com",
}


@implementer(ISessionPolicy)
class NoForwarding:
    @frozen
    class Options:
        accounts: list[str]

    def __init__(self, options):
        self.patterns = options.accounts

    def decide(self, request, login):
        account = login.account.decode("utf-8", "replace")
        if request.name in FORWARDING and any(fnmatchcase(account, p) for p in self.patterns):
            return Verdict("this account may not forward connections")
        return ALLOW


noForwarding = Extension(
    "no-forwarding",
    "Refuses port forwarding to some accounts.",
    ISessionPolicy,
    "twisted.plugins.no_forwarding.NoForwarding",
)
