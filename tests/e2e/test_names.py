"""Names of runs: used again at once, and made up by the API server."""

import json

from .kubectl import kubectl
from .namespace import Namespace, agent_run, put_into
from .run import Run


def test_a_name_can_be_used_again_at_once(ns: Namespace) -> None:
    """Failure mode 27."""
    held = {"configurable": {"hold": 2}}
    first = ns.run("steps", "again", thread="t", input={"steps": 2}, config=held)
    first.wait_step(2)
    first.cancel("rollback")
    first.wait_gone()
    second = ns.run("steps", "again", thread="t", input={"steps": 3})
    assert second.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3]
    second.delete()
    second.wait_gone()
    third = ns.run("steps", "again", thread="t", input={"steps": 4})
    assert third.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3, 4]
    assert len(third.pods()) == 1
    reasons = [reason for reason, _ in third.events(until="Succeeded")]
    assert reasons[-2:] == ["AgentStarted", "Succeeded"]
    store = ns.store()
    assert store.segments("threads/t") == [second.uid, third.uid]
    assert store.tombstones("threads/t") == {first.uid}


def test_a_generated_name_is_as_good_as_any(ns: Namespace) -> None:
    """Failure mode 58."""
    manifest = put_into(ns.name, agent_run("", "steps", thread="t", input={"steps": 1}))
    manifest["metadata"] = {"namespace": ns.name, "generateName": "nightly-"}
    runs = [
        Run(ns.name, json.loads(kubectl("create", "-f-", "-ojson", stdin=json.dumps(manifest))))
        for _ in range(2)
    ]
    for run in runs:
        run.wait("Succeeded")
    assert len(ns.store().segments("threads/t")) == 2
