"""
The table of who may come in; see L{bastion.config.schema}.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network

from attrs import field, frozen

from bastion.config.addresses import DnsServer, Network, dnsServer, domain, network
from bastion.config.chosen import Chosen, chosenEach
from bastion.config.readers import each, key, mapping, one
from bastion.config.values import (
    MaxStartups,
    durationUpTo,
    maxStartups,
    oneOf,
    optional,
    sentence,
    wholeNumber,
)
from bastion.interfaces import IAdmissionRule

LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
#: That any of the limits can be; 0 is none.
MOST = 1_000_000
_NETWORKS = '["192.0.2.0/24"]'


@frozen(kw_only=True)
class AdmissionTable:
    """
    C{[admission]}: who may come in, and how long a login may take.

    @ivar dns: whether a client's address must have a name in the DNS, and that
        name the address: C{require}, C{report} or C{off}.
    @ivar dns_servers: whom to ask; empty for the system's.
    @ivar dns_exempt: the networks for which C{dns} does not count.
    @ivar dns_suffixes: the domains that a name has to be of; empty for any.
    @ivar dns_timeout: what becomes of a client when the DNS does not answer:
        C{refuse} or C{admit}.
    @ivar dns_sentence: the words for a user who is refused, with C{{address}} and
        C{{missing}}; L{None} for the built-in ones.
    @ivar rules: further rules, each of which may refuse, in their order.
    @ivar allow_from: the networks that may connect; empty for every one.
    @ivar deny_from: the networks that may not, with the words for the user, in
        the order of the file.
    @ivar max_startups: the limit of connections that wait for their login.
    @ivar per_source_startups: the same for one source.
    @ivar max_connections: the limit of connections, with their login or without; 0
        for any number.
    @ivar per_source_connections: the same for one source.
    @ivar max_sessions: the limit of logins at the same time; 0 for any number.
    @ivar per_source_sessions: the same for one source.
    @ivar per_account_sessions: the same for one account.
    @ivar per_account_source_sessions: the same for one account from one source.
    @ivar max_channels: the limit of open channels: sessions, and forwarded connections; 0
        for any number.
    @ivar per_source_channels: the same for one source.
    @ivar per_account_channels: the same for one account.
    @ivar penalties: whether a source that misbehaves has to wait: C{on} or C{off}.
    @ivar penalty_exempt: the networks that get no penalties.
    @ivar login_grace_time: how long a login may take, in seconds.
    @ivar max_auth_tries: how many attempts a connection has.
    """

    dns: str = field(default="off", metadata=key(one(oneOf("require", "report", "off"))))
    dns_servers: tuple[DnsServer, ...] = field(
        default=(), metadata=key(each(dnsServer, '["192.0.2.53"]'))
    )
    dns_exempt: tuple[Network, ...] = field(
        default=LOOPBACK, metadata=key(each(network, _NETWORKS))
    )
    dns_suffixes: tuple[str, ...] = field(default=(), metadata=key(each(domain, '["example.org"]')))
    dns_timeout: str = field(default="refuse", metadata=key(one(oneOf("refuse", "admit"))))
    dns_sentence: str | None = field(default=None, metadata=key(one(optional(sentence))))
    rules: tuple[Chosen, ...] = field(
        default=(), metadata=key(chosenEach(IAdmissionRule, "admission rule"))
    )
    allow_from: tuple[Network, ...] = field(default=(), metadata=key(each(network, _NETWORKS)))
    deny_from: Mapping[Network, str] = field(
        factory=dict,
        metadata=key(mapping(network, sentence, '{ "192.0.2.0/24" = "words for the user" }')),
    )
    max_startups: MaxStartups = field(
        default=MaxStartups(100, 30, 300), metadata=key(one(maxStartups))
    )
    per_source_startups: int = field(default=50, metadata=key(one(wholeNumber(1, MOST))))
    max_connections: int = field(default=0, metadata=key(one(wholeNumber(0, MOST))))
    per_source_connections: int = field(default=0, metadata=key(one(wholeNumber(0, MOST))))
    max_sessions: int = field(default=0, metadata=key(one(wholeNumber(0, MOST))))
    per_source_sessions: int = field(default=0, metadata=key(one(wholeNumber(0, MOST))))
    per_account_sessions: int = field(default=0, metadata=key(one(wholeNumber(0, MOST))))
    per_account_source_sessions: int = field(default=0, metadata=key(one(wholeNumber(0, MOST))))
    max_channels: int = field(default=0, metadata=key(one(wholeNumber(0, MOST))))
    per_source_channels: int = field(default=0, metadata=key(one(wholeNumber(0, MOST))))
    per_account_channels: int = field(default=0, metadata=key(one(wholeNumber(0, MOST))))
    penalties: str = field(default="on", metadata=key(one(oneOf("on", "off"))))
    penalty_exempt: tuple[Network, ...] = field(
        default=LOOPBACK, metadata=key(each(network, _NETWORKS))
    )
    login_grace_time: float = field(default=60.0, metadata=key(one(durationUpTo("10m"))))
    max_auth_tries: int = field(default=6, metadata=key(one(wholeNumber(1, 100))))
