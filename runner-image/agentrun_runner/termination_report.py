"""The termination report, from which the operator learns the run's result.

It is in two places. The termination message has two lines: a short JSON object that survives when
the kubelet cuts the message, which it does in pods with many containers, and the report, with an
output that is truncated to fit. The log's last line, the event `finished`, has the whole report; if
the message has less, the event `report` before that line has the same as the message.
"""

import json
import os
from pathlib import Path

from . import events
from .encoding import encode, fit, plain
from .result import Result

EXIT_CODES = {"Succeeded": 0, "Failed": 1, "Stopped": 143}
# Failures of the run itself: a retry would end the same way, and the exit code says so.
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
    if len(encode(short)) > MAX_SHORT_BYTES:  # an agent can choose the ids of its checkpoints
        del short["checkpoint"]
    line = encode(short)
    return line, fit(report, MAX_BYTES - len(line) - 1)


def write_report(report: Result) -> int:
    """Write the report to the file that the kubelet reads, and last to the log, which may block.
    Returns its exit code."""
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
