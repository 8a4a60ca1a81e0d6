"""Files that an agent can leave in a store. Every function gets the directory of its segment."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

from agentrun_store.log import _CHECKED, _CRC, _HEAD, HEADER, MAGIC

LOG = "checkpoints.log"


def deep_tree(top: Path, levels: int) -> None:
    """Directories within each other, deeper than any path can name."""
    fd = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open("bottom", os.O_WRONLY | os.O_CREAT, dir_fd=fd))
    os.close(fd)


def depth(top: Path) -> int:
    """How many directories `d` are within each other."""
    fd, levels = os.open(top, os.O_RDONLY), 0
    while "d" in os.listdir(fd):  # noqa: PTH208 - no path is as long
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd, levels = below, levels + 1
    os.close(fd)
    return levels


def _instead_of_the_log(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def shape(segment: Path) -> None:
        (segment / LOG).unlink()
        make(segment / LOG)

    return shape


def _instead_of(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    """In the thread's directory: what older layouts let an agent do, or a volume's own mount."""

    def shape(segment: Path) -> None:
        path = segment.parent.parent / name
        if path.exists():
            path.rename(segment.parent.parent / f"old-{name}")
        make(path)

    return shape


def _log_without_mode(segment: Path) -> None:
    (segment / LOG).chmod(0)


def _long_meta(path: Path) -> None:
    head = _HEAD.pack(MAGIC, 1, 3 << 30, 0, 0, 0)[:_CHECKED] + _CRC.pack(0)
    path.write_bytes(HEADER + head)
    os.truncate(path, 4 << 30)


def _many_heads(path: Path) -> None:
    """Each says that four megabytes of meta follow, and lies."""
    head = _HEAD.pack(MAGIC, 1, 4 << 20, 0, 0, 0)
    path.write_bytes(HEADER + b"x" + head * 300_000)


def _socket(path: Path) -> None:
    here = os.open(".", os.O_RDONLY)
    os.chdir(path.parent)  # the path of a socket may not be long
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.fchdir(here)
        os.close(here)


def _sparse(path: Path) -> None:
    path.write_bytes(HEADER)
    os.truncate(path, 1 << 40)


def _locked_tree(segment: Path) -> None:
    for name in ("a", "b"):
        (segment / "workspace" / name / "c" / "d").mkdir(parents=True)
        (segment / "workspace" / name / "c" / "d" / "file").write_text("")
    for path in ("a/c/d", "a/c", "a", "b/c/d", "b"):
        (segment / "workspace" / path).chmod(0)
    segment.chmod(0)


def _tombstone(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    def shape(segment: Path) -> None:
        tombstones = segment.parent.parent / "tombstones"
        tombstones.mkdir(exist_ok=True)
        make(tombstones / (name or segment.name.partition("-")[2]))

    return shape


def _directory(path: Path) -> None:
    (path / "in" / "it").mkdir(parents=True)


OF_A_SEGMENT: dict[str, Callable[[Path], object]] = {
    "log without permissions": _log_without_mode,
    "log a link to a device": _instead_of_the_log(lambda path: path.symlink_to("/dev/zero")),
    "log a link to itself": _instead_of_the_log(lambda path: path.symlink_to(path.name)),
    "log a directory": _instead_of_the_log(_directory),
    "log a pipe": _instead_of_the_log(os.mkfifo),
    "log a socket": _instead_of_the_log(_socket),
    "log sparse": _instead_of_the_log(_sparse),
    "log with a long meta": _instead_of_the_log(_long_meta),
    "log of many heads": _instead_of_the_log(_many_heads),
    "deep tree": lambda segment: deep_tree(segment, 5_000),
    "locked tree": _locked_tree,
}
"""What an agent can do to its own segment."""

OF_A_THREAD: dict[str, Callable[[Path], object]] = {
    "segments without permissions": lambda segment: segment.parent.chmod(0),
    "segments a link": _instead_of("segments", lambda path: path.symlink_to("old-segments")),
    "segments a file": _instead_of("segments", lambda path: path.write_text("")),
    "segments a pipe": _instead_of("segments", os.mkfifo),
    "tombstones a link": _instead_of("tombstones", lambda path: path.symlink_to("segments")),
    "tombstones a file": _instead_of("tombstones", lambda path: path.write_text("")),
    "tombstones a pipe": _instead_of("tombstones", os.mkfifo),
    "tombstones read-only": _instead_of("tombstones", lambda path: path.mkdir(0o500)),
    "its tombstone a directory": _tombstone("", _directory),
    "its tombstone a pipe": _tombstone("", os.mkfifo),
    "its tombstone a link": _tombstone("", lambda path: path.symlink_to("/dev/zero")),
    "its new tombstone a pipe": lambda segment: _tombstone(
        f".{segment.name.partition('-')[2]}.new", os.mkfifo
    )(segment),
    "a tombstone of a number without an end": _tombstone(
        "cccccccc-0000-4000-8000-000000000003",
        lambda path: path.write_text('{"checkpoints": 1, "seq": 1' + "0" * 300 + "}"),
    ),
    "a later segment that is a pipe": lambda segment: os.mkfifo(
        segment.with_name("999999999999998-cccccccc-0000-4000-8000-000000000003")
    ),
    "a segment of a number without an end": lambda segment: segment.with_name(
        "9" * 100 + "-" + segment.name.partition("-")[2]
    ).mkdir(),
}
"""What an agent can do to a thread's directory, if it can write there."""
