"""
C{docs/admission.md}: that it has what a user can read on his way in, word for word, and
nothing that nobody can read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import datetime, time
from ipaddress import ip_address
from pathlib import Path

import pytest

import bastion
from bastion.admission.accounts import AccountRule, Hours
from bastion.admission.counts import Channels, Connections, Sessions
from bastion.admission.dnsrule import NOT_KNOWN, SENTENCE
from bastion.admission.dnsverdict import Missing, NotRegistered
from bastion.admission.penalties import SECONDS, Penalties, Rules
from bastion.config.admission import AdmissionTable
from bastion.config.readers import keysOf
from bastion.ssh.identification import VERSION_2_ONLY
from bastion.state import PenaltyKind

PACKAGE = Path(bastion.__file__).parent
TEXT = (PACKAGE.parent / "docs" / "admission.md").read_text()
#: The text without its line breaks.
FLOWING = " ".join(TEXT.split())

SOURCE, ACCOUNT = ip_address("192.0.2.7"), b"in1000"

# The sentences that a call makes


def connections() -> Iterator[str | None]:
    """
    Of the limits of connections.
    """
    for limits in (Connections(perSource=20), Connections(limit=2000)):
        for _ in range(limits.perSource or limits.limit):
            limits.arrived(SOURCE)
        yield limits.refusal(SOURCE)


def sessions() -> Iterator[str | None]:
    """
    Of the limits of sessions.
    """
    for limits, count in (
        (Sessions(perVisitor=2), 2),
        (Sessions(perAccount=10), 10),
        (Sessions(perSource=20), 20),
        (Sessions(limit=1000), 1000),
    ):
        for _ in range(count):
            limits.began(SOURCE, ACCOUNT)
        yield limits.refusal(SOURCE, ACCOUNT)


def channels() -> Iterator[str | None]:
    """
    Of the limits of channels.
    """
    for limits, count in (
        (Channels(perAccount=20), 20),
        (Channels(perSource=300), 300),
        (Channels(limit=4000), 4000),
    ):
        for _ in range(count):
            limits.began(SOURCE, ACCOUNT)
        yield limits.refusal(SOURCE, ACCOUNT)


def accounts() -> Iterator[str | None]:
    """
    Of the tables of accounts, and what is said of their end before it.
    """
    monday = datetime(2026, 11, 23, 7)
    days = AccountRule("*", hours=[Hours(time(8), time(20))], days=[0, 1])
    closes = AccountRule("*", closes=datetime(2026, 11, 24, 8), notice=86400.0)
    opens = AccountRule("*", opens=datetime(2026, 11, 20))
    yield AccountRule("*", gateways=["ill"]).refusal("in1000", "esrf", monday)
    yield opens.refusal("in1000", "esrf", datetime(2026, 11, 19))
    yield closes.refusal("in1000", "esrf", datetime(2026, 11, 25))
    yield days.refusal("in1000", "esrf", monday)
    yield closes.warning("in1000", datetime(2026, 11, 23, 9))


def waiting() -> Iterator[str | None]:
    """
    Of those who have to wait.
    """
    penalties = Penalties(Rules(seconds={PenaltyKind.REFUSED: 20.0}), bytes(32))
    penalties.noted(PenaltyKind.REFUSED, SOURCE, ACCOUNT, None, 0.0)
    yield penalties.refusal(SOURCE, 0.0)
    yield penalties.refusalOf(SOURCE, ACCOUNT, 0.0)


def unregistered() -> Iterator[str]:
    """
    Of the DNS: the ends of its sentence, and the whole of it with one of them.
    """
    yield from (str(NotRegistered(each, "pc7.example.org")) for each in Missing)
    yield NOT_KNOWN
    yield SENTENCE
    yield SENTENCE.format(address=SOURCE, missing=NotRegistered(Missing.NAME))


MADE = [
    str(sentence)
    for each in (connections, sessions, channels, accounts, waiting, unregistered)
    for sentence in each()
]

# The sentences that stand in the code

#: Where a call has what a user reads; after most names there is nothing else.
PLACES = {
    **dict.fromkeys(("LoginImpossible", "LastLine", "NoSuchHost", "AdmissionRefused"), 0),
    **dict.fromkeys(("HostUnavailable", "Banner", "ChangeRequest"), 0),
    **dict.fromkeys(("loginImpossible", "loginForfeited", "dismiss", "dismissAll"), -1),
}
#: Whose address is none has been dropped before the rule about it.
NEVER_READ = re.escape("Your computer's address cannot be read.")


def pattern(node: ast.expr) -> str | None:
    """
    What a text of the code can look like; L{None} for what is no text.
    """
    if isinstance(node, ast.JoinedStr):
        return "".join(
            re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\S+"
            for part in node.values
        )
    if not isinstance(node, ast.Constant) or not node.value:
        return None
    words = node.value.decode() if isinstance(node.value, bytes) else str(node.value)
    return re.escape(" ".join(words.split()))


def told(tree: ast.Module) -> Iterator[ast.expr]:
    """
    The expressions of a file that say what a user reads, names as what they stand for.
    """
    named: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            named[ast.unparse(node.targets[0])] = node.value
            if ast.unparse(node.targets[0]) == "self._refusal":
                yield node.value
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            place = PLACES.get(ast.unparse(node.func).split(".")[-1])
            if place is not None:
                given = node.args[place]
                yield named.get(ast.unparse(given), given)


def written() -> Iterator[str]:
    """
    A pattern for each text that is told to a user on his way in.
    """
    for package in ("admission", "auth", "gateway", "hosts"):
        for path in sorted((PACKAGE / package).glob("*.py")):
            patterns = map(pattern, told(ast.parse(path.read_text())))
            yield from (each for each in patterns if each is not None)


WRITTEN = sorted({*written()} - {NEVER_READ})

#: What the page says that users read.
READ = [
    sentence
    for row in TEXT.split("\n## What they read\n")[1].split("\n## ")[0].splitlines()
    if row.startswith("| ")
    for sentence in row.partition(" | ")[2].split("`")[1::2]
    if " " in sentence
]


@pytest.mark.parametrize("sentence", MADE)
def test_sentenceThatIsMadeIsInThePage(sentence: str) -> None:
    assert f"`{sentence}`" in FLOWING or sentence in TEXT.splitlines()


@pytest.mark.parametrize("words", WRITTEN)
def test_sentenceThatIsWrittenIsInThePage(words: str) -> None:
    assert [sentence for sentence in READ if re.fullmatch(words, sentence)]


def test_pageHasNoOtherSentences() -> None:
    known = [*WRITTEN, *map(re.escape, MADE)]
    others = [each for each in READ if not any(re.fullmatch(words, each) for words in known)]
    assert READ and others == []


def test_programsThatAreTooOldReadWhatThePageSays() -> None:
    assert f"`{VERSION_2_ONLY}`" in FLOWING


# The rest of the page


def test_pageNamesEveryKey() -> None:
    assert [name for name in keysOf(AdmissionTable) if f"`{name}" not in TEXT] == []


def test_penaltiesAreThoseOfTheCode() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ([0-9.]+) \|", TEXT, re.MULTILINE)
    assert {kind: float(seconds) for kind, seconds in rows} == {
        kind.value: seconds for kind, seconds in SECONDS.items()
    }
