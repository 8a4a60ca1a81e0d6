"""Reads all of a thread, and names the damage."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from .. import disk
from ..errors import CorruptSegmentError, LogChangedError, StoreError
from ..log import MAX_READ_ATTEMPTS
from ..segment import Segment
from ..thread import Thread


class Finding(NamedTuple):
    """A place in a file where a record is damaged or unfinished."""

    run: str | None
    file: str
    offset: int | None
    message: str
    is_damage: bool


def check(thread: Thread) -> dict[str, Any]:
    """Read every segment that counts, also those after damage. Returns the findings.

    `unfinished` are logs that end within a record, which readers ignore: no damage.
    """
    segments: list[Segment] = []
    findings: list[Finding] = []
    try:
        segments = [*thread.segments(), *thread.kept()]
    except (StoreError, OSError) as error:
        findings.append(Finding(None, str(thread.path), None, str(error), True))
    for segment in segments:
        try:
            findings += _settled(segment)
        except (StoreError, OSError) as error:
            findings.append(Finding(segment.run, str(segment.path), None, str(error), True))
    return {
        "thread": thread.name,
        "segments": len(segments),
        "damaged": [_row(finding) for finding in findings if finding.is_damage],
        "unfinished": [_row(finding) for finding in findings if not finding.is_damage],
    }


def _settled(segment: Segment) -> list[Finding]:
    """The findings in one unchanged log, even if a prune or a rollback replaces it meanwhile."""
    for _ in range(MAX_READ_ATTEMPTS - 1):
        with suppress(LogChangedError):
            return list(_findings(segment))
    return list(_findings(segment))


def _findings(segment: Segment) -> Iterator[Finding]:
    disk.refuse_link(segment.path)
    disk.refuse_link(segment.workspace)
    found = segment.scan()
    for record in found.records:
        try:
            segment.verify(record)
        except CorruptSegmentError as error:
            yield _damage(segment, error)
    if found.damage is not None:
        yield _damage(segment, found.damage)
    elif found.end < found.size:
        message = (
            f"{segment.log}, offset {found.end}: the last {found.size - found.end} bytes are no "
            f"whole record. A writer was killed here or is writing now, or the file was cut. "
            f"Readers pass over it"
        )
        yield Finding(segment.run, str(segment.log), found.end, message, False)


def _damage(segment: Segment, error: CorruptSegmentError) -> Finding:
    return Finding(segment.run, str(error.path), error.offset, str(error), True)


def _row(finding: Finding) -> dict[str, Any]:
    row = finding._asdict()
    del row["is_damage"]
    return row
