"""
An ECDSA host key, made by the operator, for clients that ask for one.
"""

from __future__ import annotations

import pytest
from attrs import evolve
from harness import hostkeys
from harness.gateway import Gateway, Plan
from harness.openssh import ssh

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("bastion")]


@pytest.fixture(params=[256, 384, 521])
def bits(request):
    """
    The size of the key, which says the curve.
    """
    return request.param


@pytest.fixture
def key(tmp_path, bits):
    """
    The public half of the key in the bastion's directory.
    """
    state = tmp_path / "bastion" / "state"
    state.mkdir(mode=0o700, parents=True)
    return hostkeys.make(state / "ssh_host_ecdsa_key", f"ecdsa-{bits}")


@pytest.fixture
def route(theSite, tmp_path, key):
    """
    The way through a gateway that names this key's algorithm and no other.
    """
    host = theSite.hosts["pam"]
    lines = [f'algorithms = {{ host_keys = ["{key.algorithm}"] }}']
    plan = Plan([host.target], host.knownHosts(), clientLeg=lines)
    gateway = Gateway(tmp_path / "bastion", {"ecdsa": plan}).start()
    try:
        yield evolve(theSite.through("pam"), kind="ecdsa", port=plan.port, keys=(key,))
    finally:
        gateway.stop()


def test_clientThatWantsAnEcdsaKeyGetsTheOperators(route, key, bits):
    algorithm = f"ecdsa-sha2-nistp{bits}"
    done = ssh(route, "echo in", options=["-v", f"-oHostKeyAlgorithms={algorithm}"]).ok()
    assert done.text == "in"
    said = done.stderr.splitlines()
    assert f"debug1: kex: host key algorithm: {algorithm}" in said
    assert f"debug1: Server host key: {algorithm} {key.fingerprint}" in said
