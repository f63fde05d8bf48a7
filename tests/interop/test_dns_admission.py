"""
Clients whose address is not registered in the DNS, and what each program says to its user.
"""

from __future__ import annotations

import re

import pytest
from harness.gateway import ADDRESS
from harness.putty import plink, psftp
from harness.registered import addressOf, started
from harness.visits import SILENT, TELLING

pytestmark = pytest.mark.interop

registry = pytest.fixture(scope="module")(started)

SENTENCE = (
    "Your computer's address {} {}. SSH is only open to computers that are registered in the "
    "DNS; please ask your network administrator to register it."
)
NAMELESS = "has no name in the DNS"
#: What the program's user lacks, by where it comes from.
LACKING = {
    "mismatched": "is called pc1.example.org, and that name has another address",
    "hostile": "has no valid name in the DNS",
    "looped": "could not be looked up in the DNS just now; please try again in a minute",
}

eachTelling = pytest.mark.parametrize("name", TELLING)
eachMost = pytest.mark.parametrize("name", ["ssh", "plink", "psftp", "paramiko"])


def refused(registry, visit, address, sentence, offset):
    """
    See that a visitor was told a sentence, and that the log has it with the reference
    that the visitor was told.
    """
    assert not visit.isIn
    (reference,) = set(re.findall(r"\(reference ([0-9A-Z]{6})\)", visit.said))
    assert f"{sentence} (reference {reference})" in visit.said
    events = registry.events(address, offset)
    assert "login.accepted" not in events
    assert {events[name]["reference"] for name in ("connection.opened", "login.refused")} == {
        reference
    }
    assert events["login.refused"]["reason"] == sentence
    assert f"{sentence} [{reference}]" in registry.gateway.log()


@pytest.mark.parametrize("name", {**TELLING, **SILENT})
def test_registeredUserIsLetIn(registry, name):
    offset, source = registry.gateway.auditSize(), addressOf("good")

    visit = {**TELLING, **SILENT}[name](registry.route("require"), source)

    assert visit.isIn, visit.said
    events = registry.events(source, offset)
    assert "login.accepted" in events
    assert "login.refused" not in events


@eachTelling
def test_refusedUserReadsTheSentence(registry, name):
    offset, source = registry.gateway.auditSize(), addressOf("nameless")

    visit = TELLING[name](registry.route("require"), source)

    refused(registry, visit, source, SENTENCE.format(source, NAMELESS), offset)


@eachMost
@pytest.mark.parametrize("lacking", LACKING)
def test_refusedUserReadsWhatIsMissing(registry, name, lacking):
    offset, source = registry.gateway.auditSize(), addressOf(lacking)

    visit = TELLING[name](registry.route("require"), source)

    refused(registry, visit, source, SENTENCE.format(source, LACKING[lacking]), offset)


@eachMost
def test_refusedUserReadsTheOperatorsWords(registry, name):
    offset, source = registry.gateway.auditSize(), addressOf("nameless")

    visit = TELLING[name](registry.route("worded"), source)

    sentence = f"{source} {NAMELESS}; call the helpdesk, extension 2424."
    refused(registry, visit, source, sentence, offset)


@pytest.mark.parametrize(("perform", "command"), [(plink, "true"), (psftp, "pwd")])
def test_puttyThatConnectsByItselfSaysTheSame(registry, perform, command):
    offset = registry.gateway.auditSize()

    done = perform(registry.route("require"), command)

    assert done.status == 1
    sentence = SENTENCE.format(ADDRESS, NAMELESS)
    (refusal,) = [e for e in registry.gateway.audit(offset=offset) if e["event"] == "login.refused"]
    assert refusal["reason"] == sentence
    assert (
        "FATAL ERROR: Remote side sent disconnect message\n"
        "type 11 (by application):\n"
        f'"{sentence} (reference {refusal["reference"]})"\n'
    ) in done.stderr


@pytest.mark.parametrize("name", SILENT)
def test_programThatSaysNothingIsRefusedAllTheSame(registry, name):
    offset, source = registry.gateway.auditSize(), addressOf("nameless")

    visit = SILENT[name](registry.route("require"), source)

    assert not visit.isIn
    events = registry.events(source, offset)
    assert events["login.refused"]["reason"] == SENTENCE.format(source, NAMELESS)
    assert "login.accepted" not in events


@eachTelling
def test_nothingOfAHostileNameIsShownOrWrittenDown(registry, name):
    """
    It would clear the screen, set a title, and move the cursor.
    """
    offset, logged = registry.gateway.auditSize(), registry.gateway.server.size()
    source = addressOf("hostile")

    visit = TELLING[name](registry.route("require"), source)

    shown = visit.said + registry.gateway.server.text(logged)
    assert not re.search(r"[^\x20-\x7e\r\n]|title", shown)
    lines = (registry.gateway.state / "audit.jsonl").read_bytes()[offset:]
    assert not re.search(rb"[^\x20-\x7e\n]|\\u|\\x|title", lines)
