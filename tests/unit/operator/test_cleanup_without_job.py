"""A clean-up whose run has no Job any more, on the simulated cluster of ``make chaos``."""

import pytest

from agentrun_kube.client.kube import ApiError
from objects import Object, merged, name_of
from simulated.world import World

from .simulated import create, go_on

TOLERATIONS = [{"key": "gpu", "operator": "Exists"}]


def give_agent_tolerations(world: World, tolerations: object) -> None:
    agent = world.server.get("agents", "a")
    assert agent is not None
    template: Object = {"spec": {"tolerations": tolerations}}
    world.server.update("agents", agent, merged(agent, {"spec": {"podTemplate": template}}))


def test_the_clean_up_of_a_run_whose_job_is_gone_tolerates_what_its_agent_tolerates(
    world: World,
) -> None:
    give_agent_tolerations(world, TOLERATIONS)
    create(world, thread="t")
    world.start_operator()
    go_on(world, rounds=5)
    world.server.delete("jobs", "r")
    world.server.patch("agentruns", "r", {"spec": {"cancel": "rollback"}})
    go_on(world, rounds=20, pause=3)
    (job,) = [job for job in world.server.all("jobs") if name_of(job) != "r"]
    assert job["spec"]["template"]["spec"]["tolerations"] == TOLERATIONS


def test_what_its_agent_says_since_hinders_no_clean_up_of_a_run_whose_job_is_gone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CRD takes any tolerations, and no Job of the run has proven these."""
    create_any = world.server.create

    def create_proven(plural: str, obj: Object) -> Object:
        if plural == "jobs" and obj["spec"]["template"]["spec"].get("tolerations") == "gpu":
            raise ApiError(400, "cannot unmarshal string into Go struct field", {})
        return create_any(plural, obj)

    create(world, thread="t")
    world.start_operator()
    go_on(world, rounds=5)
    give_agent_tolerations(world, "gpu")
    world.server.delete("jobs", "r")
    monkeypatch.setattr(world.server, "create", create_proven)
    world.server.patch("agentruns", "r", {"spec": {"cancel": "rollback"}})
    go_on(world, rounds=20, pause=3)
    assert [name_of(job) for job in world.server.all("jobs") if name_of(job) != "r"]
