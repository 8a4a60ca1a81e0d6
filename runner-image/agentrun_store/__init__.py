"""The checkpoint store: a directory tree on a volume, written by runner pods. See README.md.

The supervisor imports this package, so all of it but `checkpointer` and the command line (`tool`)
is standard library only and quick to import.
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
