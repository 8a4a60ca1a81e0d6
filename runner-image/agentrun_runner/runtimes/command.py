"""Runs any program, in the run's workspace. Its exit code is its result; no shell is involved."""

import os
from pathlib import Path

from .. import runfile, termination_report
from ..result import Result, ResultSlot, failed
from ..stop_pipe import StopPipe


def exec_program(run: runfile.Run, slot: ResultSlot, _: StopPipe) -> None:
    """Turn this process, which the supervisor has forked, into the program.

    This process makes the workspace, not the supervisor: a copy takes time, and must be stoppable.
    """
    command = run.runtime
    if not isinstance(command, runfile.Command):
        raise TypeError(command)
    path = _prepare(run.thread, run.uid)
    if not isinstance(path, Path):
        slot.seal(path)
        return
    os.environ["AGENTRUN_WORKSPACE"] = str(path)
    program = command.argv[0]
    try:
        os.chdir(path)
        os.execvp(program, command.argv)  # noqa: S606 - no shell is the point
    except OSError as error:
        text = f"Agent spec.runtime.command: cannot execute {program!r}: {error.strerror}"
        slot.seal(failed("AgentFailed", text))


def prepare_workspace() -> int:
    """The init container of an Agent whose image has no runner and so cannot make a workspace.

    Returns the exit code; it writes a termination report only after a failure.
    """
    try:
        thread, uid = runfile.variable("AGENTRUN_THREAD"), runfile.variable("AGENTRUN_UID")
    except runfile.InvalidRunError as error:
        return termination_report.write_report(failed("InvalidRun", str(error)))
    path = _prepare(thread, uid)
    return 0 if isinstance(path, Path) else termination_report.write_report(path)


def _prepare(thread: str, uid: str) -> Path | Result:
    from agentrun_store import RunRolledBackError, StoreError, workspace  # where needed

    try:
        return workspace.prepare(runfile.STORE, thread, uid)
    except RunRolledBackError as error:
        return failed("RunRolledBack", str(error))
    except (StoreError, OSError) as error:
        return failed("StoreFailed", f"the workspace cannot be made: {error}")
