"""What users do to runs, and queues to their Jobs."""

from agentrun_kube.client.kube import ApiError
from objects import Object, merged, name_of

from .world import World


def cancel(world: World, run: Object, how: str) -> None:
    patch: Object = {
        "metadata": {
            "managedFields": [
                {
                    "manager": "kubectl-patch",
                    "time": world.clock.stamp(),
                    "fieldsV1": {"f:spec": {"f:cancel": {}}},
                }
            ]
        },
        "spec": {"cancel": how},
    }
    try:
        world.server.patch("agentruns", name_of(run), patch)
    except ApiError as error:
        assert error.status == 422


def resume(world: World, job: Object) -> None:
    template = {"spec": {"nodeSelector": {"pool": "x"}}}
    spec: Object = {"suspend": False, "template": template}
    world.server.update("jobs", job, merged(job, {"spec": spec}))
