"""Foreign pods that carry a run's labels, as a copied manifest does."""

import pytest

from objects import Object, uid_of
from simulated.world import World

from .simulated import create, go_on, phase


def copy_pod(world: World) -> Object:
    """The pod of the run r once more, made by another controller."""
    (ours,) = world.server.all("pods")
    template = {"metadata": {"labels": {}}, "spec": ours["spec"]}
    spec = {"managedBy": "other/controller", "template": template}
    job = world.server.create("jobs", {"metadata": {"name": "other"}, "spec": spec})
    owner = {"kind": "Job", "name": "other", "uid": uid_of(job), "controller": True}
    meta = {"name": "copy", "labels": ours["metadata"]["labels"], "ownerReferences": [owner]}
    status = {"phase": "Running"}
    pod = {"metadata": meta, "spec": {**ours["spec"], "nodeName": "n0"}, "status": status}
    world.server.create("pods", pod)
    return spec_of_copy(world)


def spec_of_copy(world: World) -> Object:
    found = world.server.get("pods", "copy")
    assert found is not None, "the foreign pod is gone"
    spec: Object = found["spec"]
    return spec


@pytest.mark.parametrize("how", ["interrupt", "delete"])
def test_a_foreign_pod_is_neither_stopped_nor_waited_for(world: World, how: str) -> None:
    """Failure mode 23."""
    create(world, thread="t")
    world.start_operator()
    go_on(world, rounds=5)
    before = copy_pod(world)
    go_on(world, rounds=5)
    if how == "interrupt":
        world.server.patch("agentruns", "r", {"spec": {"cancel": "interrupt"}})
    else:
        world.server.delete("agentruns", "r")
    go_on(world, rounds=60, pause=5)
    assert phase(world) == ("Interrupted" if how == "interrupt" else "gone")
    assert spec_of_copy(world) == before
