"""A real writer, killed with SIGKILL while it writes, and a reader beside it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from agentrun_store.checkpointer import StoreSaver
from unit.store.support import RUN_A, config, ids

WRITER = """
import sys
from itertools import count
from unit.store.support import RUN_A, config, newest_id, put
from agentrun_store.checkpointer import StoreSaver

saver = StoreSaver(sys.argv[1], run=RUN_A)
start = int(newest_id(saver) or -1) + 1
for number in count(start):
    name = f"{number:08}"
    put(saver, name, name.encode() * (number * 997 % 20_000), parent=f"{number - 1:08}")
    saver.put_writes(config(name), [("value", name)], "task")
    print(number, flush=True)
"""


def start_writer(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )


def check(root: Path, acknowledged: int) -> int:
    """Check that all acknowledged checkpoints are stored, and all are whole. Returns the newest."""
    found = ids(StoreSaver(root))
    assert found == [f"{number:08}" for number in reversed(range(len(found)))]
    assert len(found) > acknowledged
    for number in {0, acknowledged, len(found) - 1}:
        name = f"{number:08}"
        one = StoreSaver(root).get_tuple(config(name))
        assert one is not None
        assert one.checkpoint["channel_values"] == {
            "value": name.encode() * (number * 997 % 20_000)
        }
        if number <= acknowledged:
            assert one.pending_writes == [("task", "value", name)]
    return len(found) - 1


def test_a_killed_writers_acknowledged_checkpoints_are_stored_and_its_retry_continues(
    tmp_path: Path,
) -> None:
    newest = -1
    for _ in range(3):
        writer = start_writer(tmp_path)
        assert writer.stdout is not None
        try:
            acknowledged = newest
            for _ in range(40):
                acknowledged = int(writer.stdout.readline())
                if acknowledged % 10 == 0:
                    check(tmp_path, acknowledged)
        finally:
            writer.send_signal(signal.SIGKILL)
            rest, _ = writer.communicate()
        lines = rest.split("\n")[:-1]  # the last line may be cut
        acknowledged = int(lines[-1]) if lines else acknowledged
        after = check(tmp_path, acknowledged)
        assert after >= newest + 40
        newest = after


def test_the_log_of_a_killed_writer_has_one_segment(tmp_path: Path) -> None:
    for _ in range(2):
        writer = start_writer(tmp_path)
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    assert [path.name for path in (tmp_path / "threads/chat/segments").iterdir()] == [
        f"000001-{RUN_A}"
    ]
