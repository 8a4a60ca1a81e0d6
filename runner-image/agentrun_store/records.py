"""The two kinds of record in a segment's log, and the fields of their metas."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from .errors import StoreError
from .log import MAX_META, Entry, Record
from .names import RunName


class Kind(IntEnum):
    CHECKPOINT = 1
    """meta: thread, ns, id, parent, attempt, chain, type, metadata, and in a fork `without`: the
    runs that it ignores; payload: the checkpoint."""
    WRITES = 2
    """meta: thread, ns, id, attempt, chain, task, path, writes [position, channel, type, length];
    payload: the values one after the other."""


_COMMON = {"thread": str, "ns": str, "id": str, "attempt": int}
_FIELDS: dict[int, dict[str, Any]] = {
    Kind.CHECKPOINT: _COMMON | {"parent": str | None, "type": str, "metadata": dict},
    Kind.WRITES: _COMMON | {"task": str, "path": str, "writes": list},
}
_WRITE = [int, str, str, int]
_CHAIN = [int, int, str, bool]
_SMALLEST = 28  # bytes: no record is smaller, so a log has at most so many

MAX_DEPTH = 100
"""Levels of a checkpoint's metadata. Python copies and prints it recursively."""

_MAX_ATTEMPT = 1 << 53
_MAX_POSITION = 1 << 31


def is_valid(record: Record) -> bool:
    """Whether the store could have written it. An agent can write anything to its log."""
    meta = record.meta
    if record.kind not in _FIELDS or not isinstance(meta, dict):
        return False
    fields = _FIELDS[record.kind].items()
    if not all(name in meta and isinstance(meta[name], type_) for name, type_ in fields):
        return False
    if isinstance(meta["attempt"], bool) or not 0 <= meta["attempt"] <= _MAX_ATTEMPT:
        return False
    if "chain" in meta and not _is_valid_chain(meta["chain"], record.offset):
        return False
    if record.kind == Kind.WRITES:
        return _are_valid_writes(meta["writes"], record.payload_length)
    without = meta.get("without", [])
    is_list_of_runs = isinstance(without, list) and all(isinstance(run, str) for run in without)
    return is_list_of_runs and not _is_deeper(meta["metadata"], MAX_DEPTH)


def _is_valid_chain(chain: Any, offset: int) -> bool:
    return (
        isinstance(chain, list)
        and [type(part) for part in chain] == _CHAIN
        and 0 <= chain[0] < offset
        and 0 <= chain[1] <= offset // _SMALLEST + 1
    )


def _are_valid_writes(writes: list[Any], payload_length: int) -> bool:
    return all(
        isinstance(write, list)
        and [type(part) for part in write] == _WRITE
        and abs(write[0]) <= _MAX_POSITION
        and write[3] >= 0
        for write in writes
    ) and payload_length == sum(write[3] for write in writes)


def _is_deeper(value: Any, depth: int) -> bool:
    level = [value]
    while 0 < len(level) <= MAX_META and depth >= 0:
        nested = [v.values() if isinstance(v, Mapping) else v for v in level if _nests(v)]
        level = [inner for items in nested for inner in items]
        depth -= 1
    return bool(level)


def _nests(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple)


class Chain(NamedTuple):
    """A record's summary of those before it in its log, so that a log can be read from its end.

    Logs of older versions have none, and are read from their start.
    """

    prev: int
    """The offset of the record before; 0: there is none."""
    checkpoints: int
    """How many checkpoints there are up to here, each counted once."""
    top: str
    """The highest id up to here, of checkpoints and of those that writes belong to."""
    mixed: bool
    """Whether a reader that starts at the end may miss something: in one attempt and namespace an
    id was lower than the one before, a checkpoint was put twice, or after its writes, or a record
    has no chain. Once it is true, it is true for all later records of the log."""


def chain_of(meta: Mapping[str, Any]) -> Chain | None:
    """None for a record of an older version."""
    return Chain(*meta["chain"]) if "chain" in meta else None


class Write(NamedTuple):
    """One pending write of a task."""

    task: str
    path: str
    position: int
    """Its place among the task's writes. Negative for LangGraph's special channels (last write
    wins); for ordinary channels the first write wins."""
    channel: str
    type: str
    value: bytes


def checkpoint_entry(
    *,
    thread_id: str,
    ns: str,
    checkpoint_id: str,
    parent_id: str | None,
    metadata: Mapping[str, Any],
    typed: tuple[str, bytes],
    without: Collection[RunName] = (),
) -> Entry:
    if _is_deeper(metadata, MAX_DEPTH):
        raise StoreError(f"a checkpoint's metadata nests deeper than {MAX_DEPTH} levels")
    meta: dict[str, Any] = {
        "thread": thread_id,
        "ns": ns,
        "id": checkpoint_id,
        "parent": parent_id,
        "type": typed[0],
        "metadata": metadata,
    }
    if without:
        meta["without"] = sorted(without)
    return Entry(Kind.CHECKPOINT, meta, typed[1])


def writes_entry(
    *, thread_id: str, ns: str, checkpoint_id: str, task: str, path: str, writes: list[Write]
) -> Entry:
    """The writes of one `put_writes`, in one record: they are stored all or none."""
    meta = {
        "thread": thread_id,
        "ns": ns,
        "id": checkpoint_id,
        "task": task,
        "path": path,
        "writes": [[w.position, w.channel, w.type, len(w.value)] for w in writes],
    }
    return Entry(Kind.WRITES, meta, b"".join(w.value for w in writes))


def split_writes(meta: Mapping[str, Any], payload: bytes) -> Iterator[Write]:
    """The inverse of `writes_entry`."""
    start = 0
    for position, channel, type_, length in meta["writes"]:
        value = payload[start : start + length]
        yield Write(meta["task"], meta["path"], position, channel, type_, value)
        start += length


def merge_writes(writes: Iterable[Write]) -> list[Write]:
    """The writes to one checkpoint that count. Takes them oldest first, returns them unordered."""
    merged: dict[tuple[str, int], Write] = {}
    for write in writes:
        if write.position < 0:
            merged[write.task, write.position] = write
        else:
            merged.setdefault((write.task, write.position), write)
    return list(merged.values())
