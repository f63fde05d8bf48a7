"""
Tests of L{bastion.testing.dnszone}: text in, what is known about a question out.
"""

from __future__ import annotations

import pytest

from bastion.admission.dnsmessage import AAAA, CNAME, NO_ERROR, NO_SUCH_NAME, PTR, A
from bastion.admission.dnsnames import Labels
from bastion.testing.dnszone import TTL, Entry, Fault, Known, Zone, labelsOf

REVERSE = (b"2", b"0", b"0", b"127", b"in-addr", b"arpa")
PC2 = (b"pc2", b"example", b"org")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("pc2.example.org", PC2),
        ("127.0.0.2", REVERSE),
        ("::ffff:127.0.0.2", REVERSE),
        (r"a\.b.org", (b"a.b", b"org")),
        (r"\027[31m\000\255", (b"\x1b[31m\0\xff",)),
        (r"a\\b", (b"a\\b",)),
    ],
)
def test_nameIsWrittenAsInAMasterFile(text: str, labels: Labels) -> None:
    assert labelsOf(text) == labels


def test_zoneIsReadLineByLine() -> None:
    zone = Zone.read(
        """
        $MINIMUM 30
        127.0.0.2            HOST   pc2.example.org   ; both ways
        ::2           40     HOST   pc2.example.org
        www.example.org      CNAME  pc2.example.org
        ; nothing
        WWW.example.org      FAULT  slow 1.5
        """
    )
    address = Entry(PC2, A, TTL, b"\x7f\0\0\2")
    alias = Entry((b"www", b"example", b"org"), CNAME, TTL, PC2)
    assert zone.known(REVERSE, PTR).entries == (Entry(REVERSE, PTR, TTL, PC2),)
    assert zone.known(PC2, A) == Known(NO_ERROR, (address,), 30)
    assert zone.known(PC2, AAAA).entries == (Entry(PC2, AAAA, 40, bytes(15) + b"\2"),)
    assert zone.known((b"WWW", *PC2[1:]), A).entries == (alias, address)
    assert zone.fault((b"www", *PC2[1:])) == Fault("slow", ("1.5",))
    assert zone.fault(PC2) is None


def test_nothingIsKnownOfOtherNames() -> None:
    zone = Zone.read("127.0.0.2 PTR pc2.example.org\n$MINIMUM none")
    assert zone.known(PC2, A) == Known(NO_SUCH_NAME, (), 0)
    assert zone.known(REVERSE, A) == Known(NO_ERROR, (), 0)
    assert Zone().known(PC2, A) == Known(NO_SUCH_NAME, (), 60)


def test_loopOfAliasesEnds() -> None:
    zone = Zone.read("a CNAME b\nb CNAME a")
    assert len(zone.known((b"a",), A).entries) == 20


@pytest.mark.parametrize("line", ["a MX b", "a 60 TXT b", "a A b"])
def test_lineThatCannotBeReadIsAMistake(line: str) -> None:
    with pytest.raises(ValueError):
        Zone.read(line)
