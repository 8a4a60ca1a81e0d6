"""A clean-up whose run has no Job any more, on the simulated cluster of ``make chaos``."""

from objects import Object, merged, name_of
from simulated.world import World

from .simulated import create, go_on

TOLERATIONS = [{"key": "gpu", "operator": "Exists"}]


def test_the_clean_up_of_a_run_whose_job_is_gone_tolerates_what_its_agent_tolerates(
    world: World,
) -> None:
    agent = world.server.get("agents", "a")
    assert agent is not None
    template: Object = {"spec": {"tolerations": TOLERATIONS}}
    world.server.update("agents", agent, merged(agent, {"spec": {"podTemplate": template}}))
    create(world, thread="t")
    world.start_operator()
    go_on(world, rounds=5)
    world.server.delete("jobs", "r")
    world.server.patch("agentruns", "r", {"spec": {"cancel": "rollback"}})
    go_on(world, rounds=20, pause=3)
    (job,) = [job for job in world.server.all("jobs") if name_of(job) != "r"]
    assert job["spec"]["template"]["spec"]["tolerations"] == TOLERATIONS
