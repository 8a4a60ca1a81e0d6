"""The ancestors that a checkpoint's state is rebuilt from.

Only some checkpoints hold the value of a LangGraph DeltaChannel, as a snapshot. For all others
LangGraph rebuilds it from the pending writes of the ancestors, back to the last snapshot.
"""

from collections.abc import Callable, Iterable
from typing import Any

from .errors import StoreError
from .history import Found, History
from .log import Record

Key = tuple[str, str, str]
"""(thread id, namespace, checkpoint id): of a checkpoint, and of the pending writes to it."""

Loads = Callable[[tuple[str, bytes]], Any]
"""A serializer's `loads_typed`."""


def key_of(record: Record) -> Key:
    return record.meta["thread"], record.meta["ns"], record.meta["id"]


def rebuilt_from(history: History, loads: Loads, checkpoints: Iterable[Found]) -> set[Key]:
    """The ancestors that the DeltaChannels of these checkpoints are rebuilt from.

    Raises CorruptSegmentError, or another StoreError, when they cannot be determined.
    """
    ancestors: set[Key] = set()
    sought: dict[Key, set[str]] = {}  # by checkpoint: the channels sought in those before it
    for found in checkpoints:
        here, missing = found, _missing(loads, found)
        while missing - sought.setdefault(key_of(here.record), set()):
            sought[key_of(here.record)] |= missing
            parent = history.parent(here)
            if parent is None:
                break
            ancestors.add(key_of(parent.record))
            here, missing = parent, missing - _channels(loads, parent)[1]
    return ancestors


def _missing(loads: Loads, found: Found) -> set[str]:
    """The DeltaChannels whose value is not in this checkpoint."""
    # A channel that was ever written has a version, and a counter unless its snapshot is in here.
    counters = found.record.meta["metadata"].get("counters_since_delta_snapshot")
    if not counters or not isinstance(counters, dict):
        return set()
    versions, values = _channels(loads, found)
    return {channel for channel in versions - values if channel in counters}


def _channels(loads: Loads, found: Found) -> tuple[set[str], set[str]]:
    """The channels that have a version, and those that have a value."""
    meta = found.record.meta
    payload = found.segment.payload(found.record)
    try:
        state = loads((meta["type"], payload))
        return set(state["channel_versions"]), set(state["channel_values"])
    except Exception:  # an agent wrote these bytes: a serializer may raise anything
        raise StoreError(
            f"{found.segment.log}, checkpoint {meta['id']}: what it is rebuilt from cannot be known"
        ) from None
