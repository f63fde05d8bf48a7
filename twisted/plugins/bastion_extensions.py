"""
The strategies that come with the bastion, offered like anyone's extension.
"""

from bastion.config.extension import Extension
from bastion.interfaces import IStrategy

ordered = Extension(
    "ordered",
    "The first host of the list that answers; the others are spares.",
    IStrategy,
    "bastion.hosts.strategies.Ordered",
)
random = Extension(
    "random",
    "Any host, each as likely as the next.",
    IStrategy,
    "bastion.hosts.strategies.Random",
)
roundRobin = Extension(
    "round-robin",
    "One host after the other.",
    IStrategy,
    "bastion.hosts.strategies.RoundRobin",
)
leastSessions = Extension(
    "least-sessions",
    "The host with the fewest sessions through this bastion.",
    IStrategy,
    "bastion.hosts.strategies.LeastSessions",
)
