"""
Peers that keep the rules in a login: a host that judges, and a client that asks.
"""

from __future__ import annotations

from typing import Any

from attacking.client import RIGHT, password

from bastion.auth.messages import InfoResponse, Password, Request
from bastion.wire import (
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_INFO_RESPONSE,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
)
from fuzzing.messages import CHANGED, DIALOGUE, NONE, ONE_QUESTION, REFUSED, answers
from fuzzing.players import PlayingClient, PlayingHost


class Judge(PlayingHost):
    """
    A host where one password is right, in each of the two ways.
    """

    def hears(self, number: int, payload: bytes) -> None:
        """
        See L{PlayingHost}.
        """
        super().hears(number, payload)
        if number == MSG_SERVICE_REQUEST:
            self.says(MSG_SERVICE_ACCEPT, payload)
        elif number == MSG_USERAUTH_REQUEST:
            self._judges(Request.parse(payload))
        elif number == MSG_USERAUTH_INFO_RESPONSE:
            self._decides(InfoResponse.parse(payload).answers == (RIGHT,))

    def _judges(self, request: Request) -> None:
        if request.method == b"keyboard-interactive":
            self.says(MSG_USERAUTH_INFO_REQUEST, ONE_QUESTION)
        else:
            isPassword = request.method == b"password"
            self._decides(isPassword and Password.parse(request.fields).password == RIGHT)

    def _decides(self, isRight: bool) -> None:
        if isRight:
            self.says(MSG_USERAUTH_SUCCESS)
        else:
            self.says(MSG_USERAUTH_FAILURE, REFUSED)


class Applicant(PlayingClient):
    """
    A client that asks for a login, in one way and in the other.

    @ivar patience: how often it asks.
    @ivar method: of its last request.
    """

    def __init__(self, patience: int, **own: Any) -> None:
        super().__init__(**own)
        self.patience = patience
        self.method = b""

    def hears(self, number: int, payload: bytes) -> None:
        """
        See L{PlayingClient}.
        """
        super().hears(number, payload)
        if number == MSG_SERVICE_ACCEPT:
            self._asks(NONE, b"none")
        elif number == MSG_USERAUTH_FAILURE and self.patience:
            self.patience -= 1
            if self.method == b"password":
                self._asks(DIALOGUE, b"keyboard-interactive")
            else:
                self._asks(password(), b"password")
        elif number == MSG_USERAUTH_INFO_REQUEST and self.method == b"password":
            self._asks(CHANGED, b"password")
        elif number == MSG_USERAUTH_INFO_REQUEST:
            self.says(MSG_USERAUTH_INFO_RESPONSE, answers(RIGHT, RIGHT))

    def _asks(self, payload: bytes, method: bytes) -> None:
        self.method = method
        self.says(MSG_USERAUTH_REQUEST, payload)
