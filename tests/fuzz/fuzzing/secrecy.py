"""
Which passwords somebody has published.
"""

from __future__ import annotations

from attacking.memory import SECRETS

from bastion.auth.messages import Request
from bastion.wire import MSG_USERAUTH_REQUEST, Malformed
from fuzzing.tally import LINE

#: Texts of these are written down: who somebody says to be, goodbyes, the names of
#: services, methods and algorithms, what channels lead to.
_WRITTEN_DOWN = {LINE, 1, 5, 20, 51, 80, 90, 98}


def discreet(number: int, payload: bytes) -> bytes:
    """
    A message without the passwords in it, where they stand in a place that is written
    down; anywhere else they may be in no log.
    """
    written = _written(number, payload)
    for secret in SECRETS:
        if secret in written:
            payload = payload.replace(secret, bytes(len(secret)))
    return payload


def _written(number: int, payload: bytes) -> bytes:
    if number in _WRITTEN_DOWN:
        return payload
    if number != MSG_USERAUTH_REQUEST:
        return b""
    try:
        request = Request.parse(payload)
    except Malformed:
        return b""
    return b" ".join((request.account, request.service, request.method))
