"""
The life of one connection, as a machine.

What is done in each transition is L{Acts}; when it is done is said here and
nowhere else.
"""

from __future__ import annotations

from typing import Protocol

from automat import TypeMachineBuilder


class Life(Protocol):
    """
    What happens to a connection.
    """

    def accepted(self) -> None:
        """
        The host has accepted the login, and the client knows.
        """

    def dismiss(self, sentence: str) -> None:
        """
        We end the connection, and tell the user why.
        """

    def hostLost(self) -> None:
        """
        The connection to the host is gone.
        """

    def clientLost(self) -> None:
        """
        The connection to the client is gone.
        """


class Acts:
    """
    What is done about it.
    """

    def join(self) -> None:
        """
        Couple the two transports.
        """

    def tell(self, sentence: str) -> None:
        """
        Tell the user, and close both connections.
        """

    def withoutHost(self) -> None:
        """
        The host went away during the login.
        """

    def followHost(self) -> None:
        """
        Close the client's connection behind what the host has sent.
        """

    def followClient(self) -> None:
        """
        Close the host's connection behind what the client has sent.
        """

    def record(self) -> None:
        """
        Write down how it was.
        """


builder = TypeMachineBuilder(Life, Acts)

arriving = builder.state("arriving")
relaying = builder.state("relaying")
leaving = builder.state("leaving")
gone = builder.state("gone")


@arriving.upon(Life.accepted).to(relaying)
def _join(life: Life, acts: Acts) -> None:
    acts.join()


@arriving.upon(Life.hostLost).to(arriving)
def _withoutHost(life: Life, acts: Acts) -> None:
    acts.withoutHost()


@arriving.upon(Life.dismiss).to(leaving)
def _refuse(life: Life, acts: Acts, sentence: str) -> None:
    acts.tell(sentence)


@relaying.upon(Life.dismiss).to(leaving)
def _end(life: Life, acts: Acts, sentence: str) -> None:
    acts.tell(sentence)


@relaying.upon(Life.hostLost).to(leaving)
def _followHost(life: Life, acts: Acts) -> None:
    acts.followHost()


@arriving.upon(Life.clientLost).to(gone)
def _leftEarly(life: Life, acts: Acts) -> None:
    acts.followClient()
    acts.record()


@relaying.upon(Life.clientLost).to(gone)
def _left(life: Life, acts: Acts) -> None:
    acts.followClient()
    acts.record()


@leaving.upon(Life.clientLost).to(gone)
def _gone(life: Life, acts: Acts) -> None:
    acts.record()


leaving.upon(Life.accepted).loop().returns(None)
leaving.upon(Life.hostLost).loop().returns(None)
leaving.upon(Life.dismiss).loop().returns(None)
relaying.upon(Life.accepted).loop().returns(None)
gone.upon(Life.accepted).loop().returns(None)
gone.upon(Life.hostLost).loop().returns(None)
gone.upon(Life.dismiss).loop().returns(None)
gone.upon(Life.clientLost).loop().returns(None)

begin = builder.build()
