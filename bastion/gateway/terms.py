"""
From the configuration's tables to the terms of the two legs.
"""

from __future__ import annotations

from bastion.config.schema import ClusterTable, GatewayTable, LegTable
from bastion.ssh.programs import knowsBetter
from bastion.ssh.terms import Patience, RekeyLimits, Terms


def clientTerms(table: GatewayTable) -> Terms:
    """
    How a gateway speaks with its clients.
    """
    return Terms(
        lambda identification: table.algorithmsFor(knowsBetter(identification)),
        _rekey(table),
        _patience(table),
    )


def hostTerms(table: ClusterTable) -> Terms:
    """
    How the hosts of a cluster are spoken with.
    """
    return Terms(lambda identification: table.algorithms, _rekey(table), _patience(table))


def _rekey(table: LegTable) -> RekeyLimits:
    return RekeyLimits(table.rekey_bytes, table.rekey_packets, table.rekey_time)


def _patience(table: LegTable) -> Patience:
    return Patience(table.keepalive, table.keepalive_tries)
