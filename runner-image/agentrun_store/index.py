"""The places of the records of one log: of all of it, or of its end, as far as it was read."""

from collections.abc import Mapping
from typing import Any

from .log import Entry, Record
from .records import Chain, Kind, chain_of

Key = tuple[str, str, str]
"""(thread id, namespace, checkpoint id)"""


_MOST = 4000  # records in memory
_RECENT = 1000  # subgraphs that run in parallel put their checkpoints within so many records


class Index:
    """The records of a log from one of them to its end. A reader adds those before it as needed."""

    def __init__(self, before: Chain | None = None) -> None:
        """`before`: the chain of the first record that will be added, if it is not the log's
        first."""
        self.checkpoints: dict[tuple[str, str], dict[str, Record]] = {}
        """(thread id, namespace) -> checkpoint id -> its record, the last one put."""
        self.writes: dict[Key, list[Record]] = {}
        """Its records of pending writes, oldest first."""
        self.attempt = 0
        """The highest attempt seen: each opening for writing is a new one."""
        self.below = before.prev if before else 0
        """The offset of the record before the first one that is known; 0: all are known."""
        self.start = 0
        """The offset of that first one."""
        self.count = 0
        """The checkpoints of the whole log, each counted once."""
        self._last = 0
        self._top = self._older_top = before.top if before else ""
        self._mixed = False
        self._newest: dict[tuple[str, str], tuple[int, str]] = {}

    @property
    def is_complete(self) -> bool:
        """Whether all of the log is known."""
        return self.below == 0

    def add(self, record: Record, entry: Entry | None = None) -> None:
        """Add the log's next record. `entry`: its decoded form, if the caller has it."""
        meta = record.meta if entry is None else entry.meta
        chain = chain_of(meta)
        key, checkpoint_id = (meta["thread"], meta["ns"]), meta["id"]
        self.attempt = max(self.attempt, meta["attempt"])
        if not self.start:
            self.start = record.offset
            if not self.is_complete and chain is not None:
                self.count = chain.checkpoints - (record.kind == Kind.CHECKPOINT)
        self._last = record.offset
        self._top = max(self._top, checkpoint_id)
        self._mixed |= chain is None or chain.mixed
        if record.kind == Kind.CHECKPOINT:
            by_id = self.checkpoints.setdefault(key, {})
            self.count += checkpoint_id not in by_id
            by_id[checkpoint_id] = record
            self._newest[key] = max(self._newest.get(key, (0, "")), order(meta))
        else:
            self.writes.setdefault((*key, checkpoint_id), []).append(record)

    def add_before(self, record: Record, chain: Chain) -> None:
        """Add the record at `below`."""
        meta = record.meta
        key, checkpoint_id = (meta["thread"], meta["ns"]), meta["id"]
        if record.kind == Kind.CHECKPOINT:
            self.checkpoints.setdefault(key, {}).setdefault(checkpoint_id, record)
        else:
            self.writes.setdefault((*key, checkpoint_id), []).insert(0, record)
        self.start, self.below, self._older_top = record.offset, chain.prev, chain.top

    def chained(self, entry: Entry) -> Entry:
        """The entry, as the log's next record."""
        key, checkpoint_id = (entry.meta["thread"], entry.meta["ns"]), entry.meta["id"]
        count, mixed = self.count, self._mixed
        if entry.kind == Kind.CHECKPOINT:
            is_known = checkpoint_id in self.checkpoints.get(key, ())
            count += not is_known
            mixed |= (
                is_known
                or (*key, checkpoint_id) in self.writes
                or (entry.meta["attempt"], checkpoint_id) < self._newest.get(key, (0, ""))
                or (not self.is_complete and checkpoint_id <= self._older_top)
            )
        chain = Chain(self._last, count, max(self._top, checkpoint_id), mixed)
        return entry._replace(meta={**entry.meta, "chain": list(chain)})

    def trimmed(self) -> "Index":
        """The index without its older records, if it has many: a run may put a hundred thousand
        checkpoints."""
        records = self.records()
        if self._mixed or len(records) < _MOST:
            return self
        recent = records[-_RECENT:]
        index = Index(chain_of(recent[0].meta))
        for record in recent:
            index.add(record)
        return index

    def newest(self, thread_id: str, ns: str) -> Record | None:
        """The newest of the checkpoints that are known."""
        by_id = self.checkpoints.get((thread_id, ns))
        return max(by_id.values(), key=order_of) if by_id else None

    def records(self) -> list[Record]:
        """All records that count, oldest first."""
        puts = [record for by_id in self.checkpoints.values() for record in by_id.values()]
        writes = [record for batch in self.writes.values() for record in batch]
        return sorted(puts + writes, key=lambda record: record.offset)


def order(meta: Mapping[str, Any]) -> tuple[int, str]:
    """The sort key of the checkpoints of one log: ids order what one process wrote."""
    return meta["attempt"], meta["id"]


def order_of(record: Record) -> tuple[int, str]:
    """`order`, of a record."""
    return order(record.meta)
