"""
Tests of L{bastion.config.ranges}.
"""

from __future__ import annotations

import pytest

from bastion.config.ranges import writtenOut

REMEDY = "in brackets is no range of numbers; write e.g. [1-9], [01-12] or [1,3,7-9]"


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("nice1", "nice1"),
        ("n[1-3].example.org:2222", "n1.example.org:2222 n2.example.org:2222 n3.example.org:2222"),
        ("rnice8-[1901-1903]", "rnice8-1901 rnice8-1902 rnice8-1903"),
        ("n[08-11]", "n08 n09 n10 n11"),
        ("n[8-11]", "n8 n9 n10 n11"),
        ("n[0-1]", "n0 n1"),
        ("n[000-001]", "n000 n001"),
        ("n[1,3,7-9]", "n1 n3 n7 n8 n9"),
        ("n[01,1,001]", "n01 n1 n001"),
        ("n[5]", "n5"),
        ("n[5-5]", "n5"),
        ("n[2,1]", "n2 n1"),
        ("r[1-2]n[1-3]", "r1n1 r1n2 r1n3 r2n1 r2n2 r2n3"),
        ("[1-2]n", "1n 2n"),
        ("192.0.2.[9-10]", "192.0.2.9 192.0.2.10"),
        ("n:[2201-2202]", "n:2201 n:2202"),
        ("[2001:db8::1]:22", "[2001:db8::1]:22"),
        ("[2001:db8::1]:[22-23]", "[2001:db8::1]:22 [2001:db8::1]:23"),
        ("[nice]:22", "[nice]:22"),
        ("[1-3]", "[1-3]"),
        ("n[1-3", "n[1-3"),
        ("n1-3]", "n1-3]"),
        ("n[[1-2]]", "n[1] n[2]"),
    ],
)
def test_rangeStandsForItsNumbers(given: str, texts: str) -> None:
    assert writtenOut(given, 1000) == tuple(texts.split())


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("n[]", f'"n[]": "" {REMEDY}'),
        ("n[a-c]", f'"n[a-c]": "a-c" {REMEDY}'),
        ("n[1-]", f'"n[1-]": "1-" {REMEDY}'),
        ("n[-3]", f'"n[-3]": "-3" {REMEDY}'),
        ("n[1--3]", f'"n[1--3]": "1--3" {REMEDY}'),
        ("n[1-2-3]", f'"n[1-2-3]": "1-2-3" {REMEDY}'),
        ("n[1, 3]", f'"n[1, 3]": " 3" {REMEDY}'),
        ("n[1,]", f'"n[1,]": "" {REMEDY}'),
        ("n[1..3]", f'"n[1..3]": "1..3" {REMEDY}'),
        ("n[٣-٤]", f'"n[٣-٤]": "٣-٤" {REMEDY}'),
        ("n[1-1234567890]", f'"n[1-1234567890]": "1-1234567890" {REMEDY}'),
        ("n[12-01]", '"n[12-01]": the range 12-01 is reversed; write 01-12'),
        ("n[1-3,9-7]", '"n[1-3,9-7]": the range 9-7 is reversed; write 7-9'),
        (
            "n[01-100]",
            '"n[01-100]": the ends of the range 01-100 have leading zeros and different lengths; '
            "write 001-100",
        ),
        (
            "n[1-03]",
            '"n[1-03]": the ends of the range 1-03 have leading zeros and different lengths; '
            "write 01-03",
        ),
        (
            "n[1-1001]",
            '"n[1-1001]" stands for 1001 hosts; a cluster has at most 1000: write a smaller range',
        ),
        (
            "r[1-100]n[1-11]",
            '"r[1-100]n[1-11]" stands for 1100 hosts; a cluster has at most 1000: '
            "write a smaller range",
        ),
    ],
)
def test_whatIsNoRangeIsRefusedWithTheRemedy(given: str, problem: str) -> None:
    with pytest.raises(ValueError) as refused:
        writtenOut(given, 1000)
    assert str(refused.value) == problem


def test_asManyAsThereMayBeAreWrittenOut() -> None:
    assert len(writtenOut("r[1-100]n[1-10]", 1000)) == 1000


def test_rangesAreCountedBeforeTheyAreWrittenOut() -> None:
    with pytest.raises(ValueError, match=f"stands for {999_999_999**9} hosts"):
        writtenOut("n" + "[1-999999999]" * 9, 1000)
