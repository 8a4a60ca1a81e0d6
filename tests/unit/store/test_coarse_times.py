"""File systems whose times are coarse: two changes of a log may leave it the same size and time."""

import os
from pathlib import Path

from agentrun_store.checkpointer import StoreSaver
from unit.store.support import RUN_A, log_of, newest_id, put


def test_a_reader_sees_what_was_put_within_one_tick_of_the_file_systems_clock(
    tmp_path: Path,
) -> None:
    """The log has room behind its end, so it need not grow either."""
    writer, reader = StoreSaver(tmp_path, run=RUN_A), StoreSaver(tmp_path)
    for number in range(1, 5):
        put(writer, str(number), "x" * 30_000)
    log = log_of(tmp_path, RUN_A)
    put(writer, "5", "x")
    before = log.stat()
    assert newest_id(reader) == "5"
    put(writer, "6", "x")
    assert log.stat().st_size == before.st_size
    os.utime(log, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert newest_id(reader) == "6"
