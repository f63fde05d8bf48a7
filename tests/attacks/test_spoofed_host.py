"""
Attack A25: something else answers where a host should be: after its name was pointed
elsewhere, at another port, with a key of another kind.  Nothing is taken on trust, the
first time or any other, and not a byte of a credential leaves.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attacking.client import RIGHT, Client
from attacking.exchange import Lists, keyBlob
from attacking.host import KEY, OTHER_KEY, Host
from attacking.peer import Peer
from attacking.stages import Stage
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from twisted.conch.ssh.keys import Key

from bastion.interfaces import HostAddress
from bastion.ssh.acceptedkeys import AcceptedKeys, KnownKeys
from bastion.ssh.knownhosts import KnownHostsFile
from bastion.wire import MSG_KEX_ECDH_REPLY, MSG_SERVICE_REQUEST, string

RSA = Key(rsa.generate_private_key(65537, 2048)).public().blob()
ECDSA = Key(ec.generate_private_key(ec.SECP256R1())).public().blob()


def line(names: str, blob: bytes) -> str:
    """
    A line of known_hosts.
    """
    size = int.from_bytes(blob[:4])
    return f"{names} {blob[4 : 4 + size].decode()} {base64.b64encode(blob).decode()}\n"


KNOWN = line("nice1", keyBlob(KEY))

Known = Callable[..., Any]


@pytest.fixture
def known(siteOf: Any, tmp_path: Path) -> Iterator[Known]:
    """
    Makes a site with one host, by the lines of known_hosts; they have to be the same in
    the end, and no key may have been accepted.
    """
    path, accepted = tmp_path / "known_hosts", tmp_path / "accepted_hosts"
    made: list[Any] = []

    def make(*lines: str) -> Any:
        path.write_text("".join(lines))
        made.append("".join(lines))
        keys = KnownKeys(KnownHostsFile(path), AcceptedKeys(accepted), HostAddress("nice1"))
        made.append(siteOf(count=1, hostKeys=keys))
        return made[-1]

    yield make
    assert path.read_text() == made[0]
    assert not accepted.exists()
    # For the look at what is left, which needs a host that is right.
    path.write_text(f"{KNOWN}# and nothing else\n")


def nothingWasShown(site: Any, times: int = 1) -> None:
    """
    See that the host has come nowhere near a name or a password, and that the operator
    is told.
    """
    assert len(site.hosts["nice1"]) >= times
    for host in site.hosts["nice1"]:
        assert host.stage <= Stage.KEYED
        assert MSG_SERVICE_REQUEST not in host.numbers()
        assert host.guesses == []
        assert host.gone
    assert site.named("login.accepted") == []
    assert site.client.gone


#: What known_hosts may say of others, and of what the host is not.
OTHERS = {
    "nothing": [],
    "another name": [line("nice2", keyBlob(OTHER_KEY))],
    "another name that ends so": [line("*.nice1,nice1.example.org,xnice1", keyBlob(OTHER_KEY))],
    "another port": [line("[nice1]:2222", keyBlob(OTHER_KEY))],
    "not that one": [line("!nice1,*", keyBlob(OTHER_KEY))],
    "an authority": [f"@cert-authority {line('nice1', keyBlob(OTHER_KEY))}"],
    "revoked": [f"@revoked {line('*', keyBlob(OTHER_KEY))}", line("nice1", keyBlob(OTHER_KEY))],
}


@pytest.mark.parametrize("own", [[], [KNOWN]], ids=["an unknown host", "a known host"])
@pytest.mark.parametrize("others", OTHERS.values(), ids=OTHERS)
def test_keyOfSomethingElseIsNotTheHosts(known: Known, own: Any, others: Any) -> None:
    """
    Such as that of another host of ours, where the DNS leads to it.
    """
    site = known(*own, *others)
    site.makeHost["nice1"] = lambda: Host(key=OTHER_KEY)

    site.connects(Client())

    nothingWasShown(site)
    [refused] = site.named("host.refused")
    assert refused["host"] == "nice1"


def test_hostThatIsNotKnownIsNotLearned(known: Known) -> None:
    """
    However often it is there.
    """
    site = known()
    site.makeHost["nice1"] = lambda: Host(key=OTHER_KEY)
    for _ in range(5):
        site.connects(Client())
        site.clock.advance(60)
        site.settle()
    nothingWasShown(site, times=2)


def test_hostWhoseKeyIsKnownIsTheRightOne(known: Known) -> None:
    """
    That the tests above would notice if they refused everything.
    """
    site = known(line("nice1", keyBlob(OTHER_KEY)))
    site.makeHost["nice1"] = lambda: Host(key=OTHER_KEY)
    client = site.connects(Client())
    assert client.stage is Stage.SESSION
    assert site.host.guesses == [RIGHT]


# The kind of the key


@pytest.mark.parametrize("kind", [b"rsa-sha2-512", b"ecdsa-sha2-nistp256", b"ssh-rsa"])
def test_hostThatHasOnlyAnotherKindOfKeyIsNotIt(known: Known, kind: bytes) -> None:
    site = known(KNOWN)
    usual = Host().usual()
    lists = Lists(usual.keyExchanges, (kind,), usual.ciphers, usual.macs, usual.compressions)
    site.makeHost["nice1"] = lambda: Host(key=OTHER_KEY, lists=lists)

    site.connects(Client())

    nothingWasShown(site)


def test_keyOfAKindThatIsNotKnownIsRefused(known: Known) -> None:
    """
    It is asked for last, so that an operator can see which key it is.
    """
    site = known(line("nice1", RSA), line("nice1", ECDSA))
    site.makeHost["nice1"] = lambda: Host(key=OTHER_KEY)

    site.connects(Client())

    asked = Lists.parse(b"\x14" + site.host.heard[0][1]).hostKeys
    assert asked.index(b"ssh-ed25519") > asked.index(b"rsa-sha2-256")
    nothingWasShown(site)
    [refused] = site.named("host.refused")
    assert "SHA256:" in str(refused)


@pytest.mark.parametrize("blob", [RSA, ECDSA, keyBlob(OTHER_KEY)], ids=["rsa", "ecdsa", "ed25519"])
@pytest.mark.parametrize("isKnown", [False, True])
def test_keyOfAnotherKindThanWasAgreedIsRefused(known: Known, blob: bytes, isKnown: bool) -> None:
    """
    Also one that is the host's: its signature is of the wrong kind.
    """
    site = known(KNOWN, *([line("nice1", blob)] if isKnown else []))

    class Swapped(Host):
        """
        A host that sends another key than it signs with.
        """

        def sends(self, number: int, payload: bytes = b"") -> None:
            """
            See L{Peer}.
            """
            if number == MSG_KEX_ECDH_REPLY:
                payload = string(blob) + payload[len(string(keyBlob(KEY))) :]
            Peer.sends(self, number, payload)

    site.makeHost["nice1"] = lambda: Swapped()

    site.connects(Client())

    nothingWasShown(site)
