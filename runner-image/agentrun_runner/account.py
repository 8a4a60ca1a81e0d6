"""The account: the termination message, from which the operator learns what became of the run."""

import os
from pathlib import Path

from agentrun_runner import events
from agentrun_runner.encoding import fit
from agentrun_runner.result import Result

EXIT_CODES = {"Succeeded": 0, "Failed": 1, "Stopped": 143}
# Failures of the run itself: another try would end the same way, and this code says so.
HOPELESS = ("InvalidRun", "GraphImportFailed", "InvalidInput", "RunRolledBack")
HOPELESS_EXIT_CODE = 2

# The kubelet keeps this much of a termination message:
# https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
MAX_BYTES = 4096
TERMINATION_LOG = Path(os.environ.get("AGENTRUN_TERMINATION_LOG", "/dev/termination-log"))


def give(account: Result) -> int:
    """Leave the account where the kubelet picks it up, and then the whole of it in the log, which
    may block and so comes last. The exit code that goes with it."""
    try:
        TERMINATION_LOG.write_bytes(fit(account, MAX_BYTES))
    except OSError as error:
        events.warn(f"cannot write the account: {error}")
    events.interject("finished", **account)
    if account.get("reason") in HOPELESS:
        return HOPELESS_EXIT_CODE
    return EXIT_CODES[account["result"]]
