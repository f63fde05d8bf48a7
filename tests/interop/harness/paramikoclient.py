"""
paramiko as a client, down to single requests of the login protocol.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko

from harness.algorithms import ANY, Choice
from harness.clients import LIMIT
from harness.routes import Route

# What its thread meets after a refused login is expected here.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


@contextmanager
def transport(route: Route, choice: Choice = ANY) -> Iterator[paramiko.Transport]:
    """
    An encrypted connection with a checked host key, before any login.

    @param choice: the only algorithms that it has.
    """
    opened = paramiko.Transport((route.address, route.port))
    _narrow(opened.get_security_options(), choice)
    opened.banner_timeout = opened.auth_timeout = LIMIT
    try:
        opened.start_client(timeout=LIMIT)
        key = opened.get_remote_server_key()
        known = {(each.algorithm, each.blob) for each in route.keys}
        assert (key.get_name(), key.get_base64()) in known
        yield opened
    finally:
        opened.close()
        opened.join(10)


def _narrow(security: paramiko.SecurityOptions, choice: Choice) -> None:
    named = {
        "kex": choice.keyExchange,
        "key_types": choice.hostKey,
        "ciphers": choice.cipher,
        "digests": choice.mac,
    }
    for what, name in named.items():
        if name:
            setattr(security, what, (name,))


def methods(route: Route) -> set[str]:
    """
    The methods that C{none} is answered with.
    """
    with transport(route) as opened:
        try:
            opened.auth_none(route.account)
        except paramiko.BadAuthenticationType as refusal:
            return set(refusal.allowed_types)
    return set()


@contextmanager
def client(route: Route) -> Iterator[paramiko.SSHClient]:
    """
    paramiko as programs use it.
    """
    connected = paramiko.SSHClient()
    connected.load_host_keys(str(route.knownHosts()))
    connected.set_missing_host_key_policy(paramiko.RejectPolicy())
    try:
        connected.connect(
            route.address,
            route.port,
            route.account,
            route.password,
            allow_agent=False,
            look_for_keys=False,
            timeout=LIMIT,
            banner_timeout=LIMIT,
            auth_timeout=LIMIT,
        )
        yield connected
    finally:
        connected.close()
