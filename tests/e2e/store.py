"""The content of a store: a copy of the whole volume, made in the node."""

import subprocess
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

from agentrun_store import Store
from agentrun_store.checkpointer import StoreSaver
from cluster import in_node

from .kubectl import get


def volume_path(namespace: str, claim: str = "agentrun-store") -> str | None:
    """The path of a claim's volume in the node; None if the claim has none yet."""
    found = get("pvc", namespace, claim)
    assert found is not None, f"there is no PersistentVolumeClaim {claim}"
    name = found["spec"].get("volumeName")
    volume = None if name is None else get("pv", "", name)
    if volume is None:
        return None
    spec = volume["spec"]
    return str((spec.get("local") or spec["hostPath"])["path"])


def copy_store(namespace: str, target: Path) -> "StoreCopy":
    """Copy the store of a namespace, with all that its pods have written up to now."""
    path = volume_path(namespace)
    if path is not None:
        command = in_node("tar", "--create", "--file=-", f"--directory={path}", ".")
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE) as process,
            tarfile.open(fileobj=process.stdout, mode="r|") as archive,
        ):
            archive.extractall(target, filter="data")
            assert process.stdout is not None
            while process.stdout.read(1 << 16):  # zeros fill the last block of an archive
                pass
        # 1: a pod wrote during the copy.
        assert process.returncode in (0, 1), f"tar ended with {process.returncode}"
    return StoreCopy(target)


class ThreadState(NamedTuple):
    """All that LangGraph can see of a thread. Two are equal if LangGraph sees the same."""

    checkpoints: list[dict[str, Any]]
    """Newest first: id, values, pending writes, metadata and parent of each."""

    @property
    def ids(self) -> list[str]:
        """Newest first."""
        return [checkpoint["id"] for checkpoint in self.checkpoints]

    @property
    def values(self) -> dict[str, Any]:
        """The channel values of the newest checkpoint; empty if there is none."""
        values: dict[str, Any] = self.checkpoints[0]["values"] if self.checkpoints else {}
        return values


class StoreCopy:
    """The store as it was at one moment, opened with the agents' own code."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._saver = StoreSaver(root)

    def threads(self) -> list[str]:
        """The directories of all threads: `threads/<name>`, `stateless/<run uid>`."""
        return [thread.name for thread in Store(self.root).threads()]

    def segments(self, thread: str) -> list[str]:
        """UIDs of the runs that have a directory of segments, oldest first, buried ones too."""
        return [segment.run for segment in Store(self.root).thread(thread).all_segments()]

    def tombstones(self, thread: str) -> set[str]:
        """UIDs of the runs that were rolled back."""
        directory = self.root / thread / "tombstones"
        return {path.name for path in directory.iterdir()} if directory.exists() else set()

    def workspace(self, thread: str, run_uid: str) -> Path:
        """The workspace of a run of a `command` agent."""
        (segment,) = (
            segment
            for segment in Store(self.root).thread(thread).all_segments()
            if segment.run == run_uid
        )
        return segment.workspace

    def state(self, thread_id: str) -> ThreadState:
        """The state of a named thread, as LangGraph sees it."""
        listed = self._saver.list({"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}})
        return ThreadState(
            [
                {
                    "id": found.config["configurable"]["checkpoint_id"],
                    "values": found.checkpoint["channel_values"],
                    "writes": found.pending_writes,
                    "metadata": found.metadata,
                    "parent": found.parent_config,
                }
                for found in listed
            ]
        )

    def checkpoints_of(self, thread: str, run_uid: str) -> set[str]:
        """Ids of the checkpoints in a run's segment of the thread's directory."""
        return {
            checkpoint_id
            for segment in Store(self.root).thread(thread).all_segments()
            if segment.run == run_uid
            for by_id in segment.index.checkpoints.values()
            for checkpoint_id in by_id
        }
