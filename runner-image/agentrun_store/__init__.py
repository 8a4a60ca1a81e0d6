"""The checkpoint store: a directory tree on a volume, written by runner pods. See README.md.

All but `checkpointer` and the command line (`cli`) is standard library only and quick to import,
for the supervisor.
"""

from .errors import (
    CorruptSegmentError,
    InvalidNameError,
    RunRolledBackError,
    SegmentBusyError,
    StoreError,
)
from .thread import Store, Thread

__all__ = [
    "CorruptSegmentError",
    "InvalidNameError",
    "RunRolledBackError",
    "SegmentBusyError",
    "Store",
    "StoreError",
    "Thread",
]
