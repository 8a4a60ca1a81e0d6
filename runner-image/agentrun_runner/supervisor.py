"""One run from beginning to end: start the agent, stop it at SIGTERM, write the report.

THE LINE: a result counts if the agent had it when the supervisor took SIGTERM; a later one never
does. So a run is never Succeeded because its stop made it end, nor Failed because its stop made it
raise.
"""

import signal
import time
from contextlib import suppress

from . import events, runfile
from .clock import Clock
from .kernel import protect_supervisor
from .process import Child, bounded, kill_all
from .result import Result, ResultSlot, checked, failed
from .runtimes import Runtime, runtime_of
from .signals import SignalQueue
from .stop_file import StopFile, path_of
from .stop_pipe import StopPipe
from .termination_report import write_report

EXIT_SECONDS = 1.0  # for the exit handlers and threads of a graph that has ended


def main(signals: SignalQueue) -> int:
    """Run this pod's run and write its report. Returns the exit code."""
    try:
        run = runfile.load()
    except runfile.InvalidRunError as error:
        return write_report(failed("InvalidRun", str(error)))
    events.emit("started", run=run.name, namespace=run.namespace, uid=run.uid, thread=run.thread)
    protect_supervisor()
    clock = Clock(runfile.grace_period(), signals)
    result = run_agent(run, signals, clock)
    kill_all(signals, lambda: clock.wrap_up_until(0.4))
    checkpoint = bounded(lambda: _checkpoint(run), signals, lambda: clock.wrap_up_until(0.6))
    if checkpoint is None:
        events.warn("the store gave no answer; the report goes without a checkpoint")
    else:
        result["checkpoint"] = checkpoint
    return write_report(result)


def run_agent(run: runfile.Run, signals: SignalQueue, clock: Clock) -> Result:
    """Run the agent in a child until it and its process group have ended, by themselves or not."""
    slot = ResultSlot.create()
    stop_pipe = StopPipe.create()
    runtime = runtime_of(run)
    child = Child(lambda: runtime.exec(run, slot, stop_pipe), signals)
    stop_file = StopFile(path_of(run), signals, clock)
    while not (ended := child.ended()) and not slot.sealed() and signals.stopped_at is None:
        signals.wait()
    result = slot.read()  # THE LINE
    forced = False
    if result is not None:
        _await_exit(child, signals, clock)
    elif not ended:
        stop_file.watch()
        forced = not stop(child, slot, stop_pipe, signals, clock)
    clock.agent_ended()
    child.signal(signal.SIGKILL)  # the rest of the agent's group; the dead child keeps its id
    if result is not None:
        return checked(result)
    if ended:
        return _of_exit_code(runtime, child.exit_code())
    result = _stopped(signals, forced)
    return result | {"forced": True} if forced else result


def stop(
    child: Child, slot: ResultSlot, stop_pipe: StopPipe, signals: SignalQueue, clock: Clock
) -> bool:
    """Stop the agent, and kill it at `clock.kill_at`. Returns whether it ended by itself.

    A graph has ended when it has sealed its slot; its process has EXIT_SECONDS more.
    """
    stop_pipe.stop()
    child.signal(signal.SIGTERM)
    if not events.would_block():
        events.interject("stopping")
    _prepare_for_the_report()
    if child.wait(signals, clock.kill_at, slot.sealed):
        return True
    if slot.sealed():
        _await_exit(child, signals, clock)
        return True
    child.signal(signal.SIGKILL)
    child.wait(signals, lambda: clock.wrap_up_until(0.25))
    return False


def _await_exit(child: Child, signals: SignalQueue, clock: Clock) -> None:
    """End the process of a graph that has ended. The exit handlers and threads of its libraries
    get EXIT_SECONDS, less if the grace period is over before."""
    exit_at = time.monotonic() + EXIT_SECONDS
    if not child.wait(signals, lambda: min(exit_at, clock.kill_at())):
        child.signal(signal.SIGKILL)
        child.wait(signals, lambda: clock.wrap_up_until(0.25))


def _stopped(signals: SignalQueue, forced: bool) -> Result:
    seconds = f"{time.monotonic() - (signals.stopped_at or 0):.1f} s"
    end = f"was killed after {seconds}" if forced else f"ended after {seconds}"
    return {"result": "Stopped", "message": f"SIGTERM arrived, and the agent {end}"}


def _of_exit_code(runtime: Runtime, code: int) -> Result:
    """The result of a process that left none of its own."""
    if code == 0 and runtime.exits_with_success:
        return {"result": "Succeeded"}
    if code >= 0:
        return failed(
            "AgentFailed", f"{runtime.process} ended with exit code {code}; see the pod's log"
        )
    names = {known.value: known.name for known in signal.Signals}
    message = (
        f"{runtime.process} was killed by {names.get(-code, f'signal {-code}')}, not by the runner"
    )
    if -code == signal.SIGKILL:
        message += "; most often that is the memory limit: see Agent spec.resources.limits.memory"
    return failed("AgentFailed", message)


def _prepare_for_the_report() -> None:
    """Import the modules of `_checkpoint` while the agent ends: afterwards time is short."""
    with suppress(ImportError):
        import agentrun_store.summary  # noqa: F401 (see above)


def _checkpoint(run: runfile.Run) -> Result:
    from agentrun_store.summary import summary  # not at the top: the agent starts sooner

    last, count = summary(runfile.STORE, run.thread, run.uid)
    return {"id": last, "count": count}
