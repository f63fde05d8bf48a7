"""
L{bastion.hosts.statetext}: what is written can be read, and nothing else can.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bastion.hosts import statetext
from bastion.hosts.statetext import Damaged, Kept, read, written
from bastion.hosts.sticktable import Stays
from bastion.interfaces import HostAddress
from bastion.state import LATEST, AdminState

ONE, TWO = HostAddress("nice1.example.org"), HostAddress("2001:db8::1", 2222)
NOW = 1795600000.5
DRAIN = AdminState("drain", NOW - 10, "new disks")
QUARANTINED = AdminState("quarantined", NOW, "another key", b"\x00\x00\x00\x0bssh-\xff")
KEPT = Kept(
    {("nice", ONE): DRAIN, ("ill", ONE): QUARANTINED, ("nice", TWO): QUARANTINED},
    {
        "nice": Stays([b"johnson", b"jackson", b"johnson"], [TWO, ONE, ONE], [60.5, 10.5, 0.5]),
        "ill": Stays([bytes(range(256))], [TWO], [28799.5]),
    },
)


def whole(**changes: Any) -> dict[str, Any]:
    """
    A small text as values, with other values in their places.
    """
    small: dict[str, Any] = {
        "version": 1,
        "written": NOW,
        "admin": [["nice", "nice1.example.org", 22, "drain", 1.5, "new disks", "AAAA"]],
        "hosts": [["nice1.example.org", 22]],
        "sticky": [["nice", "johnson", 0, 1795600060]],
    }
    return {**small, **changes}


def test_whatIsWrittenIsRead() -> None:
    assert read(written(KEPT, NOW), NOW) == KEPT


def test_nothingIsATextToo() -> None:
    assert read(written(Kept(), NOW), NOW) == Kept()


def test_textIsAsDescribed() -> None:
    text = written(Kept({("nice", ONE): DRAIN}, {"nice": Stays([b"j\xf6"], [TWO], [60.0])}), NOW)
    assert text.decode() == (
        '{"version": 1, "written": 1795600000.5,\n'
        '"admin": [\n'
        '["nice", "nice1.example.org", 22, "drain", 1795599990.5, "new disks", ""]],\n'
        '"hosts": [\n'
        '["2001:db8::1", 2222]],\n'
        '"sticky": [\n'
        '["nice", "j\\u00f6", 0, 1795600061]]}\n'
    )


def test_accountTakesALittleMoreThanItsName() -> None:
    keys = [b"account%05d" % number for number in range(10_000)]
    kept = Kept({}, {"nice": Stays(keys, [ONE] * 10_000, [60.0] * 10_000)})
    assert len(written(kept, NOW)) < 45 * 10_000


texts = st.text()
hosts = st.builds(HostAddress, texts, st.integers(1, 65535))
states = st.builds(
    AdminState,
    st.sampled_from(["drain", "disabled", "quarantined"]),
    st.floats(0, LATEST),
    texts,
    st.binary(),
)
rows = st.lists(st.tuples(st.binary(), hosts, st.integers(1, 10**6).map(float)), min_size=1)
columns = rows.map(lambda given: Stays(*map(list, zip(*given, strict=True))))
kepts = st.builds(
    Kept, st.dictionaries(st.tuples(texts, hosts), states), st.dictionaries(texts, columns)
)


@settings(max_examples=100)
@given(kepts, st.integers(0, 2 * 10**9))
def test_whateverIsWrittenIsRead(kept: Kept, now: int) -> None:
    """
    Also names that no host has, and reasons with half a character.
    """
    assert read(written(kept, now), now) == kept


def test_reasonWithHalfACharacterIsRead() -> None:
    kept = Kept({("nice", ONE): AdminState("drain", NOW, "\ud800\x1b\n")})
    assert read(written(kept, NOW), NOW) == kept


# Time


@pytest.mark.parametrize(("away", "left"), [(0, 60.5), (10, 50.5), (-3600, 60.5), (-1e9, 60.5)])
def test_entryHasNoMoreTimeThanItHad(away: float, left: float) -> None:
    """
    The clock may have been set back meanwhile.
    """
    kept = Kept({}, {"nice": Stays([b"johnson"], [ONE], [60.5])})
    assert read(written(kept, NOW), NOW + away).sticky["nice"].left == [left]


def test_entriesThatAreOverAreLeftOut() -> None:
    stays = Stays([b"a", b"b", b"c"], [ONE, TWO, ONE], [-1.0, 0.0, 10.5])
    text = written(Kept({("nice", ONE): DRAIN}, {"nice": stays}), NOW)
    assert len(json.loads(text)["sticky"]) == 1
    assert read(text, NOW + 10.5) == Kept({("nice", ONE): DRAIN})


@pytest.mark.parametrize("left", [1e12, 1e300, float("inf")])
def test_entryThatLastsForEverIsWrittenAllTheSame(left: float) -> None:
    text = written(Kept({}, {"nice": Stays([b"johnson"], [ONE], [left])}), NOW)
    assert read(text, NOW).sticky["nice"].left == [LATEST - NOW]


# Size


def test_textNeverBecomesTooLargeToBeRead(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Administrative states come before stickiness.
    """
    least = len(written(Kept({("nice", ONE): DRAIN}, {}), NOW)) + len('\n["nice1.example.org", 22]')
    stays = Stays([b"%d" % number for number in range(10)], [ONE] * 10, [60.5] * 10)
    line = len('["nice", "0", 0, 1795600061],\n')
    for room in range(10 * line):
        monkeypatch.setattr(statetext, "LARGEST_TEXT", least + room)
        text = written(Kept({("nice", ONE): DRAIN}, {"nice": stays}), NOW)
        assert len(text) <= least + room
        assert read(text, NOW).admin == {("nice", ONE): DRAIN}
        assert len(json.loads(text)["sticky"]) >= (room - 1) // line


# What was not written by a bastion


def damage(text: bytes) -> str:
    """
    What is wrong with a text.
    """
    with pytest.raises(Damaged) as error:
        read(text, NOW)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "it is not JSON (line 1: Expecting value)"),
        (b'{"version": 1,\n"wri', "it is not JSON (line 2: Unterminated string starting at)"),
        (b"\x00" * 100, "it is not JSON (line 1: Expecting value)"),
        (b'{"version": "\xff"}', "it holds bytes that are not ASCII"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"a":' * 100_000, "it is nested too deeply"),
        (b'{"version": 1, "version": 1}', "it holds the same name twice"),
        (b'{"version": NaN}', "it holds something that is not a number"),
        (b'{"version": -Infinity}', "it holds something that is not a number"),
        (b"1" * 5000, "it holds a number that is too long"),
        (b"null", "it is not the state of a bastion"),
        (b'["version"]', "it is not the state of a bastion"),
        (b"{}", "it is not the state of a bastion"),
        (b'{"version": 2, "more": {}}', "it was written by another version of the bastion"),
        (b'{"version": 1.0}', "it was written by another version of the bastion"),
        (b'{"version": true}', "it was written by another version of the bastion"),
        (b'{"version": 1}', "something is missing in it, or added to it"),
        (b" " * (statetext.LARGEST_TEXT + 1), "it is larger than 16777216 bytes"),
    ],
    ids=lambda given: given[:20] if isinstance(given, bytes) else "",
)
def test_textThatIsNotOursIsDamaged(text: bytes, problem: str) -> None:
    assert damage(text) == problem


ADMIN = whole()["admin"][0]
WRONG = [None, True, -1, 1.5, 10**400, 1e300, "", "\u0100", [], {}, [[]]]


def changed(entry: list[Any]) -> list[list[Any]]:
    """
    An entry with each of its fields wrong in every way, or missing.
    """
    entries = [[*entry[:n], wrong, *entry[n + 1 :]] for n in range(len(entry)) for wrong in WRONG]
    return [*entries, *([*entry[:n], *entry[n + 1 :]] for n in range(len(entry))), [*entry, 0]]


@pytest.mark.parametrize("where", ["admin", "hosts", "sticky"])
def test_wrongEntriesAreDamageOrWhatTheySay(where: str) -> None:
    """
    An account may have no name; nobody knows what is a host's.
    """
    harmless = 0
    (right,) = whole()[where]
    for entry in changed(right):
        text = json.dumps(whole(**{where: [entry]})).encode()
        try:
            read(text, NOW)
        except Damaged as error:
            assert str(error) == f"entry 1 of '{where}' is wrong"
        else:
            assert all(type(each) in (str, int, float) for each in entry)
            harmless += 1
    assert harmless < 10


@pytest.mark.parametrize("where", ["admin", "hosts", "sticky"])
@pytest.mark.parametrize("wrong", [None, 1, "text", {}, {"a": 1}])
def test_whatShouldBeAListIsOne(where: str, wrong: Any) -> None:
    assert damage(json.dumps(whole(**{where: wrong})).encode()) == f"'{where}' is not a list"


@pytest.mark.parametrize("where", ["admin", "hosts", "sticky"])
@pytest.mark.parametrize("wrong", [None, 1, "text", {}, [], {"a": 1}])
def test_whatShouldBeAnEntryIsOne(where: str, wrong: Any) -> None:
    text = json.dumps(whole(**{where: [wrong]})).encode()
    assert damage(text) == f"entry 1 of '{where}' is wrong"


@pytest.mark.parametrize("wrong", [None, True, -1, 1e300, 10**400, "1", []])
def test_timeOfWritingIsATime(wrong: Any) -> None:
    assert damage(json.dumps(whole(written=wrong)).encode()) == "'written' is not a time"


@pytest.mark.parametrize("state", ["up", "DRAIN", "down", ""])
def test_stateThatNobodyKnowsIsDamage(state: str) -> None:
    entry = [*ADMIN[:3], state, *ADMIN[4:]]
    assert damage(json.dumps(whole(admin=[entry])).encode()) == "entry 1 of 'admin' is wrong"


@pytest.mark.parametrize("key", ["A", "AA A", "AAAA*", "\u00e9"])
def test_keyIsBase64(key: str) -> None:
    entry = [*ADMIN[:6], key]
    assert damage(json.dumps(whole(admin=[entry])).encode()) == "entry 1 of 'admin' is wrong"


def test_nothingIsMissingOrAdded() -> None:
    problem = "something is missing in it, or added to it"
    assert damage(json.dumps(whole(more=1)).encode()) == problem
    for name in ("written", "admin", "hosts", "sticky"):
        text = {key: value for key, value in whole().items() if key != name}
        assert damage(json.dumps(text).encode()) == problem


def test_hostHasOneAdministrativeState() -> None:
    text = json.dumps(whole(admin=[ADMIN, ADMIN])).encode()
    assert damage(text) == "it has two administrative states of one host"


def test_whateverIsReadIsKeptOrDamaged() -> None:
    """
    Bytes are changed, left out and put in at random, always the same ones.
    """
    dice = random.Random(4)
    text = written(KEPT, NOW)
    damaged = 0
    for _ in range(5000):
        mutated = bytearray(text)
        for _ in range(dice.choice((1, 1, 2, 5))):
            at = dice.randrange(len(mutated))
            mutated[at : at + dice.randrange(3)] = dice.choices(text, k=dice.randrange(3))
        try:
            read(bytes(mutated), NOW)
        except Damaged as error:
            damaged += 1
            assert "johnson" not in str(error)
    assert damaged > 1000
