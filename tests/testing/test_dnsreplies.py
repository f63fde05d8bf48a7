"""
Tests of L{bastion.testing.dnsreplies}: C{twisted.names} reads what is sent.
"""

from __future__ import annotations

import pytest
from attrs import evolve
from twisted.names import dns

from bastion.admission.dnsmessage import NO_ERROR, PTR, A, Question
from bastion.admission.dnsports import asMessage
from bastion.testing.dnsreplies import CODES, Query, Sending, bomb, query, sendings, truth, wire
from bastion.testing.dnszone import Entry, Known, Zone

PC7 = (b"pc7", b"example", b"org")
ASKED = Query(4711, PC7, A, byTcp=False)
ZONE = "192.0.2.7 HOST pc7.example.org\n"


def sent(fault: str, asked: Query = ASKED) -> list[Sending]:
    """
    What is done about a question for a name with a fault.
    """
    return sendings(asked, Zone.read(f"{ZONE}pc7.example.org FAULT {fault}"))


def read(sending: Sending) -> dns.Message:
    """
    A message as C{twisted.names} reads it.
    """
    message = dns.Message()
    message.fromStr(sending.message)
    return message


RIGHT = Sending(truth(ASKED, Zone.read(ZONE).known(PC7, A)))


def test_questionIsRead() -> None:
    assert query(asMessage(4711, Question(PC7, A)), False) == ASKED


def test_truthIsTold() -> None:
    assert sendings(ASKED, Zone.read(ZONE)) == [RIGHT]
    message = read(RIGHT)
    assert (message.id, message.answer, message.rCode, message.recAv) == (4711, 1, 0, 1)
    assert message.queries == [dns.Query(b"pc7.example.org", dns.A)]
    assert message.answers == [
        dns.RRHeader(b"pc7.example.org", dns.A, ttl=300, payload=dns.Record_A("192.0.2.7", 300))
    ]


def test_absenceHasItsTime() -> None:
    (sending,) = sendings(evolve(ASKED, name=(b"x",)), Zone.read("$MINIMUM 30"))
    message = read(sending)
    assert message.rCode == dns.ENAME
    assert message.authority[0].payload.minimum == 30


def test_whatDoesNotFitIntoADatagramIsTruncated() -> None:
    many = "".join(f"pc7.example.org A 192.0.2.{host}\n" for host in range(100))
    for byTcp in (False, True):
        (sending,) = sendings(evolve(ASKED, byTcp=byTcp), Zone.read(many))
        assert (len(sending.message) > 512) is byTcp
        assert read(sending).trunc is not byTcp


def test_labelMayHoldADot() -> None:
    name = (b"a.b", b"org")
    entry = Entry(name, PTR, 60, name)
    message = truth(evolve(ASKED, name=name, type=PTR), Known(NO_ERROR, (entry,), 0))
    assert message.count(wire(name)) == 3


def test_serverMayBeSlowOrSilent() -> None:
    assert sent("silent") == []
    assert sent("slow 1.5") == [evolve(RIGHT, delay=1.5)]


@pytest.mark.parametrize("code", CODES)
def test_serverMaySayACode(code: str) -> None:
    for kind in ("code", "flapping"):
        message = read(sent(f"{kind} {code}")[0])
        assert (message.rCode, message.answers) == (CODES[code], [])
    assert sent(f"flapping {code}", evolve(ASKED, before=1)) == [RIGHT]


def test_datagramMaySayThatThereIsMore() -> None:
    overTcp = evolve(ASKED, byTcp=True)
    for kind in ("truncated", "mute", "closing", "bomb"):
        message = read(sent(kind)[0])
        assert (message.trunc, message.answers) == (1, [])
    assert sent("truncated", overTcp) == [RIGHT]
    assert sent("mute", overTcp) == []
    assert sent("closing", overTcp) == [Sending(b"")]
    assert sent("bomb", overTcp) == [Sending(bomb(overTcp))]
    assert len(bomb(overTcp)) >= 65534


def test_replyMayLookForged() -> None:
    assert read(sent("wrong-id")[0]).id == 4710
    assert read(sent("wrong-question")[0]).queries[0].name.name == b"not.pc7.example.org"
    assert sent("other-port") == [evolve(RIGHT, elsewhere=True)]


def test_replyMayBringMoreThanWasAskedFor() -> None:
    message = read(sent("poison www.example.org 192.0.2.99")[0])
    for section in (message.answers, message.additional):
        assert section[-1].name.name == b"www.example.org"
        assert section[-1].payload.dottedQuad() == "192.0.2.99"


def test_replyMayBeOfLittleUse() -> None:
    asked = evolve(ASKED, name=(b"www",))
    zone = Zone.read("www CNAME a\na CNAME b\nb A 192.0.2.7\nwww FAULT stingy")
    (sending,) = sendings(asked, zone)
    assert [each.type for each in read(sending).answers] == [dns.CNAME]
    lame = read(sent("lame")[0])
    assert (lame.recAv, lame.auth, lame.answers, lame.authority) == (0, 0, [], [])


def test_replyMayBeBroken() -> None:
    assert sent("cut") == [Sending(RIGHT.message[:-3])]
    assert read(Sending(sent("garbage")[0].message[:33])).queries == [
        dns.Query(b"pc7.example.org", A)
    ]
