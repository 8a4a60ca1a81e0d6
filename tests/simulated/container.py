"""What runs on nodes: the container of a pod, an agent or a clean-up, whatever the API says."""

import json
from dataclasses import dataclass
from typing import Any

from agentrun_kube.names import AGENT_CONTAINER, CLEANUP_CONTAINER
from objects import Object, env_of, is_forged, label, name_of, uid_of

from .store import Store

SIGKILLED, STOPPED = 137, 143


@dataclass
class Exit:
    code: int
    message: str = ""
    reason: str = ""


class Container:
    """One container of one pod, as its node has it. ``seen`` is the kubelet's copy of the pod."""

    def __init__(self, pod: Object, node: str, now: float) -> None:
        self.seen = pod
        self.uid, self.name, self.node = uid_of(pod), name_of(pod), node
        self.job_uid = label(pod, "batch.kubernetes.io/controller-uid")
        main, env = pod["spec"]["containers"][0], env_of(pod)
        self.container_name: str = main.get("name", "x")
        self.forged = is_forged(pod)
        self.is_agent = self.container_name == AGENT_CONTAINER and not self.forged
        self.is_cleanup = self.container_name == CLEANUP_CONTAINER and not self.forged
        # Not by labels, which users may change where no policy forbids it.
        self.run_uid = env.get("AGENTRUN_UID", "")
        self.grace = float(pod["spec"].get("terminationGracePeriodSeconds", 30))
        self.acknowledged_at = now
        self.started_at: str | None = None
        self.signalled_at: float | None = None
        self.kill_at = 0.0
        self.shortened: float | None = None  # seconds that a Job has left to its supervisor
        self.stop_reason = ""  # DeadlineExceeded or Evicted, when the kubelet itself stops it
        self.overuse = ""  # what the kubelet says, if it evicts the pod for what the agent used
        self.timed_out = False  # by the run's own deadline, not by the operator's, which is a stop
        self.exit: Exit | None = None
        self.forgotten = False  # the API has no such pod any more
        self.given_up = False  # the cluster does not count it any more
        self.supervised = main["image"] == "runner"
        self.thread = env.get("AGENTRUN_THREAD", "")
        self.claim = _claim(pod)
        self.shortens: dict[str, Any] = json.loads(env.get("AGENTRUN_SHORTEN", "{}"))
        self.work: list[dict[str, str]] = json.loads(env.get("AGENTRUN_CLEANUP", "[]"))
        self.report: dict[str, Any] = {"runs": {}, "errors": {}}
        self.lie = env.get("REPORT", "")  # of a forged one
        self._buried = False

    @property
    def alive(self) -> bool:
        return self.started_at is not None and self.exit is None

    @property
    def directory(self) -> str:
        return f"{self.claim}/{self.thread}"

    def account(self, store: Store, result: str, **more: Any) -> str:
        if not self.supervised:
            return ""
        count = store.count(self.directory, self.run_uid)
        return json.dumps({"result": result, "checkpoint": {"count": count}, **more})

    # A clean-up

    def clean_one(self, store: Store) -> tuple[str, str] | None:
        """Half of the rollback of one run; returns the run when its segment goes."""
        if not self.work:
            return None
        uid, thread = self.work[0]["uid"], f"{self.claim}/{self.work[0]['thread']}"
        if not self._buried:
            store.bury(thread, uid)
            self._buried = True
            return thread, uid
        self._buried = False
        self.work.pop(0)
        self.report["runs"][uid] = {"checkpoints": store.discard(thread, uid)}
        return None

    def fail_one(self) -> None:
        if self.work:
            self._buried = False
            self.report["errors"][self.work.pop(0)["uid"]] = "OSError: no space left"

    def end_cleanup(self) -> None:
        self.exit = Exit(1 if self.report["errors"] else 0, json.dumps(self.report))


def _claim(pod: Object) -> str:
    claims = (v.get("persistentVolumeClaim") for v in pod["spec"].get("volumes", []))
    return next((claim["claimName"] for claim in claims if claim), "")


@dataclass
class Completed:
    """An agent that had completed all its work before any signal reached it."""

    run_uid: str
    pod_uid: str
