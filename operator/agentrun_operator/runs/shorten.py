"""Tells the supervisor of a pod that is being stopped to end its run sooner, by a Job.

The kubelet keeps to the grace period with which it began to stop a pod, so that the volume is the
only way into it.
"""

from agentrun_kube.client.kube import ApiError, Kube
from agentrun_kube.objects import Object

from ..facts.objects import condition_is_true
from ..resources.shorten_job import shorten_job, shorten_job_name
from .plan import ShortenStop
from .refusals import JobRefusedError
from .view import View


async def shorten(kube: Kube, view: View, action: ShortenStop) -> None:
    """Create the Job unless it exists. Raises ApiError, JobRefusedError."""
    run, namespace = view.run, view.run.metadata.namespace
    name = shorten_job_name(run, action.seconds)
    found = await kube.get("jobs", namespace, name)
    if found is not None:
        await _check(kube, view, found)
        return
    pod = await kube.get("pods", namespace, action.pod)
    claim = None if pod is None else _claim(pod)
    if pod is None or pod["metadata"]["uid"] != action.uid or claim is None:
        return  # it is gone, or the next look shows what there is
    image = view.installation.runner_image
    try:
        await kube.create(
            "jobs", namespace, shorten_job(run, action.seconds, claim, pod["spec"], image)
        )
    except ApiError as error:
        if error.is_refusal:
            raise JobRefusedError(error.message) from error
        if error.status != 409:
            raise


async def _check(kube: Kube, view: View, job: Object) -> None:
    """Delete a Job that has failed; the next look creates another."""
    meta = job["metadata"]
    owners = meta.get("ownerReferences") or []
    if view.run.metadata.uid not in [owner["uid"] for owner in owners]:
        raise JobRefusedError(f"Job {meta['name']} exists and is not the operator's; delete it.")
    if condition_is_true(job, "Failed"):
        await kube.delete("jobs", view.run.metadata.namespace, meta["name"], meta["uid"])
        raise JobRefusedError(f"Job {meta['name']} has failed.")


def _claim(pod: Object) -> str | None:
    """The PersistentVolumeClaim that the pod has as its store."""
    for volume in pod["spec"].get("volumes") or []:
        if volume["name"] == "store" and "persistentVolumeClaim" in volume:
            return str(volume["persistentVolumeClaim"]["claimName"])
    return None
