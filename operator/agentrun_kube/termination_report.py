"""The runner's termination report: how a run ended, in its own words and bounded here.

The termination message has a short line and a whole one. The kubelet divides 12 KiB among all
containers of a pod, so in a pod with many of them the message is cut: then the report is the event
"finished" in the container's log or, where that has a longer output than the message had room for,
"report" before it. An agent can write such a report itself, so nothing in it is trusted.
"""

import json
import re
from math import isfinite
from typing import Any, Literal

from .objects import Object
from .text import clean
from .v1alpha1.agent_run import CheckpointStatus
from .v1alpha1.base import Model

LARGEST_VALUE = 4096  # bytes of an output, or of the questions of a paused graph, as JSON
LONGEST_ID = 253
REPORT_LINES = ('{"event":"report"', '{"event":"finished"')  # how they begin in the log
_REASON = re.compile(r"[A-Z][A-Za-z0-9]{0,63}")
REPORT_CUT = "The kubelet cut the termination report, and the log is gone: the output is not known."


class TerminationReport(Model):
    """How the runner says that the run ended."""

    result: Literal["Succeeded", "Failed", "Stopped"]
    reason: str | None = None
    message: str = ""
    output: Any = None
    output_truncated: bool | None = None
    checkpoint: CheckpointStatus | None = None
    interrupts: tuple[dict[str, Any], ...] = ()
    forced: bool | None = None
    cut: bool = False  # the short line, which leaves out message, output and interrupts


def _number(text: str) -> int | float:
    """Python parses more than the API server accepts: NaN, and numbers beyond a double."""
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is no number")
    return int(text) if text.removeprefix("-").isdigit() else number


def json_object(text: str) -> Object:
    """Parse a JSON object; an empty one for any other text (users can write it)."""
    try:
        value = json.loads(text, parse_constant=_number, parse_float=_number, parse_int=_number)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read_report(message: str, log: str | None) -> tuple[TerminationReport | None, bool]:
    """The report in a termination message; whether the log has to be read for the whole of it.

    ``log``: the last lines of the container's log; None if they were not read yet.
    """
    reports = [report for line in message.split("\n") if (report := parse_report(line))]
    whole = next((report for report in reports if not report.cut), None)
    if whole is not None or not message.strip():
        return whole, False
    for line in reversed((log or "").split("\n")):
        report = parse_report(line) if line.startswith(REPORT_LINES) else None
        if report is not None and not report.cut:
            return report, False
    short = reports[0] if reports else None
    if short is not None:
        short = short.model_copy(update={"message": REPORT_CUT})
    return short, log is None


def parse_report(text: str) -> TerminationReport | None:
    """The report that the JSON object is; None if there is none that can be used.

    An agent can kill its supervisor and write any text here.
    """
    try:
        report = TerminationReport.model_validate(json_object(text))
        report.model_dump(mode="json")  # what nests too deeply cannot be written into a status
        return _bounded(report)
    except (ValueError, RecursionError):
        return None


def _bounded(report: TerminationReport) -> TerminationReport:
    reason = report.reason
    if reason is not None and not _REASON.fullmatch(reason):
        reason = None
    output, truncated = report.output, report.output_truncated
    text = _json(output)
    if len(text) > LARGEST_VALUE:
        output, truncated = clean(text.decode(), LARGEST_VALUE), True
    else:
        output = json.loads(text)
    asked = _json(report.interrupts)
    questions = json.loads(asked) if len(asked) <= LARGEST_VALUE else []
    checkpoint = report.checkpoint
    if checkpoint is not None and checkpoint.id is not None:
        checkpoint = checkpoint.model_copy(update={"id": clean(checkpoint.id, LONGEST_ID)})
    return report.model_copy(
        update={
            "reason": reason,
            "message": clean(report.message),
            "output": output,
            "output_truncated": truncated,
            "checkpoint": checkpoint,
            "interrupts": tuple(questions),
        }
    )


def _json(value: Any) -> bytes:
    """As JSON in valid UTF-8: lone surrogates, which JSON can name, become question marks."""
    return json.dumps(value, ensure_ascii=False).encode(errors="replace")
