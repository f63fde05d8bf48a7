"""
Moving data: one stream, with a command and by sftp, and many small files.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.client import Failed
from benchmarks.way import Scale, Way

_MIB = 1 << 20
#: Results are for so many small files, whatever the scale.
_FILES = 1000
_FILE_SIZE = 4096

#: Prints how many bytes a program writes, without reading them itself.
_COUNTED = ("/bin/sh", "-c", '"$@" | wc -c', "counted")


def download(way: Way, scale: Scale) -> dict[str, float]:
    """
    C{ssh host cat FILE}.
    """
    source = blob(way.data, scale.mebibytes)

    def work(empty: bool) -> None:
        path = os.devnull if empty else source
        printed = way.client.run([*_COUNTED, *way.client.ssh(f"cat {path}")]).stdout
        _check(int(printed), 0 if empty else scale.mebibytes * _MIB)

    return _bulk(way, scale, "download", work)


def upload(way: Way, scale: Scale) -> dict[str, float]:
    """
    C{ssh host wc -c <FILE}.
    """
    source = blob(way.data, scale.mebibytes)

    def work(empty: bool) -> None:
        printed = way.client.run(way.client.ssh("wc -c"), None if empty else source).stdout
        _check(int(printed), 0 if empty else scale.mebibytes * _MIB)

    return _bulk(way, scale, "upload", work)


def get(way: Way, scale: Scale) -> dict[str, float]:
    """
    C{get FILE} of sftp.
    """
    source = blob(way.data, scale.mebibytes)
    return _copy(way, scale, "get", source, way.data / "local")


def put(way: Way, scale: Scale) -> dict[str, float]:
    """
    C{put FILE} of sftp.
    """
    source = blob(way.data, scale.mebibytes)
    return _copy(way, scale, "put", source, remote(way))


def files(way: Way, scale: Scale) -> dict[str, float]:
    """
    C{put -r DIRECTORY} and C{get -r DIRECTORY} of sftp, with small files in it.
    """
    return {
        "files.put": _many(way, scale.files, "put", remote(way)),
        "files.get": _many(way, scale.files, "get", way.data / "local"),
    }


def blob(directory: Path, mebibytes: int) -> Path:
    """
    A file of random bytes; made at the first call.
    """
    path = directory / f"{mebibytes}MiB"
    if not path.exists():
        with path.open("wb") as file:
            for _ in range(mebibytes):
                file.write(os.urandom(_MIB))
    return path


def remote(way: Way) -> Path:
    """
    A directory of the account's.
    """
    path = way.data / "remote"
    if not path.exists():
        path.mkdir()
        way.account.give(path)
    return path


def _copy(way: Way, scale: Scale, verb: str, source: Path, parent: Path) -> dict[str, float]:
    """
    One file by sftp.
    """
    parent.mkdir(exist_ok=True)
    target = parent / "copy"

    def work(empty: bool) -> None:
        _sftp(way, "pwd" if empty else f"{verb} {source} {target}")

    try:
        found = _bulk(way, scale, verb, work)
        _check(target.stat().st_size, scale.mebibytes * _MIB)
    finally:
        target.unlink(missing_ok=True)
    return found


def _many(way: Way, count: int, verb: str, parent: Path) -> float:
    """
    Small files by sftp.

    @return: the seconds that L{_FILES} take.
    """
    source, there = _smallFiles(way.data, count), parent / "many"
    parent.mkdir(exist_ok=True)
    empty = way.cost(lambda: _sftp(way, "pwd"))
    full = way.cost(lambda: _sftp(way, f"{verb} -r {source} {there}"))
    _check(len(list(there.iterdir())), count)
    shutil.rmtree(there)
    return (full.wall - empty.wall) * _FILES / count


def _sftp(way: Way, batch: str) -> None:
    way.client.run(way.client.sftp(f"{batch}\n"))


def _bulk(way: Way, scale: Scale, name: str, work: Callable[[bool], None]) -> dict[str, float]:
    """
    Do it with nothing to move and with everything.

    @param work: is told whether there is nothing to move.
    """
    empty, full = way.cost(lambda: work(True)), way.cost(lambda: work(False))
    found = {f"{name}.rate": scale.mebibytes / max(full.wall - empty.wall, 1e-3)}
    if way.group is not None:
        found[f"{name}.cpu"] = (full.cpu - empty.cpu) * 1024 / scale.mebibytes
    return found


def _smallFiles(directory: Path, count: int) -> Path:
    path = directory / f"{count}files"
    if not path.exists():
        path.mkdir()
        for number in range(count):
            (path / f"{number:05}").write_bytes(os.urandom(_FILE_SIZE))
    return path


def _check(found: int, expected: int) -> None:
    if found != expected:
        raise Failed(f"{found} of {expected} arrived")
