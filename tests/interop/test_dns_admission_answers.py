"""
What the DNS can answer about a client, and what becomes of the client.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.registered import addressOf, started
from harness.visits import TELLING
from harness.waiting import until

pytestmark = pytest.mark.interop

registry = pytest.fixture(scope="module")(started)

SECONDS = 20
UNKNOWN = "could not be looked up in the DNS just now; please try again in a minute"
LATE = "there was no answer within 3 s"
#: What is missing, by where the client comes from.
LACKING = {
    "nameless": "has no name in the DNS",
    "mismatched": "is called pc1.example.org, and that name has another address",
    "addressless": "is called pc3.example.org, and that name has no address",
    "hostile": "has no valid name in the DNS",
    "thousand": "is called pc1000.example.org, and that name has no address",
}
#: Why it is not known, for the operator.
UNANSWERED = {
    "looped": "an answer is no good: it has too many aliases",
    "silent": LATE,
    "silent about the name": LATE,
    "too slow": LATE,
    "silent by TCP": LATE,
    "a bomb by TCP": "127.0.0.94 has sent a reply that is no good: "
    "a pointer does not lead backwards",
}


def visit(registry, gateway, source, account=""):
    """
    Log in with ssh.

    @param account: another name than that of the account that there is.
    @return: whether that was possible, what ssh has said, and the events.
    """
    offset = registry.gateway.auditSize()
    route = registry.route(gateway)
    made = TELLING["ssh"](route.as_(account or route.account), addressOf(source))
    events = registry.events(addressOf(source), offset)
    assert made.isIn == ("login.accepted" in events) != ("login.refused" in events)
    return made.isIn, made.said, events


@pytest.mark.parametrize(
    "source", ["good", "inside", "one of a thousand", "chained", "slow", "by TCP"]
)
def test_registeredClientIsLetIn(registry, source):
    isIn, said, _ = visit(registry, "require", source)

    assert isIn, said


@pytest.mark.parametrize("gateway", ["require", "admit"])
@pytest.mark.parametrize("source", LACKING)
def test_unregisteredClientIsRefused(registry, source, gateway):
    isIn, said, events = visit(registry, gateway, source)

    assert not isIn
    assert f"Your computer's address {addressOf(source)} {LACKING[source]}. " in said
    assert f"(reference {events['login.refused']['reference']})" in said


def test_clientIsRefusedWhenTheDnsDoesNotAnswer(registry):
    """
    All at once, for it takes its time.
    """
    logged = registry.gateway.server.size()

    with ThreadPoolExecutor(len(UNANSWERED)) as pool:
        visits = [*pool.map(lambda source: visit(registry, "require", source), UNANSWERED)]

    text = registry.gateway.server.text(logged)
    for (source, reason), (isIn, said, events) in zip(UNANSWERED.items(), visits, strict=True):
        assert not isIn, source
        assert f"Your computer's address {addressOf(source)} {UNKNOWN}. " in said
        assert f"(reference {events['login.refused']['reference']})" in said
        assert f"{addressOf(source)} could not be looked up: {reason}" in text


@pytest.mark.parametrize("source", ["silent", "looped"])
def test_clientIsLetInThenIfTheOperatorSaysSo(registry, source):
    isIn, said, events = visit(registry, "admit", source)

    assert isIn, said
    told = events["admission.reported"]
    assert f" {addressOf(source)} {UNKNOWN}. " in told["reason"]
    assert told["reference"] == events["login.accepted"]["reference"]
    assert UNKNOWN not in said


def test_clientIsLetInAsSoonAsTheDnsAnswers(registry):
    isIn, said, _ = visit(registry, "require", "flapping")
    assert not isIn
    assert UNKNOWN in said

    until(lambda: visit(registry, "require", "flapping")[0], SECONDS, "it is looked up again")


def test_clientOfAnotherDomainIsRefused(registry):
    isIn, said, events = visit(registry, "suffixes", "good")

    assert not isIn
    missing = "is called pc1.example.org, which is not in the domains that may come in. "
    assert f"Your computer's address {addressOf('good')} {missing}" in said
    assert missing in events["login.refused"]["reason"]


def test_clientOfTheDomainIsLetIn(registry):
    isIn, said, _ = visit(registry, "suffixes", "inside")

    assert isIn, said


@pytest.mark.parametrize("source", {**LACKING, "silent": UNKNOWN})
def test_clientThatWouldBeRefusedIsReported(registry, source):
    isIn, said, events = visit(registry, "report", source)

    assert isIn
    missing = {**LACKING, "silent": UNKNOWN}[source]
    told = events["admission.reported"]
    assert told["reason"].startswith(f"Your computer's address {addressOf(source)} {missing}. ")
    assert told["reference"] == events["login.accepted"]["reference"]
    assert missing not in said
    shown = f"{addressOf(source)} would be refused by report: {told['reason']}"
    assert f"{shown} [{told['reference']}]" in registry.gateway.log()


def test_nothingIsReportedOfARegisteredClient(registry):
    isIn, _, events = visit(registry, "report", "good")

    assert isIn
    assert "admission.reported" not in events


def test_refusedClientReachesNoHost(registry):
    """
    But what is kept ready for others.
    """
    host = registry.site.hosts["pam"].server
    before = host.size()

    isIn, _, events = visit(registry, "require", "nameless", "never-seen")

    assert not isIn
    assert "never-seen" not in host.text(before)
    assert events["login.refused"].get("host") is None
