"""
How far a connection has come.
"""

from __future__ import annotations

from enum import IntEnum


class Stage(IntEnum):
    """
    How far a peer has come, by what it has said last.
    """

    CONNECTED = 0
    IDENTIFIED = 1
    ASKED = 2  # KEXINIT
    AGREED = 3  # its public value
    KEYED = 4  # NEWKEYS
    SERVICE = 5  # the login service was requested, or accepted
    LOGIN = 6  # `none` was asked, or refused
    DECIDING = 7  # the password was sent; the host has not answered
    SESSION = 8


#: The stages in which nothing is encrypted.
UNENCRYPTED = (Stage.CONNECTED, Stage.IDENTIFIED, Stage.ASKED, Stage.AGREED)
#: Those after the keys, and before the session.
UNPROVED = (Stage.KEYED, Stage.SERVICE, Stage.LOGIN, Stage.DECIDING)
