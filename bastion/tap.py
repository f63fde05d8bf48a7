"""
C{twistd bastion}: from the command line to a service.
"""

from __future__ import annotations

import gc
from pathlib import Path

from twisted.application.service import IService
from twisted.logger import LogPublisher
from twisted.python import usage

from bastion import __version__
from bastion.admin.service import controlService
from bastion.audit.events import AuditLogUnusable, JSONLines, OperatorLog
from bastion.config.file import read
from bastion.config.installed import installed
from bastion.config.problems import ConfigurationError
from bastion.gateway.assembly import assemble
from bastion.gateway.operations import RunningBastion
from bastion.gateway.service import BastionService, endpointsOf, listenersOf
from bastion.hardening import HardeningRefused, harden
from bastion.largepages import useLargePages
from bastion.ssh.polling import shorten


class Options(usage.Options):
    """
    The options of C{twistd bastion}.
    """

    synopsis = "[options]"
    longdesc = (
        "Relay SSH logins and sessions to the hosts of a cluster. "
        "Every setting is in the configuration file."
    )
    optParameters = [["config", "c", "/etc/bastion/bastion.toml", "The configuration file."]]

    def opt_version(self) -> None:
        """
        Show the version of the bastion, and exit.
        """
        raise SystemExit(f"bastion {__version__}")


def makeService(options: Options) -> IService:
    """
    Load, check, assemble.

    @raise SystemExit: with every problem of the configuration, a line each.
    """
    from twisted.internet import reactor

    path = Path(options["config"])
    try:
        harden()
        configuration = read(path, installed)
        publisher = LogPublisher(OperatorLog())
        endpoints = endpointsOf(configuration, reactor)
        assembly = assemble(configuration, reactor, publisher)
        auditLog = JSONLines(configuration.bastion.state_dir / "audit.jsonl")
    except HardeningRefused as error:
        raise SystemExit(f"the process cannot be closed to others: {error}") from None
    except ConfigurationError as error:
        raise SystemExit(f"{path} cannot be used:\n{error}") from None
    except AuditLogUnusable as error:
        raise SystemExit(f"the audit log cannot be written: {error}") from None
    publisher.addObserver(auditLog)
    # Again: the kernel decides anew when twistd has changed the user.
    reactor.callWhenRunning(harden)
    reactor.callWhenRunning(settle)
    shorten(reactor)
    stateDir = configuration.bastion.state_dir
    bastion = BastionService(
        reactor,
        listenersOf(assembly.gateways, endpoints),
        [*assembly.clusters.values()],
        assembly.store,
        stateDir,
        assembly.doors,
        auditLog.close,
    )
    operations = RunningBastion(assembly.gateways, assembly.clusters, reactor)
    # The last child: it starts when all others have, and stops before them.
    controlService(operations, stateDir, reactor).setServiceParent(bastion)
    return bastion


def settle() -> None:
    """
    Take what is there at the start out of the garbage collector's sight.  It stays
    as long as the process, and to look through it again and again would stop every
    session for a tenth of a second each time.  And put it into large pages.
    """
    gc.collect()
    gc.freeze()
    useLargePages()
