"""The termination report, from which the operator learns what became of the run.

It is in two places. The termination message has two lines: a short JSON object that survives when
the kubelet cuts the message, which it does in pods with many containers, and the report, with an
output that is truncated to fit. The log's last line, the event `finished`, has all of it; where
that is more, the event `report` before it has what the message has.
"""

import json
import os
from pathlib import Path

from . import events
from .encoding import encode, fit, plain
from .result import Result

EXIT_CODES = {"Succeeded": 0, "Failed": 1, "Stopped": 143}
# Failures of the run itself: another try would end the same way, and the exit code says so.
NON_RETRYABLE_REASONS = (
    "InvalidRun",
    "GraphImportFailed",
    "InvalidInput",
    "CheckpointRefused",
    "RunRolledBack",
)
NON_RETRYABLE_EXIT_CODE = 2

# The kubelet keeps this much of a termination message, and less of each in a pod with more than
# three containers: https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
MAX_BYTES = 4096
MAX_SHORT_BYTES = 500
MAX_MESSAGE_BYTES = 1024
TERMINATION_LOG = Path(os.environ.get("AGENTRUN_TERMINATION_LOG", "/dev/termination-log"))

_SHORT_FIELDS = ("result", "reason", "forced", "checkpoint")


def termination_message(report: Result) -> tuple[bytes, bytes]:
    """The two lines: the short report, and the whole one, truncated so that both fit."""
    short = {field: report[field] for field in _SHORT_FIELDS if field in report} | {"cut": True}
    if len(encode(short)) > MAX_SHORT_BYTES:  # an agent may name its checkpoints as it likes
        del short["checkpoint"]
    line = encode(short)
    return line, fit(report, MAX_BYTES - len(line) - 1)


def write_report(report: Result) -> int:
    """Leave the report where the kubelet picks it up, and then in the log, which may block and so
    comes last. The exit code that goes with it."""
    if "message" in report:
        report = report | {"message": plain(report["message"], MAX_MESSAGE_BYTES)}
    short, whole = termination_message(report)
    try:
        TERMINATION_LOG.write_bytes(short + b"\n" + whole)
    except OSError as error:
        events.warn(f"cannot write the termination message: {error}")
    if whole != encode(report):
        events.interject("report", **json.loads(whole))
    events.interject("finished", **report)
    if report.get("reason") in NON_RETRYABLE_REASONS:
        return NON_RETRYABLE_EXIT_CODE
    return EXIT_CODES[report["result"]]
