"""Namespaces with quotas, limits, injected sidecars and other schedulers."""

from typing import Any

from . import deployment
from .kubectl import Object
from .namespace import Namespace, agent, command_agent
from .run import condition, message, time

RESOURCES = {"cpu": "100m", "memory": "256Mi"}
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def quota() -> Object:
    """A quota by which every container of the namespace needs requests and limits."""
    hard = {"requests.cpu": "8", "requests.memory": "8Gi"} | {
        "limits.cpu": "8",
        "limits.memory": "8Gi",
    }
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "all"},
        "spec": {"hard": hard},
    }


def sidecar(number: int) -> Object:
    return {
        "name": f"sidecar-{number}",
        "image": deployment.runner_image(),
        "restartPolicy": "Always",
        "command": ["python3", "-c", "import signal; signal.pause()"],
        "securityContext": RESTRICTED,
    }


def test_a_quota_stops_neither_runs_nor_their_clean_up(ns: Namespace) -> None:
    """Every container that the operator adds has requests and limits."""
    full: dict[str, Any] = {"resources": {"requests": RESOURCES, "limits": RESOURCES}}
    program = ("python3", "-c", "open('made', 'w').write('x')")
    image = deployment.operator_image()
    ns.create(
        quota(),
        agent("full", graph="steps:graph", **full),
        command_agent("foreign", *program, image=image, **full),
    )
    config = {"configurable": {"hold": 2}}
    run = ns.run("full", thread="t", input={"steps": 3}, config=config)
    foreign = ns.run("foreign", thread="u", input={})
    run.wait_step(2)
    foreign.wait("Succeeded")
    run.cancel("rollback")
    run.wait_gone()
    assert ns.store().segments("threads/t") == []


def test_a_report_arrives_whole_beside_fifteen_sidecars(ns: Namespace) -> None:
    """The kubelet divides 12 KiB of termination messages among all containers of a pod."""
    sidecars = [sidecar(number) for number in range(15)]
    template = {"spec": {"initContainers": sidecars}}
    ns.create(agent("crowded", graph="echoes:graph", podTemplate=template))
    text = "x" * 3500
    status = ns.run("crowded", thread="t", input={"text": text}).wait("Succeeded", 90)["status"]
    assert status["output"]["text"] == text
    assert status["checkpoint"]["id"]


def test_a_pod_that_no_scheduler_looks_at_names_the_field_and_can_be_cancelled(
    ns: Namespace,
) -> None:
    template = {"spec": {"schedulerName": "queue-scheduler"}}
    ns.create(agent("queued", graph="steps:graph", podTemplate=template))
    run = ns.run("queued", thread="t", input={"steps": 1})
    told = run.wait_waiting("SchedulerSilent")
    assert "queue-scheduler" in told
    assert "spec.podTemplate.spec.schedulerName" in told
    run.cancel("interrupt")
    ended = run.wait("Interrupted")
    assert "kubelet" not in message(ended, "Stopped")


def test_an_agent_that_writes_more_than_its_limit_fails_and_its_retries_count(
    ns: Namespace,
) -> None:
    """The kubelet evicts the pod, which is no disruption: the message names the limit and field."""
    limits = {"limits": {"ephemeral-storage": "20Mi"}}
    writes = "open('/tmp/x', 'wb').write(b'x' * 60 * 2**20); import time; time.sleep(600)"
    ns.create(command_agent("writes", "python3", "-c", writes, resources=limits))
    run = ns.run("writes", thread="t", input={})
    ended = run.wait("Failed", seconds=120)
    assert condition(ended, "Finished") == ("True", "Evicted")
    told = message(ended, "Finished")
    assert "20Mi" in told
    assert "spec.resources.limits.ephemeral-storage" in told
    assert ended["status"]["attempts"] == 1


def test_an_agent_with_a_day_of_grace_is_gone_within_seconds(ns: Namespace) -> None:
    """spec.cancelGracePeriodSeconds, set with the cancel, for a stop and a rollback."""
    day: dict[str, Any] = {"input": {}, "gracePeriodSeconds": 86400}
    stopped = ns.run("ignores-sigterm", thread="a", **day)
    rolled_back = ns.run("ignores-sigterm", thread="b", retries=2, **day)
    for run in (stopped, rolled_back):
        run.wait_step(1)
    stopped.patch({"spec": {"cancel": "interrupt", "cancelGracePeriodSeconds": 2}})
    rolled_back.patch({"spec": {"cancel": "rollback", "cancelGracePeriodSeconds": 1}})
    status = stopped.wait("Interrupted", seconds=30)["status"]
    assert stopped.processes() == []
    assert status["cancel"]["forced"] is True
    gone_at, asked_at = time(status["cancel"]["goneAt"]), time(status["cancel"]["requestedAt"])
    assert (gone_at - asked_at).seconds <= 12
    rolled_back.wait_gone(seconds=40)
    assert rolled_back.processes() == []


def test_a_stop_that_has_begun_is_shortened_and_log_and_report_stay(ns: Namespace) -> None:
    """spec.cancelGracePeriodSeconds, set after the cancel, for a stop and a rollback."""
    day: dict[str, Any] = {"input": {}, "gracePeriodSeconds": 86400}
    stopped = ns.run("ignores-sigterm", thread="a", **day)
    rolled_back = ns.run("ignores-sigterm", **day)
    for run, cancel in ((stopped, "interrupt"), (rolled_back, "rollback")):
        run.wait_step(1)
        run.cancel(cancel)
    for run in (stopped, rolled_back):
        run.wait_log(event="stopping")  # so the kubelet has begun to stop the pod
        assert run.status["phase"] == "Cancelling"
        assert run.processes()
        run.patch({"spec": {"cancelGracePeriodSeconds": 2}})
    status = stopped.wait("Interrupted", seconds=30)["status"]
    assert stopped.processes() == []
    assert status["cancel"]["forced"] is True
    assert status["checkpoint"]["id"]
    finished = stopped.log()[-1]
    assert (finished["event"], finished["result"]) == ("finished", "Stopped")
    rolled_back.wait_gone(seconds=60)
    assert rolled_back.processes() == []
    store = ns.store()
    assert store.segments(f"stateless/{rolled_back.uid}") == []
