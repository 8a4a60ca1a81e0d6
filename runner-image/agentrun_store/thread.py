"""The store's tree: threads, their runs' segments, and the tombstones of runs rolled back.

<root>/threads/<name>/ or <root>/stateless/<run uid>/
    segments/<seq>-<run uid>/     what one run wrote
    segments/kept-<seq>-<run uid>/  data of a rolled-back run that later runs need
    tombstones/<run uid>          the run was rolled back: its segments never count again
    last-rolled-back              with many tombstones: the highest number of such a run
    stops/<run uid>               how soon a run that is being stopped has to end: see `stops`
"""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

from . import disk, tree
from .errors import (
    InvalidNameError,
    RunRolledBackError,
    SegmentOrderError,
    UnreadableFileError,
)
from .names import (
    MAX_SEQ,
    RunName,
    ThreadDir,
    check_given,
    check_thread,
    given_segment,
    is_uid,
    thread_dir,
)
from .segment import Segment
from .segments import Listing

SEGMENTS = "segments"
TOMBSTONES = "tombstones"
STOPS = "stops"
LAST_ROLLED_BACK = "last-rolled-back"
_MANY = 16  # tombstones

_LONGEST_TOMBSTONE = 1000  # bytes


class Tombstone(NamedTuple):
    """What a rollback removed."""

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

    def listing(self) -> Listing:
        """The segments, from one listing of their directory."""
        disk.refuse_link(self._tombstones)
        return Listing(disk.list_dir(self.segments_dir), self.segment)

    def segments(self) -> list[Segment]:
        """The segments that count, oldest first."""
        return self.live(self.all_segments())

    def live(self, segments: list[Segment]) -> list[Segment]:
        """The segments of runs that were not rolled back."""
        buried = set(disk.list_dir(self._tombstones))
        return [segment for segment in segments if segment.run not in buried]

    def all_segments(self) -> list[Segment]:
        """All segments, also those of runs that were rolled back."""
        return [*self.listing().newest_first()][::-1]

    def kept(self) -> list[Segment]:
        """The kept segments of runs that were rolled back, oldest first: see `remains`."""
        return self.listing().kept()

    def kept_of(self, segment: Segment) -> Segment:
        """The segment that keeps the data of this one for later runs."""
        return self.segment(segment.seq, segment.run, kept=True)

    def own(self, run: RunName, listing: Listing | None = None) -> list[Segment]:
        """The segments that hold what a run wrote, oldest first: the one given to it, which need
        not exist, or those that are named after it."""
        if self._given is not None and self._given[1] == run:
            return [self.segment(*self._given)]
        return (listing or self.listing()).of(run)

    def segment_for(self, run: RunName, listing: Listing) -> Segment:
        """The segment that a run writes to, which need not exist.

        Raises RunRolledBackError, InvalidNameError.
        """
        self.refuse_rolled_back(run)
        own = self.own(run, listing)
        if not own:
            return self.new_segment(run, listing)
        listing.add(own[0])
        return own[0]

    def new_segment(self, run: RunName, listing: Listing) -> Segment:
        """The segment given to the run, or else one after all others, which does not exist yet.

        Raises RunRolledBackError, InvalidNameError.
        """
        self.refuse_rolled_back(run)
        check_given(run)
        if self._given is not None:
            segment = self.segment(*self._given)
        else:
            last = next((segment.seq for segment in listing.newest_first()), 0)
            # After the highest number only a tie is possible, which `refuse_disorder` decides.
            segment = self.segment(min(1 + max(last, self._last_rolled_back()), MAX_SEQ), run)
        listing.add(segment)
        return segment

    def refuse_disorder(self, segment: Segment, listing: Listing) -> None:
        """Raises SegmentOrderError if a run's first write would come before an existing segment."""
        if segment.is_empty():
            own = segment.seq, segment.run
            for other in listing.newest_first():
                if (other.seq, other.run) <= own:
                    return
                if not (other.is_empty() or self.is_rolled_back(other.run)):
                    raise SegmentOrderError(segment.path, other.path)

    def last_but(self, run: RunName, listing: Listing) -> int:
        """The number of the last segment that counts and is not the run's; 0: there is none."""
        others = (segment for segment in listing.newest_first() if segment.run != run)
        return next((s.seq for s in others if not self.is_rolled_back(s.run)), 0)

    def discard(self, segment: Segment) -> None:
        """Remove a segment and all that is in it. Raises OSError: see `tree.remove`."""
        segment.close()
        tree.remove(segment.path)
        disk.sync_dir(self.segments_dir)

    def forget_stop(self, run: RunName) -> None:
        """Remove the run's stop file: see `stops`. Raises OSError."""
        disk.refuse_link(self.path / STOPS)
        tree.remove(self.path / STOPS / run)

    def forget_stops(self) -> None:
        """Remove the stop files of all runs of the thread."""
        tree.remove(self.path / STOPS)

    def repair(self) -> None:
        """Replace the directories of segments and tombstones if an agent that could write there has
        made something else of them, so that a run can be rolled back."""
        tree.grant(self.path, stat.S_IRWXU)
        for directory in (self.segments_dir, self._tombstones, self.path / STOPS):
            if os.path.lexists(directory) and (directory.is_symlink() or not directory.is_dir()):
                tree.remove(directory)
            tree.grant(directory, stat.S_IRWXU)

    def refuse_rolled_back(self, run: RunName) -> None:
        """Raises RunRolledBackError when the run has a tombstone."""
        if self.is_rolled_back(run):
            raise RunRolledBackError(run)

    def is_rolled_back(self, run: RunName) -> bool:
        """Whether the run has a tombstone, whatever kind of file that is."""
        return os.path.lexists(self._tombstones / run)

    def tombstone(self, run: RunName) -> Tombstone | None:
        """None also for a tombstone that no rollback made: an agent's link, pipe, directory."""
        return self._tombstone(self._tombstones / run)

    def _tombstone(self, path: Path) -> Tombstone | None:
        try:
            fd = disk.open_regular(path)
        except (FileNotFoundError, UnreadableFileError):
            return None
        with os.fdopen(fd, "rb") as file:
            text = file.read(_LONGEST_TOMBSTONE)
        try:
            content = json.loads(text)
            tombstone = Tombstone(int(content["checkpoints"]), int(content["seq"]))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            # Its name alone buries the run. Damaged content must not stop a rollback.
            return Tombstone(0, 0)
        return tombstone if all(0 <= number <= MAX_SEQ for number in tombstone) else Tombstone(0, 0)

    def tombstones(self) -> dict[RunName, Tombstone]:
        """The runs that were rolled back."""
        runs = [RunName(name) for name in disk.list_dir(self._tombstones) if name[0] != "."]
        found = {run: self.tombstone(run) for run in runs}
        return {run: tombstone for run, tombstone in found.items() if tombstone is not None}

    def _last_rolled_back(self) -> int:
        """The highest number of a run that was rolled back."""
        last = self._tombstone(self.path / LAST_ROLLED_BACK)
        if last is not None:
            return last.seq
        return max((tombstone.seq for tombstone in self.tombstones().values()), default=0)

    def bury(self, run: RunName, tombstone: Tombstone) -> None:
        """Write the tombstone: from now on nothing that the run wrote, or still writes, counts."""
        disk.make_dirs(self.root, PurePath(self.name, TOMBSTONES))
        self._note_number(tombstone.seq)
        _write_tombstone(self._tombstones / run, tombstone)

    def _note_number(self, seq: int) -> None:
        """With many tombstones, write the highest of their numbers to a file of its own, so that a
        run without a given segment need not read each."""
        path = self.path / LAST_ROLLED_BACK
        if os.path.lexists(path) or len(disk.list_dir(self._tombstones)) >= _MANY:
            last = self._tombstone(path)
            highest = Tombstone(0, max(seq, self._last_rolled_back()))
            if highest != last:
                _write_tombstone(path, highest)

    def segment(self, seq: int, run: RunName, *, kept: bool = False) -> Segment:
        """The segment of this number, which need not exist."""
        given = not kept and self._given == (seq, run)
        segments = PurePath(self.name, SEGMENTS)
        return Segment(self.root, segments, seq, run, kept=kept, given=given)


def _write_tombstone(path: Path, tombstone: Tombstone) -> None:
    if path.is_dir() and not path.is_symlink():
        tree.remove(path)  # no file can take the place of a directory
    disk.replace_file(path, [json.dumps(tombstone._asdict()).encode()])


class Store:
    """A volume, or the part of it that a pod sees."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def thread(self, name: str) -> Thread:
        """The thread `threads/<name>` or `stateless/<run uid>`. Raises InvalidNameError."""
        return Thread(self.root, check_thread(name))

    def directory_of(self, thread_id: str) -> ThreadDir:
        """The directory of a LangGraph `thread_id`, which may be any text: see `names.thread_dir`.

        In the pod of a stateless run the id is the run's UID, and the directory is
        `stateless/<uid>`; a thread that a user named after a UID comes first.
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
                    continue  # not the store's: lost+found, a file manager's leftovers
