"""The API server refuses the clean-up Job of one run: no other run's status says so."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .deployment import USER
from .kubectl import PATIENCE, KubectlError, Object, create, kubectl, watch
from .namespace import Namespace, agent, foreign_job, put_into
from .run import Run, condition, message
from .volume import volume

WORDS = "nothing is cleaned today"


def test_a_refused_clean_up_is_reported_on_its_own_run_only(ns: Namespace) -> None:
    """Failure mode 31."""
    with volume(ns, "other-store") as other:
        ns.create(agent("elsewhere", graph="steps:graph", store={"claimName": other.name}))
        config = {"configurable": {"hold": 3}}
        elsewhere = ns.run("elsewhere", thread="t", input={"steps": 4}, config=config)
        refused, later = ns.held_run(thread="a"), ns.held_run(thread="b")
        elsewhere.wait_step(3)
        with refused_cleanups(ns, "agentrun-store"):
            refused.cancel("rollback")
            stuck = refused.wait_until(
                "its clean-up is refused",
                lambda obj: condition(obj, "RolledBack") == ("False", "CleanupFailed"),
            )
            assert WORDS in message(stuck, "RolledBack")
            assert reasons_until_gone(elsewhere) <= {"CleanupPending"}
            assert [path for path in other.files() if f"-{elsewhere.uid}/" in path] == []
            assert condition(later.get(), "RolledBack") is None
            assert condition(refused.get(), "RolledBack") == ("False", "CleanupFailed")
        assert reasons_until_gone(later) <= {"CleanupPending"}
        refused.wait_gone(seconds=90)  # the operator retries a refused request each minute
    store = ns.store()
    assert store.segments("threads/a") == store.segments("threads/b") == []


def reasons_until_gone(run: Run) -> set[str]:
    """Roll the run back. Returns the reasons in its condition RolledBack until it was gone."""
    seen = watch("ar", run.namespace, f"--field-selector=metadata.name={run.name}")
    next(seen)
    run.cancel("rollback")
    told = set()
    for event, obj in seen:
        found = condition(obj, "RolledBack")
        if found is not None:
            told.add(found[1])
        if event == "DELETED":
            return told
    raise AssertionError(f"{run.name} is not gone: {told}")


@contextmanager
def refused_cleanups(ns: Namespace, claim: str) -> Iterator[None]:
    """Has the API server refuse all clean-up Jobs of the claim."""
    made_for = "object.metadata.?annotations[?'agentrun.dev/claim'].orValue('')"
    labels = {"kubernetes.io/metadata.name": ns.name}
    policy = {
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": ["batch"],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": ["jobs"],
                }
            ]
        },
        "validations": [{"expression": f"{made_for} != '{claim}'", "message": WORDS}],
    }
    binding = {
        "policyName": ns.name,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchLabels": labels}},
    }
    kinds = {"ValidatingAdmissionPolicy": policy, "ValidatingAdmissionPolicyBinding": binding}
    objects: list[Object] = [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": ns.name},
            "spec": spec,
        }
        for kind, spec in kinds.items()
    ]
    create(*objects)
    try:
        wait_in_force(ns, claim, wanted=True)
        yield
    finally:
        for kind in kinds:
            kubectl("delete", kind, ns.name)
        wait_in_force(ns, claim, wanted=False)


def wait_in_force(ns: Namespace, claim: str, *, wanted: bool) -> None:
    """Wait until the policy has an effect or none: that is a moment after its write or removal."""
    job = put_into(ns.name, foreign_job("agentrun-cleanup-try"))
    run = {"apiVersion": "agentrun.dev/v1alpha1", "kind": "AgentRun", "name": "r", "uid": "u"}
    parts = {"managed-by": "agentrun-operator", "component": "cleanup"}
    job["metadata"] |= {
        "annotations": {"agentrun.dev/claim": claim},
        "labels": {f"app.kubernetes.io/{part}": value for part, value in parts.items()},
        "ownerReferences": [run],
    }
    deadline = time.monotonic() + PATIENCE
    while is_refused(job) != wanted:
        assert time.monotonic() < deadline, f"the policy is not in force: not {wanted=}"


def is_refused(job: Object) -> bool:
    try:
        kubectl("create", "--dry-run=server", "-f-", f"--as={USER}", stdin=json.dumps(job))
    except KubectlError as error:
        assert WORDS in str(error), error
        return True
    return False
