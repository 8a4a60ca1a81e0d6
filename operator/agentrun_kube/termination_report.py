"""What the runner says last: the account of a run, in its termination report.

The termination message has a short line and a whole one. The kubelet divides 12 KiB among all
containers of a pod, so in a pod with many of them the message is cut: then the report is the event
"finished" in the container's log or, where that has a longer output than the message had room for,
"report" before it. All of it is the agent's word and bounded here.
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


class Account(Model):
    """The runner's last words."""

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
    """Python reads more than the API server takes: NaN, and numbers that no double can hold."""
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is no number")
    return int(text) if text.removeprefix("-").isdigit() else number


def json_object(text: str) -> Object:
    """The JSON object that the text is; an empty one for any other text: any user may write it."""
    try:
        value = json.loads(text, parse_constant=_number, parse_float=_number, parse_int=_number)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read_report(message: str, log: str | None) -> tuple[Account | None, bool]:
    """The account in a termination message; whether the log has to be read for the whole of it.

    ``log``: the last lines of the container's log; None if they were not read yet.
    """
    accounts = [account for line in message.split("\n") if (account := read_account(line))]
    whole = next((account for account in accounts if not account.cut), None)
    if whole is not None or not message.strip():
        return whole, False
    for line in reversed((log or "").split("\n")):
        account = read_account(line) if line.startswith(REPORT_LINES) else None
        if account is not None and not account.cut:
            return account, False
    short = accounts[0] if accounts else None
    if short is not None:
        short = short.model_copy(update={"message": REPORT_CUT})
    return short, log is None


def read_account(text: str) -> Account | None:
    """The account that the JSON object is; None if there is none that can be used.

    An agent may write what it likes: it can kill its supervisor.
    """
    try:
        account = Account.model_validate(json_object(text))
        account.model_dump(mode="json")  # what nests too deeply cannot be written into a status
        return _bounded(account)
    except (ValueError, RecursionError):
        return None


def _bounded(account: Account) -> Account:
    reason = account.reason
    if reason is not None and not _REASON.fullmatch(reason):
        reason = None
    output, truncated = account.output, account.output_truncated
    text = _json(output)
    if len(text) > LARGEST_VALUE:
        output, truncated = clean(text.decode(), LARGEST_VALUE), True
    else:
        output = json.loads(text)
    asked = _json(account.interrupts)
    questions = json.loads(asked) if len(asked) <= LARGEST_VALUE else []
    checkpoint = account.checkpoint
    if checkpoint is not None and checkpoint.id is not None:
        checkpoint = checkpoint.model_copy(update={"id": clean(checkpoint.id, LONGEST_ID)})
    return account.model_copy(
        update={
            "reason": reason,
            "message": clean(account.message),
            "output": output,
            "output_truncated": truncated,
            "checkpoint": checkpoint,
            "interrupts": tuple(questions),
        }
    )


def _json(value: Any) -> bytes:
    """As JSON in valid UTF-8: lone surrogates, which JSON can name, become question marks."""
    return json.dumps(value, ensure_ascii=False).encode(errors="replace")
