"""The processes of a run on the node: the kernel's answer to "is any of them alive?"."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

from cluster import node_exec

# A process may end while grep reads its files: grep must still report the others.
_FIND = 'grep --files-with-matches --no-messages --null-data --line-regexp "AGENTRUN_UID=$1"'
_LIST = f"{_FIND} /proc/[0-9]*/environ || true"
_OPEN = f"touch $({_FIND} /proc/[0-9]*/environ | head -n 1 | xargs dirname)/root/tmp/go"
# The shell takes the time before each grep: a process that grep finds was alive then. The last one
# may have died a little later than the printed time, never earlier.
_LAST_ALIVE = (
    "last=0; now=$EPOCHREALTIME; "
    f"while {_FIND} --quiet /proc/[0-9]*/environ; "
    "do last=$now; sleep 0.02; now=$EPOCHREALTIME; done; echo $last"
)


# The UID of a pod in a cgroup's name has _ in place of - if systemd manages the cgroups.
_SIGNAL = (
    'sent=1; for file in $(grep --files-with-matches --no-messages "${1//-/[-_]}" '
    "/proc/[0-9]*/cgroup); do pid=$(dirname $file); "
    'grep --quiet python $pid/comm && kill "-$2" $(basename $pid) && sent=0; done; exit $sent'
)


def processes(run_uid: str) -> list[int]:
    """PIDs, in the node, of the living processes that have the run's UID in their environment."""
    found = node_exec("bash", "-c", _LIST, "bash", run_uid)
    return [int(path.split("/")[2]) for path in found.split()]


def signal_python(pod_uid: str, signal: str) -> None:
    """Send a signal, such as STOP, to the Python processes of a pod.

    Raises CommandFailed if there are none.
    """
    node_exec("bash", "-c", _SIGNAL, "bash", pod_uid, signal)


def kill_python(pod_uid: str) -> None:
    """SIGKILL the Python processes of a pod."""
    signal_python(pod_uid, "KILL")


def open_gate(run_uid: str) -> None:
    """Open the gate at which an agent with `hold` waits; needs no API server."""
    node_exec("bash", "-c", _OPEN, "bash", run_uid)


class Vigil:
    """Watches the processes of a run from now on until the last of them has died."""

    def __init__(self, run_uid: str, seconds: float = 60) -> None:
        self._pool = ThreadPoolExecutor(1)
        script = ("timeout", f"{seconds:.0f}", "bash", "-c", _LAST_ALIVE, "bash", run_uid)
        self._printed: Future[str] = self._pool.submit(node_exec, *script)
        self._pool.shutdown(wait=False)

    def last_seen_alive(self) -> datetime:
        """A time just before the last death at which a process of the run was certainly alive.

        Waits for the death. Raises CommandFailed if a process does not die in time.
        """
        return datetime.fromtimestamp(float(self._printed.result()), UTC)
