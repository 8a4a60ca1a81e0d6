"""Evictions by the kubelet: for what the agent used, or because the node was short of something."""

from dataclasses import replace
from typing import Any

import pytest

from agentrun_kube.vocabulary import Phase
from agentrun_operator.facts.evictions import overuse
from agentrun_operator.runs.plan import DeleteJob, ForbidRetries, StopPod
from agentrun_operator.runs.policy.decide import decide
from agentrun_operator.runs.policy.outcome import outcome_of_pods

from .states import FAILED_POD, RUNNING_POD, job, run, said, view

LIVE: dict[str, Any] = {"has_finalizer": True, "phase": Phase.RUNNING, "jobName": "r"}
LIMIT = "Pod ephemeral local storage usage exceeds the total limit of containers 20Mi. "
MEMORY = (
    "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
    "Container agent was using 60Mi, request is 0, has larger consumption of memory. "
)
EVICTED = replace(FAILED_POD, reason="Evicted", exit_code=143, overuse=LIMIT.strip())
# The Job controller ignores its failure: there is the condition DisruptionTarget.
PRESSED = replace(EVICTED, disruption="TerminationByKubelet", overuse=MEMORY.strip())


@pytest.mark.parametrize(
    ("reason", "disruption", "message", "is_overuse"),
    [
        ("Evicted", "", LIMIT, True),
        ("Evicted", "", 'Container agent exceeded its local ephemeral storage limit "1Mi". ', True),
        ("Evicted", "", 'Usage of EmptyDir volume "tmp" exceeds the limit "1Mi". ', True),
        ("Evicted", "TerminationByKubelet", MEMORY, True),
        ("Evicted", "TerminationByKubelet", MEMORY.replace("agent", "sidecar"), False),
        ("Evicted", "TerminationByKubelet", "The node was low on resource: pids. ", False),
        ("Evicted", "", "The node had condition: [DiskPressure]. ", False),
        ("Evicted", "EvictionByEvictionAPI", MEMORY, False),
        ("Terminated", "TerminationByKubelet", MEMORY, False),
        ("", "", "", False),
    ],
)
def test_only_an_eviction_for_the_agents_own_usage_is_its_failure(
    reason: str, disruption: str, message: str, is_overuse: bool
) -> None:
    status = {"reason": reason, "message": message}
    words = overuse(status, disruption, "agent")
    assert words == (message.strip() if is_overuse else "")


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (LIMIT, "spec.resources.limits.ephemeral-storage"),
        (MEMORY, "spec.resources.requests.memory"),
        ('Usage of EmptyDir volume "x" exceeds the limit "1Mi".', "volume x"),
    ],
)
def test_the_message_names_the_limit_the_kubelets_words_and_the_field(
    words: str, field: str
) -> None:
    for pod in (EVICTED, said(EVICTED, "Stopped")):
        end = outcome_of_pods((replace(pod, overuse=words),))
        assert end is not None
        assert (end.phase, end.reason) == ("Failed", "Evicted")
        assert words in end.message
        assert field in end.message


def test_an_agent_that_completed_or_failed_before_its_eviction_keeps_its_result() -> None:
    done = outcome_of_pods((said(EVICTED, "Succeeded"),))
    failed = outcome_of_pods((said(EVICTED, "Failed", reason="InvalidInput"),))
    assert done is not None and failed is not None
    assert (done.phase, failed.reason) == ("Succeeded", "InvalidInput")


def test_an_eviction_that_the_job_counts_uses_up_retries() -> None:
    ended = decide(view(run(**LIVE), job=job(), pods=(EVICTED,)))
    assert ended.status is not None
    assert ended.status.phase == "Failed"
    pod = replace(EVICTED, exit_code=137)
    retried = decide(view(run(**LIVE), job=job(backoff_limit=1), pods=(pod,)))
    assert retried.status is not None
    assert "was evicted for what the agent used" in retried.status.conditions[0].message


def test_an_eviction_that_the_job_ignores_uses_up_retries_too() -> None:
    """Otherwise a Job would restart its agent for ever. The operator writes the result first."""
    retried = decide(view(run(**LIVE), job=job(backoff_limit=1), pods=(PRESSED,)))
    assert retried.status is not None
    assert retried.status.phase == "Pending"
    second = replace(RUNNING_POD, name="r-2", uid="2")
    plan = decide(view(run(**LIVE), job=job(), pods=(PRESSED, second)))
    assert plan.actions == ()
    assert plan.status is not None
    written = run(has_finalizer=True, **plan.status.model_dump(by_alias=True))
    plan = decide(view(written, job=job(backoff_limit=1, retries=0), pods=(PRESSED, second)))
    assert plan.actions == (ForbidRetries("r", "job-uid"), StopPod("r-2", "2"))
    plan = decide(view(written, job=job(), pods=(PRESSED,)))
    assert plan.actions == (DeleteJob("r", "job-uid"),)
    ended = decide(view(written))
    assert ended.status is not None
    assert ended.status.phase == "Failed"
    (finished,) = [c for c in ended.status.conditions if c.type == "Finished"]
    assert (finished.status, finished.reason) == ("True", "Evicted")
    assert MEMORY.strip() in finished.message


def test_a_disruption_is_no_failure_however_often_it_happens() -> None:
    taken = replace(PRESSED, overuse="")
    pods = tuple(replace(taken, name=f"r-{n}", uid=str(n)) for n in range(9))
    plan = decide(view(run(**LIVE), job=job(), pods=pods))
    assert plan.status is not None
    assert (plan.status.phase, plan.actions) == ("Pending", ())
