"""Reads all of a thread, and names what is damaged."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from agentrun_store import disk
from agentrun_store.errors import CorruptSegmentError, StoreError
from agentrun_store.segment import Segment
from agentrun_store.thread import Thread


class Finding(NamedTuple):
    """A place in a file that is not as a writer leaves it when it has finished."""

    run: str | None
    file: str
    offset: int | None
    message: str
    is_damage: bool


def check(thread: Thread) -> dict[str, Any]:
    """Read every segment that counts, and go on past damage. Returns what was found.

    `unfinished` are logs that end within a record, which readers pass over: no damage.
    """
    segments: list[Segment] = []
    findings: list[Finding] = []
    try:
        segments = thread.segments()
    except (StoreError, OSError) as error:
        findings.append(Finding(None, str(thread.path), None, str(error), True))
    for segment in segments:
        try:
            findings += _findings(segment)
        except (StoreError, OSError) as error:
            findings.append(Finding(segment.run, str(segment.path), None, str(error), True))
    return {
        "thread": thread.name,
        "segments": len(segments),
        "damaged": [_row(finding) for finding in findings if finding.is_damage],
        "unfinished": [_row(finding) for finding in findings if not finding.is_damage],
    }


def _findings(segment: Segment) -> Iterator[Finding]:
    disk.refuse_link(segment.path)
    disk.refuse_link(segment.workspace)
    length = segment.log.stat().st_size if segment.log.exists() else 0
    found = segment.scan()
    for record in found.records:
        try:
            segment.payload(record)
        except CorruptSegmentError as error:
            yield _damage(segment, error)
    if found.damage is not None:
        yield _damage(segment, found.damage)
    elif found.end < length:
        message = (
            f"{segment.log}, offset {found.end}: the last {length - found.end} bytes are no whole "
            f"record. A writer was killed here or is writing now, or the file was cut. Readers "
            f"pass over it"
        )
        yield Finding(segment.run, str(segment.log), found.end, message, False)


def _damage(segment: Segment, error: CorruptSegmentError) -> Finding:
    return Finding(segment.run, str(error.path), error.offset, str(error), True)


def _row(finding: Finding) -> dict[str, Any]:
    row = finding._asdict()
    del row["is_damage"]
    return row
