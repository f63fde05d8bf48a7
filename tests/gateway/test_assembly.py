"""
L{bastion.gateway.assembly}: from a configuration to gateways that are ready.
"""

from __future__ import annotations

import base64
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.conch.ssh.keys import Key
from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogPublisher

from bastion.algorithms import COMPATIBLE_TO_CLIENTS, TO_CLIENTS
from bastion.config.installed import installed
from bastion.config.load import load
from bastion.config.problems import ConfigurationError
from bastion.gateway.assembly import assemble
from bastion.gateway.factory import GatewayFactory
from bastion.gateway.lastline import LastLine
from bastion.interfaces import HostAddress
from bastion.ssh.hostkeys import loadHostKeys
from bastion.wire import string

BLOB = string(b"ssh-ed25519") + string(bytes(32))
COMPATIBLE = COMPATIBLE_TO_CLIENTS.hostKeys
LINE = b"nice1 ssh-ed25519 " + base64.b64encode(BLOB) + b"\n"

FILE = """
[gateway.esrf]
listen = "tcp:5022"
cluster = "nice"
[gateway.esrf.admission]
per_source_startups = 1
[gateway.embl]
listen = "tcp:5024"
notice = "See its own pages."
[gateway.ill]
listen = ["tcp:5023", "tcp6:5023"]
cluster = "ill"
[cluster.nice]
hosts = ["nice1", "nice2:2222"]
select = "ordered"
[cluster.ill]
hosts = ["login.example.org"]
known_hosts = "others"
"""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A directory with host keys, for they take long to make.
    """
    directory: Path = tmp_path_factory.mktemp("keys")
    loadHostKeys(directory)
    return directory


@pytest.fixture
def directory(tmp_path: Path, keys: Path) -> Path:
    """
    A directory with all that the file names.
    """
    shutil.copytree(keys, tmp_path / "state")
    for name in ("known_hosts", "others"):
        (tmp_path / name).write_bytes(LINE)
    return tmp_path


def assembled(directory: Path, file: str = FILE) -> dict[str, GatewayFactory]:
    """
    The gateways of the file.
    """
    configuration = load(file, directory, installed)
    return dict(assemble(configuration, MemoryReactorClock(), LogPublisher()).gateways)


def offering(algorithms: str) -> str:
    """
    The file, with the algorithms of one gateway.
    """
    return FILE.replace("[gateway.ill]", f"[gateway.ill]\nalgorithms = {algorithms}")


def problems(directory: Path, file: str = FILE) -> list[str]:
    """
    The lines that the operator reads.
    """
    with pytest.raises(ConfigurationError) as caught:
        assembled(directory, file)
    return str(caught.value).splitlines()


def offered(factory: GatewayFactory) -> tuple[bytes, ...]:
    """
    The host key algorithms that a client is offered.
    """
    factory.doStart()
    transport = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1))
    assert transport is not None
    transport.otherVersionString = b"SSH-2.0-OpenSSH_9.2"
    names: tuple[bytes, ...] = transport.offered().hostKeys
    factory.doStop()
    return names


def test_everyGatewayIsBuiltInTheOrderOfTheFile(directory: Path) -> None:
    assert list(assembled(directory)) == ["esrf", "embl", "ill"]


def test_gatewaysOfAClusterHaveASiteAndNoticesHaveNone(directory: Path) -> None:
    factories = assembled(directory)

    site: Any = factories["esrf"].gateway.site
    assert site.selector.addresses == (HostAddress("nice1"), HostAddress("nice2", 2222))
    assert factories["embl"].gateway.site is None


def test_endpointsOfHostsAreByName(directory: Path) -> None:
    site: Any = assembled(directory)["esrf"].gateway.site

    endpoint = site.endpoint(HostAddress("nice2", 2222))

    assert isinstance(endpoint, HostnameEndpoint)
    assert (endpoint._hostText, endpoint._port) == ("nice2", 2222)


def test_hostKeysAreTheOnesInTheStateDirectory(directory: Path, keys: Path) -> None:
    factory = assembled(directory)["esrf"]

    factory.doStart()
    blobs = {key.blob() for key in factory.publicKeys.values()}
    assert blobs == {key.public().blob() for key in loadHostKeys(keys).values()}
    factory.doStop()


def test_missingHostKeysAreMade(directory: Path) -> None:
    shutil.rmtree(directory / "state")

    assembled(directory)

    made = directory / "state" / "ssh_host_ed25519_key"
    assert made.stat().st_mode & 0o777 == 0o600


def test_limitsOfAGatewayAreItsOwn(directory: Path) -> None:
    factories = assembled(directory)
    here = IPv4Address("TCP", "192.0.2.1", 1)
    for factory in factories.values():
        factory.doStart()
        assert factory.buildProtocol(here) is not None

    assert isinstance(factories["esrf"].buildProtocol(here), LastLine)
    assert factories["ill"].buildProtocol(here) is not None


def test_missingKnownHostsOfAllClustersAreNamed(directory: Path) -> None:
    for name in ("known_hosts", "others"):
        (directory / name).unlink()

    found = problems(directory)

    assert [line.partition(":")[0] for line in found] == [
        "cluster.nice.known_hosts",
        "cluster.ill.known_hosts",
    ]
    assert str(directory / "others") in found[1]


def test_rulesAboutAccountsHoldForEveryGateway(directory: Path) -> None:
    """
    Those of the file come first, and are the ones that it has now.
    """
    path = directory / "accounts.toml"
    path.write_text('[account.in1000]\ngateways = ["ill"]\n')
    file = '[bastion]\naccounts_file = "accounts.toml"\n' + FILE + '[account."*"]\ngateways = []\n'
    factories = assembled(directory, file)

    def refused(account: bytes) -> list[str]:
        now = datetime(2026, 11, 25, 12, 0)
        rules = {name: factory.doors.accounts() for name, factory in factories.items()}
        return [name for name in rules if rules[name].refusal(account, name, now) is not None]

    assert refused(b"in1000") == ["esrf", "embl"]
    assert refused(b"in1001") == ["esrf", "embl", "ill"]
    path.write_text("[account.in1001]\n")
    for factory in factories.values():
        clock: Any = factory.doors.clock
        clock.advance(1)
    assert refused(b"in1001") == []


def test_mistakesOfTheAccountsFileAreProblemsLikeOthers(directory: Path) -> None:
    (directory / "accounts.toml").write_text('[account.a]\ngateways = ["isis"]\nhours = 1\n')
    (directory / "others").unlink()

    found = problems(directory, '[bastion]\naccounts_file = "accounts.toml"\n' + FILE)

    assert [line.partition(":")[0] for line in found] == [
        "cluster.ill.known_hosts",
        "bastion.accounts_file",
        "bastion.accounts_file",
    ]


def test_noHostKeysAreMadeForAFileThatCannotBeUsed(directory: Path) -> None:
    shutil.rmtree(directory / "state")
    (directory / "others").unlink()

    problems(directory)

    assert not (directory / "state").exists()


def test_hostKeysThatOthersCanReadAreRefused(directory: Path) -> None:
    for path in (directory / "state").glob("ssh_host_*_key"):
        path.chmod(0o640)

    found = problems(directory)

    assert len(found) == 2
    assert all(line.startswith("bastion.state_dir: ") for line in found)
    assert all("chmod 600" in line for line in found)


def makeEcdsaKey(directory: Path, curve: ec.EllipticCurve) -> None:
    """
    Do what the operator is told to do.
    """
    path = directory / "state" / "ssh_host_ecdsa_key"
    path.touch(0o600)
    path.write_bytes(Key(ec.generate_private_key(curve)).toString("OPENSSH", subtype="v1"))


@pytest.mark.parametrize(
    ("name", "options"),
    [("ecdsa-sha2-nistp256", "-t ecdsa"), ("ecdsa-sha2-nistp384", "-t ecdsa -b 384")],
)
@pytest.mark.parametrize("others", ["", '"ssh-ed25519", "ssh-rsa", '])
def test_aNamedHostKeyThatIsMissingIsAProblem(
    others: str, name: str, options: str, directory: Path
) -> None:
    path = directory / "state" / "ssh_host_ecdsa_key"

    assert problems(directory, offering(f'{{ host_keys = [{others}"{name}"] }}')) == [
        f'gateway.ill.algorithms.host_keys: there is no host key for "{name}"; '
        f"name another one, or make the key: ssh-keygen -N '' {options} -f {path}"
    ]


def test_thereIsOneEcdsaKeyAtMost(directory: Path) -> None:
    path = directory / "state" / "ssh_host_ecdsa_key"
    file = offering('{ host_keys = ["ecdsa-sha2-nistp521", "ecdsa-sha2-nistp256"] }')
    where = "gateway.ill.algorithms.host_keys: there is no host key for"

    assert problems(directory, file) == [
        f'{where} "ecdsa-sha2-nistp521" or "ecdsa-sha2-nistp256"; '
        "there can be one such key: name one of them, and make it: "
        f"ssh-keygen -N '' -t ecdsa -b 521 -f {path}"
    ]

    makeEcdsaKey(directory, ec.SECP521R1())

    assert problems(directory, file) == [
        f'{where} "ecdsa-sha2-nistp256"; the ECDSA key there is for "ecdsa-sha2-nistp521": '
        "name that one, or make another key (users will be warned that it changed): "
        f"ssh-keygen -N '' -t ecdsa -f {path}"
    ]


def test_theDirectoryIsThereWhenTheOperatorIsToldToMakeAKeyInIt(directory: Path) -> None:
    shutil.rmtree(directory / "state")

    problems(directory, offering('{ host_keys = ["ecdsa-sha2-nistp256"] }'))

    makeEcdsaKey(directory, ec.SECP256R1())


def test_aNamedHostKeyThatIsThereIsOffered(directory: Path) -> None:
    makeEcdsaKey(directory, ec.SECP256R1())
    file = offering('{ host_keys = ["ecdsa-sha2-nistp256", "rsa-sha2-256", "ssh-rsa"] }')

    names = b"ecdsa-sha2-nistp256", b"rsa-sha2-256", b"ssh-rsa"
    assert offered(assembled(directory, file)["ill"]) == names


@pytest.mark.parametrize(
    ("algorithms", "there", "names"),
    [
        *(('"default"', there, TO_CLIENTS.hostKeys) for there in (False, True)),
        ('{ ciphers = ["aes128-ctr"] }', False, TO_CLIENTS.hostKeys),
        ('"compatible"', False, (*TO_CLIENTS.hostKeys, b"ssh-rsa")),
        ('"compatible"', True, COMPATIBLE[:1] + COMPATIBLE[2:3] + COMPATIBLE[4:]),
    ],
)
def test_aWordOffersWhatThereAreKeysFor(
    algorithms: str, there: bool, names: tuple[bytes, ...], directory: Path
) -> None:
    if there:
        makeEcdsaKey(directory, ec.SECP384R1())

    assert offered(assembled(directory, offering(algorithms))["ill"]) == names


def test_listsThatSayTheSameAsAWordNameEachOfTheirs(directory: Path) -> None:
    exchanges = [name.decode() for name in COMPATIBLE_TO_CLIENTS.keyExchanges]
    hostKeys = [name.decode() for name in COMPATIBLE]
    lists = f"{{ key_exchanges = {exchanges}, host_keys = {hostKeys} }}"

    (problem,) = problems(directory, offering(lists))

    assert problem.startswith("gateway.ill.algorithms.host_keys: there is no host key for ")
