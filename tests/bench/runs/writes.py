"""API writes of the operator in the life of a run, counted in the audit log."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from bench.audited import OPERATOR, Request


class Sort(StrEnum):
    """Events are news, posted once each, and are counted apart."""

    WRITE = "write"
    EVENT = "Event"
    REFUSED = "refused"


Writes = dict[Sort, Counter[str]]  # by "verb resource"


def writes(requests: Sequence[Request], since: float, until: float) -> Writes:
    """What the operator sent within that time, in Unix seconds."""
    counted: Writes = {sort: Counter() for sort in Sort}
    for request in requests:
        if request.user == OPERATOR and since <= request.at < until:
            counted[_sort(request)][f"{request.verb} {request.what}"] += 1
    return counted


def _sort(request: Request) -> Sort:
    if request.refused:
        return Sort.REFUSED
    return Sort.EVENT if request.what == "events" else Sort.WRITE
