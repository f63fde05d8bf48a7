"""
C{twistd bastion}: names only, so that listing plugins imports nothing of ours.
"""

from twisted.application.service import ServiceMaker

bastion = ServiceMaker(
    "An SSH bastion",
    "bastion.tap",
    "Relay SSH logins and sessions to the hosts of a cluster.",
    "bastion",
)
