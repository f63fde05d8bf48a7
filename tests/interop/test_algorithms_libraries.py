"""
asyncssh and paramiko with one algorithm only: as clients, and asyncssh as a host.
"""

from __future__ import annotations

import pytest
from harness import paramikoclient
from harness.algorithms import CHACHA20, FOR_ASYNC_HOSTS, FOR_CLIENTS
from harness.asyncclient import connect, perform
from harness.asynchost import options
from harness.matrix import hostName
from harness.openssh import ssh

pytestmark = [
    pytest.mark.interop,
    # What asyncssh computes with.
    pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields"),
]

#: What paramiko has not.
_NOT_PARAMIKOS = (CHACHA20, "curve25519-sha256", "diffie-hellman-group18-sha512", "ssh-rsa")


def paramikos():
    """
    The choices that paramiko has.
    """
    return [
        choice
        for choice in FOR_CLIENTS
        if not {choice.cipher, choice.keyExchange, choice.hostKey} & set(_NOT_PARAMIKOS)
    ]


@pytest.mark.parametrize("choice", FOR_CLIENTS, ids=str)
def test_asyncsshWithOneAlgorithmGetsItsDataBack(algorithms, mebibyte, choice):
    narrowed = options(choice)
    if choice.hostKey:
        narrowed["server_host_key_algs"] = [choice.hostKey]

    async def work():
        async with connect(algorithms.through(choice.gateway()), **narrowed) as connection:
            done = await connection.run("cat", input=mebibyte.data, encoding=None, check=True)
            return done.stdout, connection.get_extra_info("send_cipher")

    received, cipher = perform(work)
    assert mebibyte.matches(received)
    assert choice.cipher in ("", cipher)


@pytest.mark.parametrize("choice", FOR_ASYNC_HOSTS, ids=str)
def test_asyncsshHostWithOneAlgorithmGivesTheDataBack(algorithms, mebibyte, choice):
    route = algorithms.through(hostName("asyncssh", choice))
    assert mebibyte.matches(ssh(route, "cat", data=mebibyte.data).ok().stdout)


@pytest.mark.parametrize("choice", paramikos(), ids=str)
def test_paramikoWithOneAlgorithmGetsItsDataBack(algorithms, mebibyte, choice):
    route = algorithms.through(choice.gateway())
    with paramikoclient.transport(route, choice) as transport:
        transport.auth_password(route.account, route.password)
        channel = transport.open_session(timeout=20)
        channel.settimeout(20)
        channel.exec_command("cat")
        channel.sendall(mebibyte.data)
        channel.shutdown_write()
        with channel.makefile("rb") as output:
            assert mebibyte.matches(output.read())
        assert choice.cipher in ("", transport.local_cipher)
        assert choice.mac in ("", transport.local_mac)
