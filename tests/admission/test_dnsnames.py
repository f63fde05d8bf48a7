"""
Tests of L{bastion.admission.dnsnames}: names as values.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis.strategies import binary, ip_addresses, lists

from bastion.admission.dnsnames import hostName, isWithin, labels, reverseName
from bastion.admission.sources import Address, unmapped

# The reverse tree


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.7", "7.2.0.192.in-addr.arpa"),
        ("0.0.0.0", "0.0.0.0.in-addr.arpa"),
        ("::ffff:192.0.2.7", "7.2.0.192.in-addr.arpa"),
        ("2001:db8::567:89ab", "b.a.9.8.7.6.5.0" + ".0" * 16 + ".8.b.d.0.1.0.0.2.ip6.arpa"),
        ("fe80::1%eth0", "1" + ".0" * 28 + ".8.e.f.ip6.arpa"),
    ],
)
def test_addressHasItsNameInTheReverseTree(address: str, name: str) -> None:
    assert b".".join(reverseName(ip_address(address))).decode() == name


@given(ip_addresses())
def test_reverseNameIsAsTheLibraryHasIt(address: Address) -> None:
    expected = unmapped(address).reverse_pointer
    assert b".".join(reverseName(address)).decode() == expected


@given(ip_addresses(v=4))
def test_mappedAddressHasTheNameOfTheIPv4Address(address: IPv4Address) -> None:
    assert reverseName(IPv6Address(f"::ffff:{address}")) == reverseName(address)


@given(ip_addresses(), ip_addresses())
def test_addressesDoNotShareAReverseName(one: Address, other: Address) -> None:
    assert (reverseName(one) == reverseName(other)) is (unmapped(one) == unmapped(other))


# Names of hosts


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "pc7.example.org",
        "7up.example.org",
        "lab_pc.example.org",
        "_x.example.org",
        "a-b--c.example.org",
        "xn--bcher-kva.example",
        "192.0.2.7.dynamic.example.org",
        "a" * 63 + ".example.org",
        ".".join(["a" * 61] * 4) + ".b1234",
    ],
)
def test_nameThatAHostCanHaveIsText(name: str) -> None:
    assert len(name) <= 253
    assert hostName(labels(name)) == name


@pytest.mark.parametrize(
    "name",
    [
        (),
        (b"",),
        (b"pc7", b"", b"org"),
        (b"-pc7", b"org"),
        (b"pc7-", b"org"),
        (b"pc7.example", b"org"),
        (b"pc 7", b"org"),
        (b"pc7\0", b"org"),
        (b"pc7\n", b"org"),
        (b"pc7", b"org\n"),
        (b"\x1b[31mpc7", b"org"),
        (b"pc7\x7f", b"org"),
        ("pç7".encode(), b"org"),
        (b"\xff", b"org"),
        (b"{address}", b"org"),
        (b"%s", b"org"),
        (b"7/25", b"example", b"org"),
        (b"*", b"example", b"org"),
        (b"192", b"0", b"2", b"7"),
        (b"pc7", b"10"),
        (b"a" * 64, b"org"),
        (b"a" * 62, b"b" * 62, b"c" * 62, b"d" * 63, b"e"),
    ],
)
def test_nameThatNoHostCanHaveIsNone(name: tuple[bytes, ...]) -> None:
    assert hostName(name) is None


@given(lists(binary(max_size=70), max_size=8))
def test_nothingButPlainCharactersComesThrough(name: list[bytes]) -> None:
    text = hostName(tuple(name))
    if text is not None:
        assert labels(text) == tuple(name)
        assert set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.")


# Domains


@pytest.mark.parametrize(
    ("name", "suffixes", "within"),
    [
        ("pc7.example.org", ("example.org",), True),
        ("pc7.example.org", (".example.org",), True),
        ("pc7.example.org", ("Example.ORG.",), True),
        ("example.org", ("example.org",), True),
        ("pc7.lab.example.org", ("example.org",), True),
        ("pc7.example.org", ("example.net", "org"), True),
        ("pc7.badexample.org", ("example.org",), False),
        ("pc7.example.org.example.net", ("example.org",), False),
        ("pc7.example.org", ("pc8.example.org",), False),
        ("pc7.example.org", (), False),
        ("pc7.example.org", ("", "."), False),
    ],
)
def test_nameIsInADomainByWholeLabels(name: str, suffixes: tuple[str, ...], within: bool) -> None:
    assert isWithin(name, suffixes) is within
