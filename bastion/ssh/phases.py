"""
Which messages a peer may send when, as a table.

RFC 4253 sections 7 and 10, RFC 4252 sections 5 and 6.  Whatever the table does
not name ends the connection: messages that arrive before their time are how
servers were talked into skipping the login (CVE-2018-10933, CVE-2025-32433) or
into believing what was never encrypted (CVE-2023-46445).
"""

from __future__ import annotations

import enum

from bastion.wire import (
    MSG_DEBUG,
    MSG_DISCONNECT,
    MSG_EXT_INFO,
    MSG_IGNORE,
    MSG_KEXINIT,
    MSG_NEWKEYS,
    MSG_PING,
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
    MSG_UNIMPLEMENTED,
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_INFO_RESPONSE,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
)


class Phase(enum.Enum):
    """
    How far a transport has come.
    """

    KEY_EXCHANGE = "key exchange"
    SERVICE = "service request"
    LOGIN = "login"
    CONNECTION = "connection"

    # They are told apart by what they are, and looked up for each message: Enum's own
    # hash, of the name, costs more than the rest of the look-up.
    __hash__ = object.__hash__


#: What a peer may send at any time.
ALWAYS = frozenset({MSG_DISCONNECT, MSG_IGNORE, MSG_UNIMPLEMENTED, MSG_DEBUG})
#: Numbers 30 to 49 belong to the key exchange method (RFC 4250 section 4.1.2).
KEX_METHOD = frozenset(range(30, 50))
#: What only a key exchange in progress may bring, beside KEXINIT that starts one.
KEX_PROGRESS = KEX_METHOD | {MSG_NEWKEYS}
_KEX = KEX_PROGRESS | {MSG_KEXINIT}
#: RFC 4250 section 4.1.2: 80 to 127 are the connection protocol's.
_CONNECTION = frozenset(range(80, 128))

# Before the login is done nobody has a use for new keys, and a stranger could let us
# compute them all the time.
FROM_CLIENT: dict[Phase, frozenset[int]] = {
    Phase.KEY_EXCHANGE: ALWAYS | _KEX,
    Phase.SERVICE: ALWAYS | {MSG_EXT_INFO, MSG_SERVICE_REQUEST},
    Phase.LOGIN: ALWAYS | {MSG_SERVICE_REQUEST, MSG_USERAUTH_REQUEST, MSG_USERAUTH_INFO_RESPONSE},
    # A login request that was under way when the login succeeded is ignored
    # (RFC 4252 section 5.3).
    Phase.CONNECTION: ALWAYS | _KEX | _CONNECTION | {MSG_USERAUTH_REQUEST, MSG_PING},
}

FROM_HOST: dict[Phase, frozenset[int]] = {
    Phase.KEY_EXCHANGE: ALWAYS | _KEX,
    Phase.SERVICE: ALWAYS | {MSG_EXT_INFO, MSG_SERVICE_ACCEPT},
    Phase.LOGIN: ALWAYS
    | {
        MSG_EXT_INFO,
        MSG_USERAUTH_FAILURE,
        MSG_USERAUTH_SUCCESS,
        MSG_USERAUTH_BANNER,
        MSG_USERAUTH_INFO_REQUEST,
    },
    Phase.CONNECTION: ALWAYS | _KEX | _CONNECTION | {MSG_EXT_INFO},
}
