"""The store's tree: threads, their runs' segments, and the tombstones of runs rolled back.

<root>/threads/<name>/ or <root>/stateless/<run uid>/
    segments/<seq>-<run uid>/     what one run wrote
    segments/kept-<seq>-<run uid>/  what later runs need of one that was rolled back
    tombstones/<run uid>          the run was rolled back: its segments count no more, for ever
    stops/<run uid>               how soon a run that is being stopped has to end: see `stops`
"""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

from agentrun_store import disk, tree
from agentrun_store.errors import (
    InvalidNameError,
    RunRolledBackError,
    SegmentOrderError,
    UnreadableFileError,
)
from agentrun_store.names import (
    KEPT,
    MAX_SEQ,
    RunName,
    ThreadDir,
    check_given,
    check_run,
    check_thread,
    given_segment,
    is_segment_of,
    is_uid,
    parse_segment_name,
    thread_dir,
)
from agentrun_store.segment import Segment

SEGMENTS = "segments"
TOMBSTONES = "tombstones"
STOPS = "stops"
_LONGEST_TOMBSTONE = 1000  # bytes


class Tombstone(NamedTuple):
    """What a rollback took away."""

    checkpoints: int
    seq: int
    """The highest sequence number that the run had; 0 when it had none. It is not used again."""


class Thread:
    """A thread's state is the chain of its live segments, in the order of their numbers."""

    def __init__(self, root: Path, name: ThreadDir) -> None:
        self.root = root
        self.name = name
        self.path = root / name
        self.segments_dir = self.path / SEGMENTS
        self._tombstones = self.path / TOMBSTONES
        self._given = given_segment()

    @property
    def is_stateless(self) -> bool:
        """Whether it is the thread of a run that names none."""
        return self.name.startswith("stateless/")

    def segments(self) -> list[Segment]:
        """The segments that count, oldest first."""
        return self.live(self.all_segments())

    def live(self, segments: list[Segment]) -> list[Segment]:
        """Those of runs that were not rolled back."""
        buried = set(disk.list_dir(self._tombstones))
        return [segment for segment in segments if segment.run not in buried]

    def all_segments(self) -> list[Segment]:
        """Also those of runs that were rolled back."""
        return self._listed(kept=False)

    def kept(self) -> list[Segment]:
        """What later runs need of runs that were rolled back, oldest first: see `remains`."""
        return self._listed(kept=True)

    def _listed(self, *, kept: bool) -> list[Segment]:
        names = [n for n in disk.list_dir(self.segments_dir) if n.startswith(KEPT) == kept]
        parsed = (parse_segment_name(name.removeprefix(KEPT)) for name in names)
        found = sorted(name for name in parsed if name is not None)
        return [self._segment(seq, run, kept=kept) for seq, run in found]

    def kept_of(self, segment: Segment) -> Segment:
        """Where that is kept which later runs need of a segment."""
        return self._segment(segment.seq, segment.run, kept=True)

    def segment_for(self, uid: str) -> Segment:
        """A run's own segment, its directory made.

        Raises InvalidNameError, RunRolledBackError, SegmentOrderError, StoreError, OSError.
        """
        run = check_run(uid)
        own = [segment for segment in self.segments() if self.is_own(segment, run)]
        segment = own[0] if own else self.new_segment(run)
        self.refuse_disorder(segment)
        segment.make()
        return segment

    def is_own(self, segment: Segment, run: RunName) -> bool:
        """Whether a run writes to this segment: one of its own, and where the operator has given it
        one, that."""
        return segment.run == run and self._given in (None, (segment.seq, run))

    def new_segment(self, run: RunName) -> Segment:
        """The segment given to the run, or else one after all others, which is not made yet.

        Raises RunRolledBackError, InvalidNameError.
        """
        self.refuse_rolled_back(run)
        check_given(run)
        if self._given is not None:
            return self._segment(*self._given)
        used = [segment.seq for segment in self.all_segments()]
        used += [tombstone.seq for tombstone in self.tombstones().values()]
        # At the last number all there is left is a tie, which `refuse_disorder` decides.
        return self._segment(min(1 + max(used, default=0), MAX_SEQ), run)

    def refuse_disorder(self, segment: Segment) -> None:
        """Raises SegmentOrderError when a run would begin to write before what is there already."""
        if segment.is_empty():
            own = segment.seq, segment.run
            for other in reversed(self.segments()):
                if (other.seq, other.run) > own and not other.is_empty():
                    raise SegmentOrderError(segment.path, other.path)

    def discard(self, segment: Segment) -> None:
        """Remove a segment and all that is in it. Raises OSError: see `tree.remove`."""
        segment.close()
        tree.remove(segment.path)
        disk.sync_dir(self.segments_dir)

    def names_of(self, run: RunName) -> list[Path]:
        """What is named as a segment of the run, also where an agent gave it no possible number."""
        names = disk.list_dir(self.segments_dir)
        return [self.segments_dir / name for name in sorted(names) if is_segment_of(name, run)]

    def forget_stop(self, run: RunName) -> None:
        """Remove what told the run's supervisor how soon the run had to end. Raises OSError."""
        disk.refuse_link(self.path / STOPS)
        tree.remove(self.path / STOPS / run)

    def forget_stops(self) -> None:
        """The same for all runs of the thread."""
        tree.remove(self.path / STOPS)

    def repair(self) -> None:
        """Make what holds segments and tombstones such that a run can be taken back, whatever an
        agent that could write there has made of it."""
        tree.grant(self.path, stat.S_IRWXU)
        for directory in (self.segments_dir, self._tombstones, self.path / STOPS):
            if os.path.lexists(directory) and (directory.is_symlink() or not directory.is_dir()):
                tree.remove(directory)
            tree.grant(directory, stat.S_IRWXU)

    def refuse_rolled_back(self, run: RunName) -> None:
        """Raises RunRolledBackError when the run has a tombstone."""
        if os.path.lexists(self._tombstones / run):
            raise RunRolledBackError(run)

    def tombstone(self, run: RunName) -> Tombstone | None:
        """None also for what no rollback has made: an agent's link, pipe, directory."""
        try:
            fd = disk.open_regular(self._tombstones / run)
        except (FileNotFoundError, UnreadableFileError):
            return None
        with os.fdopen(fd, "rb") as file:
            text = file.read(_LONGEST_TOMBSTONE)
        try:
            content = json.loads(text)
            tombstone = Tombstone(int(content["checkpoints"]), int(content["seq"]))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            # Its name is what buries the run. A damaged content must not stop a rollback.
            return Tombstone(0, 0)
        return tombstone if all(0 <= number <= MAX_SEQ for number in tombstone) else Tombstone(0, 0)

    def tombstones(self) -> dict[RunName, Tombstone]:
        """The runs that were rolled back."""
        runs = [RunName(name) for name in disk.list_dir(self._tombstones) if name[0] != "."]
        found = {run: self.tombstone(run) for run in runs}
        return {run: tombstone for run, tombstone in found.items() if tombstone is not None}

    def bury(self, run: RunName, tombstone: Tombstone) -> None:
        """From here on nothing that the run wrote, or still writes, counts."""
        disk.make_dirs(self.root, PurePath(self.name, TOMBSTONES))
        path = self._tombstones / run
        if path.is_dir() and not path.is_symlink():
            tree.remove(path)  # no file can take the place of a directory
        disk.replace_file(path, [json.dumps(tombstone._asdict()).encode()])

    def _segment(self, seq: int, run: RunName, *, kept: bool = False) -> Segment:
        given = not kept and self._given == (seq, run)
        segments = PurePath(self.name, SEGMENTS)
        return Segment(self.root, segments, seq, run, kept=kept, given=given)


class Store:
    """A volume, or the part of it that a pod sees."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def thread(self, name: str) -> Thread:
        """The thread `threads/<name>` or `stateless/<run uid>`. Raises InvalidNameError."""
        return Thread(self.root, check_thread(name))

    def directory_of(self, thread_id: str) -> ThreadDir:
        """Where a LangGraph `thread_id` is, which may be any string: see `names.thread_dir`.

        In the pod of a run without a thread it is the run's uid, and the directory is
        `stateless/<uid>`; a thread that somebody named after a uid comes first.
        """
        named = thread_dir(thread_id)
        if is_uid(thread_id) and not (self.root / named).exists():
            own = thread_dir(f"stateless/{thread_id}")
            return own if (self.root / own).exists() else named
        return named

    def threads(self) -> Iterator[Thread]:
        """All threads there are, by name."""
        for kind in ("stateless", "threads"):
            for name in sorted(disk.list_dir(self.root / kind)):
                try:
                    yield self.thread(f"{kind}/{name}")
                except InvalidNameError:
                    continue  # not ours: lost+found, a file manager's leftovers
