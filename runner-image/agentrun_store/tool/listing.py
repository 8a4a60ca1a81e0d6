"""The content of a store, as rows for people and programs.

They list all that they can read, and report the rest to `problem`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from ..errors import CorruptSegmentError, StoreError
from ..history import Found, History
from ..segment import Segment
from ..thread import Store, Thread
from .problem import Problem
from .usage import usage

_LAST_TIME = 253_402_300_799  # the end of the year 9999: some file systems go further

Row = dict[str, Any]


def thread_rows(store: Store, problem: Problem) -> Iterator[Row]:
    """The threads, by name."""
    for thread in store.threads():
        try:
            used = usage(thread.path)
            segments = thread.segments()
        except FileNotFoundError:
            continue  # it was removed meanwhile
        except (StoreError, OSError) as error:
            problem(error)
            continue
        yield {
            "thread": thread.name,
            "runs": len(segments),
            "checkpoints": sum(_count(segment, problem) for segment in segments),
            "bytes": used.bytes,
            "modified": utc(used.modified),
        }


def run_rows(thread: Thread, problem: Problem) -> list[Row]:
    """The runs, also those that were rolled back; oldest first."""
    rows = [
        {
            "run": run,
            "segment": tombstone.seq,
            "state": "rolled back",
            "checkpoints": 0,
            "bytes": 0,
            "modified": None,
        }
        for run, tombstone in thread.tombstones().items()
    ]
    for segment in thread.segments():
        try:
            used = usage(segment.path)
        except FileNotFoundError:
            continue  # it was removed meanwhile
        except (StoreError, OSError) as error:
            problem(error)
            continue
        rows.append(
            {
                "run": segment.run,
                "segment": segment.seq,
                "state": "kept",
                "checkpoints": _count(segment, problem),
                "bytes": used.bytes,
                "modified": utc(used.modified),
            }
        )
    return sorted(rows, key=itemgetter("segment"))


def checkpoints(thread: Thread, problem: Problem) -> Iterator[Found]:
    """All checkpoints of a thread that can be read, newest first."""
    history = History(thread)
    for segment in reversed(history.segments):
        try:
            yield from history.checkpoints(None, None, [segment])
        except (CorruptSegmentError, OSError) as error:
            problem(error)


def checkpoint_row(found: Found) -> Row:
    meta = found.record.meta
    return {
        "checkpoint": meta["id"],
        "parent": meta["parent"],
        "threadId": meta["thread"],
        "namespace": meta["ns"],
        "run": found.segment.run,
        "step": meta["metadata"].get("step"),
        "source": meta["metadata"].get("source"),
        "bytes": found.record.end - found.record.offset,
    }


def _count(segment: Segment, problem: Problem) -> int:
    try:
        return sum(len(by_id) for by_id in segment.index.checkpoints.values())
    except (CorruptSegmentError, OSError) as error:
        problem(error)
        return 0


def utc(seconds: float) -> str:
    """A time as Kubernetes writes it."""
    seconds = min(max(seconds, 0), _LAST_TIME)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
