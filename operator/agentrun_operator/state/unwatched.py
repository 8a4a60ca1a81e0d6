"""Jobs and pods that have left the watch while a run still needs to know how they ended."""

from agentrun_kube.client.kube import Kube
from agentrun_kube.client.paths import label_is
from agentrun_kube.names import LABEL_JOB
from agentrun_kube.objects import Object

from .intake import Intake
from .workqueue import Key, Reconciler


class UnwatchedReconciler:
    """Reads each of them once more: has it succeeded, or is it gone?"""

    def __init__(self, kube: Kube, intake: Intake) -> None:
        self._kube = kube
        self._intake = intake

    async def reconcile(self, key: Key) -> None:
        intake = self._intake
        left = intake.unwatched.get(key)
        if left is None:
            return  # another look was faster
        read = self._read_job if key.reconciler == Reconciler.UNWATCHED_JOB else self._read_pod
        found = await read(key.namespace, key.name)
        if found is None or found["metadata"]["uid"] != left.uid:
            intake.add(intake.cache.remove(left))
        if intake.unwatched[key] is left:  # else it has left once more, and is read once more
            del intake.unwatched[key]

    async def _read_job(self, namespace: str, name: str) -> Object | None:
        job, pods = await job_with_its_pods(self._kube, namespace, name)
        for pod in pods:  # first, for they say how the Job has ended
            self._intake.learn("pods", pod)
        if job is not None:
            self._intake.learn("jobs", job)
        return job

    async def _read_pod(self, namespace: str, name: str) -> Object | None:
        pod = await self._kube.get("pods", namespace, name)
        if pod is not None:
            self._intake.learn("pods", pod)
        return pod


async def job_with_its_pods(
    kube: Kube, namespace: str, name: str
) -> tuple[Object | None, list[Object]]:
    """A Job of ours, read directly, and the pods that it has made."""
    job = await kube.get("jobs", namespace, name)
    pods, _ = await kube.list("pods", namespace, labelSelector=label_is(LABEL_JOB, name))
    return job, pods
