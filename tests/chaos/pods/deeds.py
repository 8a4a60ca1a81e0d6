"""What is done to a run, from outside and by hand."""

from collections.abc import Callable

from cluster import node_exec
from e2e.kubectl import KubectlError, Object, kubectl
from e2e.run import Run

Deed = Callable[[Run], None]

# By SIGKILL: the processes that are given.
_KILL = "kill -KILL $@ 2>/dev/null || exit 0"
# By SIGKILL: the clean-up of a run, as soon as there is one. Prints what it kills.
_KILL_CLEAN_UP = """
for (( i = 0; i < 800; i++ )); do
    for file in $(grep -lsz "^AGENTRUN_CLEANUP=.*$1" /proc/[0-9]*/environ); do
        pid=${file//[^0-9]}; kill -KILL $pid && echo $pid && exit
    done
    sleep 0.05
done
"""


class MissedError(Exception):
    """What the deed was meant for is not there, or has ended already."""


def do(deed: Deed, run: Run) -> None:
    """Do it. Raises MissedError if it is too late for it, or too early."""
    try:
        deed(run)
    except KubectlError as error:
        # What is gone, and what the API server refuses: the cancel of a run that has finished.
        if str(error).endswith("not found") or "is invalid" in str(error):
            raise MissedError(str(error)) from error
        raise


def interrupt(run: Run) -> None:
    run.cancel("interrupt")


def rollback(run: Run) -> None:
    run.cancel("rollback")


def manage_from_git(run: Run) -> None:
    """From now on a rollback leaves the record as a tombstone."""
    run.patch({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "x"}}})


def delete(run: Run) -> None:
    run.delete()


def delete_pod(run: Run) -> None:
    kubectl("delete", "pod", _pod(run), "-n", run.namespace, "--wait=false")


def delete_job(run: Run) -> None:
    kubectl("delete", "job", run.name, "-n", run.namespace, "--wait=false")


def orphan_pod(run: Run) -> None:
    kubectl("delete", "job", run.name, "-n", run.namespace, "--wait=false", "--cascade=orphan")


def evict(run: Run) -> None:
    run.evict(_pod(run))


def kill_pod(run: Run) -> None:
    """SIGKILL everything that is in the run's containers."""
    _kill(run.processes())


def kill_agent(run: Run) -> None:
    """SIGKILL the agent, but not the supervisor above it."""
    _kill(sorted(run.processes())[1:])


def kill_clean_up(run: Run) -> None:
    if run.get_if_there() is None:
        raise MissedError("the run is gone, and so the clean-up is over")
    if not node_exec("bash", "-c", _KILL_CLEAN_UP, "bash", run.uid):
        raise MissedError("the clean-up was not seen")


def _kill(pids: list[int]) -> None:
    if not pids:
        raise MissedError("no process is alive")
    node_exec("bash", "-c", _KILL, "bash", *map(str, pids))


def _pod(run: Run) -> str:
    """The name of the run's youngest pod."""
    pods: list[Object] = run.pods()
    if not pods:
        raise MissedError("the run has no pod")
    youngest = max(pods, key=lambda pod: int(pod["metadata"]["resourceVersion"]))
    return str(youngest["metadata"]["name"])
