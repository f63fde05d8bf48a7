"""
Tests of L{bastion.admission.dnsmessage}: bytes in, a reply out, or an error that is
bounded.  The messages of an honest server are those that C{twisted.names} makes.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis.strategies import binary, integers, lists, sampled_from, tuples
from twisted.names import dns

from bastion.admission.dnsmessage import (
    AAAA,
    CNAME,
    MAX_LABELS,
    MAX_RECORDS,
    NO_ERROR,
    NO_SUCH_NAME,
    PTR,
    SOA,
    A,
    BadReply,
    Question,
    Record,
    Reply,
    number,
    reply,
)
from bastion.admission.dnsnames import Labels
from bastion.testing.dnsreplies import Query, bomb, truth, wire
from bastion.testing.dnszone import Entry, Known

NAME = (b"7", b"2", b"0", b"192", b"in-addr", b"arpa")
QUESTION = Question(NAME, PTR)
ASKED = Query(4711, NAME, PTR, byTcp=True)
PC = (b"pc7", b"example", b"org")

RESPONSE = 0x8180


def head(
    answers: int = 0,
    authorities: int = 0,
    flags: int = RESPONSE,
    question: Question = QUESTION,
    questions: int = 1,
) -> bytes:
    """
    The header and the question of a reply.
    """
    header = struct.pack(">6H", 4711, flags, questions, answers, authorities, 0)
    return header + (wire(question.name) + struct.pack(">HH", question.type, 1)) * questions


def record(data: bytes, kind: int = PTR, ttl: int = 60, name: bytes = b"\xc0\x0c") -> bytes:
    """
    A record, of the name in the question unless another is given.
    """
    return name + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def pointer(offset: int) -> bytes:
    """
    A pointer to a name.
    """
    return struct.pack(">H", 0xC000 | offset)


# Honest servers


def test_recordsAreReadAsTheyWereMeant() -> None:
    packed = ip_address("2001:db8::7").packed
    entries = (
        Entry(NAME, CNAME, 10, (b"7", b"0/25", b"2")),
        Entry((b"7", b"0/25", b"2"), PTR, 20, (b"PC7", b"Example", b"org")),
        Entry(PC, A, 30, b"\xc0\0\2\7"),
        Entry(PC, AAAA, 40, packed),
    )
    heard = reply(truth(ASKED, Known(NO_ERROR, entries, 0)), QUESTION)
    assert heard == Reply(
        NO_ERROR,
        answers=(
            Record(NAME, CNAME, 10, (b"7", b"0/25", b"2")),
            Record((b"7", b"0/25", b"2"), PTR, 20, PC),
            Record(PC, A, 30, b"\xc0\0\2\7"),
            Record(PC, AAAA, 40, packed),
        ),
    )


def test_negativeReplySaysForHowLong() -> None:
    heard = reply(truth(ASKED, Known(NO_SUCH_NAME, (), 45)), QUESTION)
    assert heard == Reply(NO_SUCH_NAME, negativeTtl=45)
    assert reply(truth(ASKED, Known(NO_ERROR, (), 0)), QUESTION) == Reply(NO_ERROR)


@pytest.mark.parametrize(("ttl", "minimum", "negative"), [(30, 60, 30), (90, 60, 60)])
def test_negativeTimeIsTheShorterOfTwo(ttl: int, minimum: int, negative: int) -> None:
    soa = record(b"\0\0" + struct.pack(">5I", 1, 2, 3, 4, minimum), SOA, ttl)
    heard = reply(head(authorities=1) + soa, QUESTION)
    assert heard is not None and heard.negativeTtl == negative


def test_negativeTimeIsOfAWholeRecord() -> None:
    for size, negative in ((21, None), (22, 0)):
        heard = reply(head(authorities=1) + record(bytes(size), SOA), QUESTION)
        assert heard is not None and heard.negativeTtl == negative


def test_datagramThatIsNotAllIsReadNoFurther() -> None:
    message = head(answers=9, flags=RESPONSE | 0x0200) + b"cut"
    assert reply(message, QUESTION) == Reply(NO_ERROR, truncated=True)


def test_replyThatOnlyNamesOtherServersIsAReferral() -> None:
    nameServer = record(wire((b"ns", b"example", b"org")), dns.NS)
    for flags, isReferral in ((0x8000, True), (0x8400, False), (0x8080, False)):
        heard = reply(head(authorities=1, flags=flags) + nameServer, QUESTION)
        assert heard is not None and heard.isReferral is isReferral


@pytest.mark.parametrize(("code", "name"), [(2, "SERVFAIL"), (5, "REFUSED"), (6, "code 6")])
def test_codeHasAName(code: int, name: str) -> None:
    heard = reply(head(flags=RESPONSE | code), QUESTION)
    assert heard is not None and heard.codeName == name


NAMES = lists(sampled_from([b"a", b"bc", b"DE", b"org", b"x-1"]), min_size=1, max_size=5)
ROWS = tuples(NAMES, sampled_from([A, AAAA, PTR, CNAME]), integers(0, 2**31 - 1), NAMES)


@given(lists(ROWS, max_size=MAX_RECORDS))
def test_readsWhatTwistedNamesReads(rows: list[tuple[list[bytes], int, int, list[bytes]]]) -> None:
    sizes = {A: 4, AAAA: 16}
    entries = tuple(
        Entry(tuple(name), kind, ttl, b"\7" * sizes[kind] if kind in sizes else tuple(target))
        for name, kind, ttl, target in rows
    )
    message = truth(ASKED, Known(NO_ERROR, entries, 0))
    theirs = dns.Message()
    theirs.fromStr(message)
    heard = reply(message, QUESTION)
    assert heard is not None
    ours = [
        (b".".join(each.name), each.type, each.ttl, b".".join(each.data))
        if isinstance(each.data, tuple)
        else (b".".join(each.name), each.type, each.ttl, each.data)
        for each in heard.answers
    ]
    assert ours == [
        (
            each.name.name.lower(),
            each.type,
            each.ttl,
            each.payload.address if each.type in sizes else each.payload.name.name.lower(),
        )
        for each in theirs.answers
    ]


# What is not meant for us


def test_messageHasANumber() -> None:
    assert number(head()) == 4711
    assert number(b"\x12\x67" + bytes(10)) == 4711
    assert number(bytes(11)) is None


@pytest.mark.parametrize(
    "message",
    [
        head(flags=0x0100),
        head(flags=RESPONSE | 0x0800),
        head(questions=0),
        head(questions=2),
        head(question=Question((b"8", *NAME[1:]), PTR)),
        head(question=Question((b"x", *NAME), PTR)),
        head(question=Question(NAME[1:], PTR)),
        head(question=Question(NAME, A)),
        head()[:-1] + b"\3",
    ],
    ids=["question", "opcode", "none", "two", "sibling", "child", "parent", "type", "class"],
)
def test_replyToAnotherQuestionIsNone(message: bytes) -> None:
    assert reply(message, QUESTION) is None


def test_replyMayRepeatTheNameInOtherCase() -> None:
    shouted = Question(tuple(label.upper() for label in NAME), PTR)
    assert reply(head(question=shouted), QUESTION) == Reply(NO_ERROR)


def test_recordsOfOtherKindsAreLeftOut() -> None:
    data = [
        record(b"\4text", dns.TXT),
        record(b"\1\2\3", A),
        record(b"\1\2\3\4", AAAA),
        b"\xc0\x0c" + struct.pack(">HHIH", A, 3, 60, 4) + b"\1\2\3\4",
        b"\xc0\x0c" + struct.pack(">HHIH", PTR, 3, 60, 1) + b"\0",
        record(bytes(22), SOA),
        record(b"", 65535),
    ]
    heard = reply(head(answers=len(data)) + b"".join(data), QUESTION)
    assert heard == Reply(NO_ERROR)


def test_answersOnlyCountWhereAnswersAre() -> None:
    heard = reply(head(authorities=1) + record(b"\1\2\3\4", A), QUESTION)
    assert heard == Reply(NO_ERROR)


def test_timeBelowZeroIsNone() -> None:
    heard = reply(head(answers=1) + record(b"\1\2\3\4", A, ttl=2**31), QUESTION)
    assert heard is not None and heard.answers[0].ttl == 0


# What is no good


def refused(message: bytes) -> str:
    """
    Why a reply cannot be read.
    """
    with pytest.raises(BadReply) as caught:
        reply(message, QUESTION)
    return str(caught.value)


@pytest.mark.parametrize("size", range(len(head(1) + record(wire(PC)))))
def test_messageThatEndsTooEarlyIsNoGood(size: int) -> None:
    assert refused((head(answers=1) + record(wire(PC)))[:size]) == "it ends too early"


AT = len(head()) + 12


@pytest.mark.parametrize("offset", [AT, AT + 1, AT + 2, 0x3FFF])
def test_pointerLeadsBackwards(offset: int) -> None:
    message = head(answers=1) + record(pointer(offset))
    assert refused(message) == "a pointer does not lead backwards"


def test_pointersDoNotPointAtEachOther() -> None:
    records = record(pointer(AT + 12 + 2), 99) + record(pointer(AT))
    assert refused(head(answers=2) + records) == "a pointer does not lead backwards"


def test_pointersMayBeChained() -> None:
    first = record(b"\3org\0")
    second = record(b"\7example" + pointer(AT))
    third = record(b"\3pc7" + pointer(AT + len(first)))
    heard = reply(head(answers=3) + first + second + third, QUESTION)
    assert heard is not None
    assert [each.data for each in heard.answers] == [PC[2:], PC[1:], PC]


def nameOf(size: int) -> Labels:
    """
    A name that takes so many bytes.
    """
    rest = size - 1 - 3 * 64
    return (b"a" * 63,) * 3 + (b"b" * (rest - 1),)


def test_nameHas255BytesAtMost() -> None:
    heard = reply(head(answers=1) + record(wire(nameOf(255))), QUESTION)
    assert heard is not None and heard.answers[0].data == nameOf(255)
    assert refused(head(answers=1) + record(wire(nameOf(256)))) == "a name is too long"


def test_nameIsNotMadeLongerByPointers() -> None:
    records = record(wire(nameOf(250))) + record(b"\5extra" + pointer(AT))
    assert refused(head(answers=2) + records) == "a name is too long"


@pytest.mark.parametrize("length", [64, 0x80, 0xBF])
def test_labelIsOfAKnownKind(length: int) -> None:
    message = head(answers=1) + record(bytes((length,)) + b"a" * 200 + b"\0")
    assert refused(message) == "a name is too long"


@pytest.mark.parametrize("more", [-1, 1])
def test_nameIsAsLongAsItsRecord(more: int) -> None:
    data = wire(PC)
    whole = record(data)
    size = struct.pack(">H", len(data) + more)
    message = head(answers=1) + whole[:10] + size + data + b"\0"
    assert refused(message) == "a name is not as long as its record"


# What may cost nothing


def test_noMoreRecordsAreReadThanTheLimit() -> None:
    message = head(answers=MAX_RECORDS + 1) + record(b"\1\2\3\4", A) * MAX_RECORDS
    heard = reply(message, QUESTION)
    assert heard is not None and len(heard.answers) == MAX_RECORDS
    assert refused(head(answers=2) + record(b"\1\2\3\4", A)) == "it ends too early"


def test_labelsAndPointersAreCounted() -> None:
    """
    The names of the question and of the records, and those that pointers lead to.
    """
    question = len(NAME)
    labels = (b"a",) * 100
    first = record(wire(labels), name=b"\0")
    each = record(pointer(AT - 1), name=b"\0")
    left = MAX_LABELS - question - len(labels)
    count, rest = divmod(left, 1 + len(labels))
    last = record(wire(labels[: rest + 1]), name=b"\0")
    message = head(answers=2 + count) + first + each * count
    fits = record(wire(labels[:rest]), name=b"\0")
    heard = reply(message + fits, QUESTION)
    assert heard is not None and len(heard.answers) == 2 + count
    assert refused(message + last) == "it has too many labels"


def test_chainsOfPointersAreCounted() -> None:
    start = AT
    chain = b"\0\0" + b"".join(pointer(start + 2 * hop) for hop in range(8000))
    last = pointer(start + len(chain) - 2)
    message = head(answers=2) + record(chain, 99) + record(last)
    assert refused(message) == "it has too many labels"


def test_bombIsNotRead() -> None:
    """
    C{twisted.names} would be busy with it for minutes.
    """
    assert refused(bomb(ASKED)) == "a pointer does not lead backwards"


@given(binary(max_size=600))
def test_whateverComesIsReadOrNoGood(tail: bytes) -> None:
    for message in (tail, head(answers=5, authorities=5) + tail):
        try:
            heard = reply(message, QUESTION)
        except BadReply:
            continue
        assert heard is None or isinstance(heard, Reply)


@given(integers(0, 200), binary(min_size=1, max_size=4))
def test_damagedReplyIsReadOrNoGood(at: int, damage: bytes) -> None:
    entries = tuple(Entry(NAME, PTR, 60, (b"pc%d" % host, *PC[1:])) for host in range(5))
    message = bytearray(truth(ASKED, Known(NO_ERROR, entries, 0)))
    message[at % len(message) : at % len(message) + len(damage)] = damage
    try:
        heard = reply(bytes(message), QUESTION)
    except BadReply:
        return
    assert heard is None or isinstance(heard, Reply)
