"""
L{bastion.hosts.sticktable}: where a key is, where it was, and what is forgotten.  How
keys stick is in the contract of the stores.
"""

from __future__ import annotations

from bastion.hosts.sticktable import Stays, StickTable
from bastion.interfaces import HostAddress

ONE, TWO, THREE = (HostAddress(f"nice{number}.example.org") for number in (1, 2, 3))
KEY = b"johnson"
SECONDS = 60.0


def visited(table: StickTable, key: bytes, host: HostAddress, now: float) -> None:
    """
    A connection without length.
    """
    table.came(key, host, SECONDS)
    table.went(key, host, now)


def test_keyIsOnItsHostAsLongAsItHasConnections() -> None:
    table = StickTable(10)
    table.came(KEY, ONE, SECONDS)
    table.came(KEY, ONE, SECONDS)
    table.went(KEY, ONE, 0.0)
    assert table.host(KEY, 1e9) == ONE
    table.went(KEY, ONE, 1e9)
    assert table.host(KEY, 1e9 + SECONDS - 1) == ONE
    assert table.host(KEY, 1e9 + SECONDS) is None


def test_keyThatComesAgainIsNotForgottenByTheTimeBefore() -> None:
    table = StickTable(10)
    visited(table, KEY, ONE, 0.0)
    table.came(KEY, ONE, SECONDS)
    for number in range(20):
        visited(table, b"%d" % number, TWO, SECONDS)
    assert table.host(KEY, SECONDS) == ONE


def test_whatWasPromisedLastCounts() -> None:
    table = StickTable(10)
    for seconds in (SECONDS, 10.0):
        table.came(KEY, ONE, seconds)
        table.went(KEY, ONE, 0.0)
    assert (table.host(KEY, 9.0), table.host(KEY, 10.0)) == (ONE, None)


def test_hostThatWasComeToAgainIsTheLatest() -> None:
    table = StickTable(10)
    for host in (ONE, TWO, ONE):
        table.came(KEY, host, SECONDS)
    assert table.host(KEY, 0.0) == ONE


def test_hostsOfConnectionsComeBeforeThoseThatRemember() -> None:
    table = StickTable(10)
    assert (table.hosts(KEY, 0.0), table.latest(KEY)) == ([], None)
    table.came(KEY, ONE, SECONDS)
    visited(table, KEY, TWO, 0.0)
    visited(table, KEY, THREE, 1.0)
    assert (table.hosts(KEY, 1.0), table.latest(KEY)) == ([ONE, THREE, TWO], THREE)
    table.came(KEY, TWO, SECONDS)
    assert (table.hosts(KEY, SECONDS + 1), table.latest(KEY)) == ([TWO, ONE], TWO)


def test_nothingIsKeptOfWhatIsForgotten() -> None:
    """
    Once others come; nobody waits until a thousand are gone.
    """
    table = StickTable(10_000)
    for number in range(1000):
        visited(table, b"account %d" % number, ONE, 0.0)
    assert len(table) == 1000
    visited(table, KEY, ONE, SECONDS)
    assert 990 < len(table) < 1000
    for _ in range(1000):
        visited(table, KEY, ONE, SECONDS)
    assert len(table) == 1


def test_theFirstToBeForgottenMakesRoom() -> None:
    table = StickTable(2)
    table.came(b"connected", THREE, SECONDS)
    for now, key in enumerate((b"a", b"b", b"a", b"c")):
        visited(table, key, ONE, float(now))
    homes = [table.host(key, 3.0) for key in (b"a", b"b", b"c", b"connected")]
    assert homes == [ONE, None, ONE, THREE]


def test_whatIsWrittenDownHasNoConnections() -> None:
    table = StickTable(10)
    visited(table, b"over", ONE, 0.0)
    visited(table, KEY, ONE, 50.0)
    table.came(KEY, TWO, 30.0)
    stays = table.stays(70.0)
    assert stays == Stays([b"over", KEY, KEY], [ONE, ONE, TWO], [-10.0, 40.0, 30.0])
    restored = StickTable(10)
    restored.restore(stays, 1000.0)
    assert [restored.host(KEY, now) for now in (1029.0, 1030.0, 1039.0)] == [TWO, ONE, ONE]
    assert (restored.host(KEY, 1040.0), restored.host(b"over", 1000.0)) == (None, None)


def test_whatWasRestoredIsForgottenInItsTurn() -> None:
    restored = StickTable(10_000)
    keys = [b"%d" % number for number in range(100)]
    left = [float(100 - number) for number in range(100)]
    restored.restore(Stays(keys, [ONE] * 100, left), 0.0)
    for _ in range(100):
        visited(restored, KEY, ONE, 50.0)
    assert len(restored) == 51
    assert restored.host(b"0", 50.0) == ONE


def test_whatIsWrittenTwiceIsRestoredOnce() -> None:
    restored = StickTable(10)
    restored.restore(Stays([KEY, KEY], [ONE, ONE], [10.0, 20.0]), 0.0)
    for _ in range(3):
        visited(restored, b"another", TWO, 30.0)
    assert len(restored) == 1


def test_keysAreNotShown() -> None:
    table = StickTable(10)
    table.came(KEY, ONE, SECONDS)
    assert "johnson" not in repr(table)
