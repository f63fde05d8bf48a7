"""
A strategy: each account always starts at the same host, without any memory.

Copy this file into a folder C{twisted/plugins/} of a directory on PYTHONPATH,
and name it in the configuration::

    [cluster.nice]
    select = "by-account"
"""

from zlib import crc32

from attrs import frozen
from zope.interface import implementer

from bastion.config.extension import Extension
from bastion.interfaces import IStrategy


@implementer(IStrategy)
class ByAccount:
    @frozen
    class Options:
        pass

    needsAccount = True

    def __init__(self, options):
        pass

    def rank(self, candidates, request):
        first = crc32(request.account) % len(candidates)
        return [*candidates[first:], *candidates[:first]]


byAccount = Extension(
    "by-account",
    "An account starts at the same host every time.",
    IStrategy,
    "twisted.plugins.by_account.ByAccount",
)
