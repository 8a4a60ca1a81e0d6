"""Checked names. The store builds paths from `ThreadDir` and `RunName` only, and only this module
makes those: a name cannot escape its directory, and two names never share one.
"""

import hashlib
import os
import re
from typing import NewType

from .errors import InvalidNameError

ThreadDir = NewType("ThreadDir", str)
"""A thread's directory under the store's root: `threads/<name>` or `stateless/<run uid>`."""

RunName = NewType("RunName", str)
"""A run in the names of segments and tombstones: the AgentRun's UID, or what a tool calls a run."""

MAX_NAME_LENGTH = 63

KEPT = "kept-"
"""Begins the name of a segment that keeps data of a run for later runs."""

SEGMENT_VARIABLE = "AGENTRUN_SEGMENT"
"""In a run's pod: the name of the segment that the operator has given to the run."""

MAX_SEQ = 10**15 - 1
"""The highest number of a segment: milliseconds since 1970 until far in the future."""

_SAFE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_HASHED = re.compile(r"_[0-9a-f]{64}")
_UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SEGMENT = re.compile(r"([0-9]{6}|[1-9][0-9]{6,14})-(.+)")


def check_thread(thread: str) -> ThreadDir:
    """Check the name of a thread's directory (in a pod: `AGENTRUN_THREAD`).

    Raises InvalidNameError.
    """
    kind, _, name = thread.partition("/")
    if (kind == "threads" and _is_file_name(name)) or (kind == "stateless" and is_uid(name)):
        return ThreadDir(thread)
    raise InvalidNameError(
        f"thread {thread!r}: must be 'threads/<name>' or 'stateless/<run uid>', where <name> has "
        f"at most {MAX_NAME_LENGTH} letters, digits, '-', '_' and '.', and starts and ends with a "
        f"letter or digit; choose such a name for spec.thread"
    )


def check_run(uid: str) -> RunName:
    """Check an AgentRun's UID. Raises InvalidNameError."""
    if is_uid(uid):
        return RunName(uid)
    raise InvalidNameError(
        f"run {uid!r}: must be the UID of the AgentRun, a UUID in lower case; take metadata.uid"
    )


def is_uid(text: str) -> bool:
    return _UID.fullmatch(text) is not None


def thread_dir(thread_id: str) -> ThreadDir:
    """The directory of a LangGraph `thread_id`, which may be any string.

    `x` becomes `threads/x`, `stateless/<uid>` stays itself, any other text is hashed.
    """
    kind, _, name = thread_id.partition("/")
    if kind == "stateless" and is_uid(name):
        return ThreadDir(thread_id)
    return ThreadDir(f"threads/{_file_name(thread_id)}")


def run_name(run_id: str) -> RunName:
    """The name of a LangGraph `run_id`, which may be any string."""
    return RunName(_file_name(run_id))


def segment_name(seq: int, run: RunName) -> str:
    """The directory of a segment. Six digits, so that `ls` shows the first million in order."""
    return f"{seq:06d}-{run}"


def parse_segment_name(name: str) -> tuple[int, RunName] | None:
    """The inverse of `segment_name`; None for another name (a temporary one, say)."""
    match = _SEGMENT.fullmatch(name)
    if match is None or not _is_file_name(match[2]):
        return None
    return int(match[1]), RunName(match[2])


def place_of(name: str) -> tuple[int, str]:
    """The sort key of segment names: by number, then by run. It parses nothing, since a thread may
    have many: a number with more digits is the larger one, and equally long ones sort as text."""
    return name.find("-"), name


def given_segment() -> tuple[int, RunName] | None:
    """The segment that the operator has given to this pod's run, the only one that a pod can write
    to; None without one (local use, tools), or with an invalid name: see `check_given`."""
    return parse_segment_name(os.environ.get(SEGMENT_VARIABLE, ""))


def check_given(run: RunName) -> None:
    """Raises InvalidNameError when the pod's variable names no segment of this run."""
    text = os.environ.get(SEGMENT_VARIABLE)
    if text is None:
        return
    parsed = parse_segment_name(text)
    if parsed is None or parsed[1] != run or segment_name(*parsed) != text:
        raise InvalidNameError(
            f"{SEGMENT_VARIABLE} {text!r}: must be '<number>-{run}', the segment that the operator "
            f"has given to the run; leave the variable alone"
        )


def is_segment_of(name: str, run: RunName) -> bool:
    """Whether a directory has the name of a segment of the run, even with an invalid number."""
    number, _, rest = name.partition("-")
    return rest == run and number.isascii() and number.isdecimal()


def _file_name(text: str) -> str:
    """One file name for any text: itself, or a hash that looks like no safe name."""
    if _is_safe(text):
        return text
    # surrogatepass: a JSON string may hold half a surrogate pair.
    return "_" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _is_safe(name: str) -> bool:
    return len(name) <= MAX_NAME_LENGTH and _SAFE.fullmatch(name) is not None


def _is_file_name(name: str) -> bool:
    return _is_safe(name) or _HASHED.fullmatch(name) is not None
