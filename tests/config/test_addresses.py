"""
Tests of L{bastion.config.addresses}: what is right, then what is wrong with the
exact words for the operator.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest

from bastion.config.addresses import (
    DnsServer,
    balancers,
    dnsServer,
    endpoint,
    hostAddress,
    network,
    tcpPort,
)
from bastion.config.values import Parser
from bastion.interfaces import HostAddress

HOSTS = '"login.example.org", "login.example.org:22", "192.0.2.1" or "[2001:db8::1]:22"'
NETWORKS = 'write a network such as "192.0.2.0/24" or "2001:db8::/32"'
EVERYBODY = (
    "is everybody, and everybody could choose an address; write those of your load balancers, "
    'such as "192.0.2.80"'
)
SERVERS = 'write an address such as "192.0.2.53" or "[2001:db8::53]:5353"'
ENDPOINTS = 'write a server endpoint such as "tcp:5022"'


@pytest.mark.parametrize(
    ("parse", "value", "expected"),
    [
        (network, "10.0.0.0/8", ip_network("10.0.0.0/8")),
        (network, "192.0.2.7", ip_network("192.0.2.7/32")),
        (network, "2001:db8::/32", ip_network("2001:db8::/32")),
        (hostAddress, "nice1", HostAddress("nice1", 22)),
        (hostAddress, "Nice1.Example.ORG:2222", HostAddress("nice1.example.org", 2222)),
        (hostAddress, "192.0.2.1", HostAddress("192.0.2.1", 22)),
        (hostAddress, "[2001:DB8:0::1]:65535", HostAddress("2001:db8::1", 65535)),
        (hostAddress, "[2001:db8::1]", HostAddress("2001:db8::1", 22)),
        (dnsServer, "192.0.2.53", DnsServer("192.0.2.53", 53)),
        (dnsServer, "127.0.0.1:5353", DnsServer("127.0.0.1", 5353)),
        (dnsServer, "[2001:db8::53]", DnsServer("2001:db8::53", 53)),
        (endpoint, "tcp:0", "tcp:0"),
        (endpoint, "tcp:65535:interface=192.0.2.1", "tcp:65535:interface=192.0.2.1"),
        (endpoint, "tcp:port=5022", "tcp:port=5022"),
        (endpoint, "systemd:domain=INET:index=0", "systemd:domain=INET:index=0"),
        (endpoint, "unix:/run/bastion", "unix:/run/bastion"),
    ],
)
def test_rightValueIsUnderstood(parse: Parser[object], value: object, expected: object) -> None:
    assert parse(value) == expected


@pytest.mark.parametrize(
    ("parse", "value", "problem"),
    [
        (network, 10, f"found the whole number 10; {NETWORKS}"),
        (network, "campus", f'"campus" is not a network; {NETWORKS}'),
        (
            network,
            "fe80::%eth0/64",
            '"fe80::%eth0/64" has a zone, which a network cannot have; leave it out',
        ),
        (network, "10.0.0.0/33", f'"10.0.0.0/33" is not a network; {NETWORKS}'),
        (
            network,
            "10.1.2.3/8",
            '"10.1.2.3/8" has address bits beyond its length; '
            'write "10.0.0.0/8" for the network, or "10.1.2.3" for the one address',
        ),
        (hostAddress, 22, f"found the whole number 22; write a host such as {HOSTS}"),
        (hostAddress, "nice 1", f'"nice 1" is neither a DNS name nor an address; write {HOSTS}'),
        (hostAddress, "-nice", f'"-nice" is neither a DNS name nor an address; write {HOSTS}'),
        (hostAddress, "a..b", f'"a..b" is neither a DNS name nor an address; write {HOSTS}'),
        (hostAddress, "nicé", f'"nicé" is neither a DNS name nor an address; write {HOSTS}'),
        (hostAddress, ":22", f'":22" is neither a DNS name nor an address; write {HOSTS}'),
        (
            hostAddress,
            "[nice]:22",
            f'"[nice]:22" is neither a DNS name nor an address; write {HOSTS}',
        ),
        (
            hostAddress,
            "192.0.2.300",
            f'"192.0.2.300" is neither a DNS name nor an address; write {HOSTS}',
        ),
        (hostAddress, "2001:db8::1", 'an IPv6 address needs brackets; write "[2001:db8::1]"'),
        (hostAddress, "nice:ssh", f'"nice:ssh" is not a name and a port; write {HOSTS}'),
        (hostAddress, "nice:0", '"nice:0" has the port 0; write a port from 1 to 65535'),
        (
            hostAddress,
            "nice:65536",
            '"nice:65536" has the port 65536; write a port from 1 to 65535',
        ),
        (dnsServer, "dns.example.org", f'"dns.example.org" is not an address; {SERVERS}'),
        (dnsServer, "2001:db8::53", 'an IPv6 address needs brackets; write "[2001:db8::53]"'),
        (balancers, "name", f'"name" is not a network; {NETWORKS}'),
        (balancers, "0.0.0.0/0", f'"0.0.0.0/0" {EVERYBODY}'),
        (balancers, "::/0", f'"::/0" {EVERYBODY}'),
        (balancers, "::ffff:0:0/96", f'"0.0.0.0/0" {EVERYBODY}'),
        (endpoint, 5022, f"found the whole number 5022; {ENDPOINTS}"),
        (endpoint, "5022", f'"5022" has no type; {ENDPOINTS}'),
        (endpoint, "tcp:", f'"tcp:" has no port from 0 to 65535; {ENDPOINTS}'),
        (endpoint, "tcp:ssh", f'"tcp:ssh" has no port from 0 to 65535; {ENDPOINTS}'),
        (endpoint, "tcp6:65536", f'"tcp6:65536" has no port from 0 to 65535; {ENDPOINTS}'),
        (
            endpoint,
            "haproxy:tcp:5022",
            '"haproxy:tcp:5022": that would believe a PROXY header from everybody; write '
            '"tcp:5022", and proxy_from = ["192.0.2.80"] for your load balancers',
        ),
    ],
)
def test_wrongValueIsRefusedWithTheRemedy(
    parse: Parser[object], value: object, problem: str
) -> None:
    with pytest.raises(ValueError) as refused:
        parse(value)
    assert str(refused.value) == problem


def test_nameHasAtMost253CharactersAndALabel63() -> None:
    label = "a" * 63
    longest = ".".join([label, label, label, "a" * 61])
    assert hostAddress(longest) == HostAddress(longest)
    for tooLong in (longest + "a", "a" * 64):
        with pytest.raises(ValueError, match="neither a DNS name nor an address"):
            hostAddress(tooLong)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("192.0.2.53", "192.0.2.53"),
        ("192.0.2.53:54", "192.0.2.53:54"),
        ("[2001:db8::53]:53", "[2001:db8::53]"),
        ("[2001:db8::53]:54", "[2001:db8::53]:54"),
    ],
)
def test_dnsServerIsShownAsItIsWritten(given: str, shown: str) -> None:
    assert str(dnsServer(given)) == shown


def test_portOfAnEndpointIsKnownOnlyForTcp() -> None:
    assert tcpPort("tcp6:5022:interface=\\:\\:") == "5022"
    assert tcpPort("unix:5022") is None


def test_mappedNetworkIsTheIPv4NetworkItStandsFor() -> None:
    assert network("::ffff:192.0.2.0/120") == IPv4Network("192.0.2.0/24")
    assert network("::ffff:192.0.2.7") == IPv4Network("192.0.2.7/32")
    assert network("::/0") == IPv6Network("::/0")
