"""
Tests of L{benchmarks.crowd}.
"""

from __future__ import annotations

import socket
from collections import Counter

from benchmarks.crowd import Crowd
from benchmarks.waiting import until

SECONDS = 20


def test_crowdComesFromItsAddressesAndAgain() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        crowd = Crowd(server.getsockname()[1], 6, 3)
        with crowd.standing():
            accepted = [server.accept() for _ in range(6)]
            until(lambda: crowd.present == 6, SECONDS, "all are there")
            assert Counter(address for _, (address, _) in accepted) == {
                f"127.0.16.{number}": 2 for number in (1, 2, 3)
            }
            first, (address, _) = accepted[0]
            first.close()
            again, (sameAddress, _) = server.accept()
            assert sameAddress == address
        for connection in [again, *(each for each, _ in accepted[1:])]:
            with connection:
                said = connection.recv(100)
                assert said in (b"", b"SSH-2.0-crowd\r\n")
    assert crowd.arrivals == 7


def test_crowdThatNobodyLetsInIsNotThere() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    crowd = Crowd(port, 4, 2)
    with crowd.standing():
        assert crowd.present == 0
