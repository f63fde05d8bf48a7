"""
What comes with the bastion, offered like anyone's extension: strategies, checks, and
the store.
"""

from bastion.config.extension import Extension
from bastion.interfaces import IHealthCheck, IStrategy
from bastion.state import IStateStore

# Which host a login goes to

ordered = Extension(
    "ordered",
    "The first host of the list that answers; the others are spares.",
    IStrategy,
    "bastion.hosts.strategies.Ordered",
)
random = Extension(
    "random",
    "Any host, as likely as it weighs.",
    IStrategy,
    "bastion.hosts.strategies.Random",
)
roundRobin = Extension(
    "round-robin",
    "One host after the other, as often as it weighs.",
    IStrategy,
    "bastion.hosts.strategies.RoundRobin",
)
leastSessions = Extension(
    "least-sessions",
    "The host with the fewest sessions for its weight.",
    IStrategy,
    "bastion.hosts.strategies.LeastSessions",
)
leastBandwidth = Extension(
    "least-bandwidth",
    "The host whose sessions move least for its weight.",
    IStrategy,
    "bastion.hosts.strategies.LeastBandwidth",
)
userHash = Extension(
    "user-hash",
    "The same host for an account every time, without any memory.",
    IStrategy,
    "bastion.hosts.strategies.UserHash",
)
quickest = Extension(
    "quickest",
    "Any host, the likelier the quicker it is to be ready for a login.",
    IStrategy,
    "bastion.hosts.strategies.Quickest",
)

# Whether a host is well

tcp = Extension(
    "tcp",
    "The host takes a connection.",
    IHealthCheck,
    "bastion.hosts.checks.Tcp",
)
identification = Extension(
    "identification",
    "The host takes a connection and says what program it is.",
    IHealthCheck,
    "bastion.hosts.checks.Identification",
)
handshake = Extension(
    "handshake",
    "The host exchanges keys, with the known key, and is ready for a login.",
    IHealthCheck,
    "bastion.hosts.checks.Handshake",
)

# Who is where

memory = Extension(
    "memory",
    "The memory of this process, and a file for what survives a restart.",
    IStateStore,
    "bastion.hosts.memory.MemoryStore",
)
