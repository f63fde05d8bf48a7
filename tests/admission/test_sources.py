"""
L{bastion.admission.sources}.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis.strategies import ip_addresses

from bastion.admission.sources import Address, addressOf, unmapped


@given(ip_addresses())
def test_addressIsReadFromItsText(address: Address) -> None:
    assert addressOf(str(address)) == address


def test_zoneIsLeftOut() -> None:
    assert addressOf("fe80::1%eth0") == IPv6Address("fe80::1")


@pytest.mark.parametrize("text", ["", "%", "nice1", "192.0.2.7:22", "192.0.2.256"])
def test_otherTextsAreNoAddresses(text: str) -> None:
    with pytest.raises(ValueError):
        addressOf(text)


@given(ip_addresses(v=4))
def test_mappedAddressIsTheIPv4Address(address: IPv4Address) -> None:
    assert unmapped(IPv6Address(f"::ffff:{address}")) == unmapped(address) == address


def test_otherIPv6AddressesStayWhatTheyAre() -> None:
    address = IPv6Address("2001:db8::7")
    assert unmapped(address) is address
