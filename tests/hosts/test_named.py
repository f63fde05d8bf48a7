"""
L{bastion.hosts.named}: a host that a user names beside the account.
"""

from __future__ import annotations

import pytest

from bastion.hosts.named import NoSuchHost, hostNamed, split
from bastion.interfaces import HostAddress

ONE = HostAddress("rnice8-1901.example.org")
TWO = HostAddress("rnice8-1902.example.org", 2222)
ABROAD = HostAddress("rnice8-1902.example.net")
LITERAL = HostAddress("192.0.2.7")


@pytest.mark.parametrize(
    ("login", "separator", "parts"),
    [
        (b"johnson", "%", (b"johnson", None)),
        (b"johnson%rnice8-1902", "%", (b"johnson", b"rnice8-1902")),
        (b"john%son%rnice8-1902", "%", (b"john%son", b"rnice8-1902")),
        (b"johnson%", "%", (b"johnson", b"")),
        (b"%rnice8-1902", "%", (b"", b"rnice8-1902")),
        (b"johnson%rnice8-1902", "+", (b"johnson%rnice8-1902", None)),
        (b"johnson%rnice8-1902", "", (b"johnson%rnice8-1902", None)),
        (b"\xff\x00%\xfe", "%", (b"\xff\x00", b"\xfe")),
    ],
)
def test_loginIsTakenApartAtTheLastSeparator(
    login: bytes, separator: str, parts: tuple[bytes, bytes | None]
) -> None:
    assert split(login, separator) == parts


@pytest.mark.parametrize(
    ("name", "host"),
    [
        (b"rnice8-1901", ONE),
        (b"RNICE8-1901", ONE),
        (b"rnice8-1901.example.org", ONE),
        (b"rnice8-1902.example.org", TWO),
        (b"rnice8-1902.example.org:2222", TWO),
        (b"rnice8-1902.example.net", ABROAD),
        (b"192.0.2.7", LITERAL),
    ],
)
def test_hostIsFoundByItsNameOrItsFirstLabel(name: bytes, host: HostAddress) -> None:
    assert hostNamed(name, [ONE, TWO, ABROAD, LITERAL]) == host


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (b"rnice8-1902", "More than one host is called rnice8-1902; write its full name."),
        (b"rnice8-1903", "There is no host rnice8-1903 here."),
        (b"", "There is no host  here."),
        (b"192.0.2.8", "There is no host 192.0.2.8 here."),
        (b"other.example.com", "There is no host other.example.com here."),
        (b"\x1b]0;x\x07\xff", r"There is no host \x1b]0;x\x07\xff here."),
        (b"x" * 500, f"There is no host {'x' * 64}... here."),
    ],
)
def test_otherNamesAreRefusedWithoutSayingWhichThereAre(name: bytes, sentence: str) -> None:
    with pytest.raises(NoSuchHost) as refused:
        hostNamed(name, [ONE, TWO, ABROAD, LITERAL])
    assert str(refused.value) == sentence
