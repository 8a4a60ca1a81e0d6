"""The checkpoint store: a directory tree on a volume, written by runner pods. See README.md.

All but `checkpointer` and the command line (`cli`) is standard library only and quick to import,
for the supervisor.
"""

from agentrun_store.errors import (
    CorruptSegmentError,
    InvalidNameError,
    RunRolledBackError,
    SegmentBusyError,
    StoreError,
)
from agentrun_store.thread import Store, Thread

__all__ = [
    "CorruptSegmentError",
    "InvalidNameError",
    "RunRolledBackError",
    "SegmentBusyError",
    "Store",
    "StoreError",
    "Thread",
]
