"""agentrun-store in its sample pod, on a real volume with real runs' data."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cluster.paths import CHECKOUT

from . import deployment
from .kubectl import PATIENCE, KubectlError, kubectl
from .namespace import Namespace, put_into

MANIFEST = CHECKOUT / "manifests" / "samples" / "store-tool.yaml"
POD = "store-tool"
SAFE = "--no-run-is-live"
TOOL_WITH_NO_DAY = (
    "import sys; sys.path.append('/opt/agentrun'); from agentrun_store.tool import cli, stateless; "
    "stateless.LEFT_ALONE = 0; sys.exit(cli.main(sys.argv[1:]))"
)
Tool = Callable[..., Any]


@pytest.fixture
def tool(ns: Namespace) -> Tool:
    """Runs a command in the sample pod, with the runner image, and returns its JSON output."""
    image = f"tool={deployment.runner_image()}"
    text = kubectl("set", "image", "--local", "-f", str(MANIFEST), image, "-ojson")
    ns.create(put_into(ns.name, json.loads(text)))
    ready = f"--timeout={PATIENCE:.0f}s"
    kubectl("wait", "pod", POD, "-n", ns.name, "--for=condition=Ready", ready)

    def run(*command: str) -> Any:
        return json.loads(kubectl("exec", "-n", ns.name, POD, "--", "agentrun-store", *command))

    return run


def in_pod(ns: Namespace, *command: str) -> None:
    kubectl("exec", "-n", ns.name, POD, "--", *command)


def test_what_runs_wrote_is_listed_shown_and_checked(ns: Namespace, tool: Tool) -> None:
    first = ns.run("steps", thread="t", input={"steps": 2})
    first.wait("Succeeded")
    second = ns.run("steps", thread="t", input={"steps": 3})
    second.wait("Succeeded")
    alone = ns.run("steps", input={"steps": 1})
    alone.wait("Succeeded")
    truth = ns.store()

    threads = tool("threads", "--json")
    assert [(row["thread"], row["runs"]) for row in threads] == [
        (f"stateless/{alone.uid}", 1),
        ("threads/t", 2),
    ]
    runs = tool("runs", "t", "--json")
    assert [(row["run"], row["state"], row["checkpoints"]) for row in runs] == [
        (run.uid, "kept", len(truth.checkpoints_of("threads/t", run.uid)))
        for run in (first, second)
    ]
    rows = tool("checkpoints", "t", "--json")
    assert [row["checkpoint"] for row in rows] == truth.state("t").ids
    shown = tool("show", "t")
    assert shown["values"] == truth.state("t").values
    assert shown["checkpoint"] == second.status["checkpoint"]["id"]
    assert shown["run"] == second.uid
    assert [thread["damaged"] for thread in tool("check", "--json")] == [[], []]


def test_a_dropped_run_and_a_pruned_thread_are_gone_for_the_next_run(
    ns: Namespace, tool: Tool
) -> None:
    first = ns.run("steps", thread="t", input={"steps": 2})
    first.wait("Succeeded")
    before = ns.store().state("t")
    second = ns.run("steps", thread="t", input={"steps": 4})
    second.wait("Succeeded")
    with pytest.raises(KubectlError, match="--no-run-is-live is missing"):
        tool("drop", "t", second.uid, "--json")
    count = len(ns.store().checkpoints_of("threads/t", second.uid))
    dropped = tool("drop", "t", second.uid, SAFE, "--json")
    assert dropped == {"thread": "threads/t", "run": second.uid, "removed": count}
    after = ns.store()
    assert after.state("t") == before
    assert after.segments("threads/t") == [first.uid]
    assert after.tombstones("threads/t") == {second.uid}

    pruned = tool("prune", "t", "--keep", "1", SAFE, "--json")
    assert pruned == {"thread": "threads/t", "removed": len(before.ids) - 1, "kept": 1}
    assert ns.store().state("t").checkpoints == before.checkpoints[:1]
    onward = ns.run("steps", thread="t", input={"steps": 3})
    assert onward.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3]


def test_damage_on_the_volume_is_named(ns: Namespace, tool: Tool) -> None:
    run = ns.run("steps", thread="t", input={"steps": 2})
    run.wait("Succeeded")
    segment = run.get()["status"]["segment"]
    log = f"/agentrun/store/threads/t/segments/{segment}/checkpoints.log"
    in_pod(ns, "dd", f"of={log}", "if=/dev/zero", "bs=1", "seek=40", "count=1", "conv=notrunc")
    with pytest.raises(KubectlError, match="exit code 1") as refused:
        tool("check")
    assert f"threads/t: damaged: {log}, offset " in str(refused.value)


def test_the_directory_of_a_deleted_run_without_a_thread_is_removed_after_a_day(
    ns: Namespace, tool: Tool
) -> None:
    kept, gone = (ns.run("steps", input={"steps": 1}) for _ in range(2))
    for run in (kept, gone):
        run.wait("Succeeded")
    kubectl("delete", "ar", gone.name, "-n", ns.name)
    existing = kubectl("get", "ar", "-n", ns.name, "-ojsonpath={.items[*].metadata.uid}")
    assert prune_stateless(ns, existing, "agentrun-store") == []
    assert set(ns.store().threads()) == {f"stateless/{run.uid}" for run in (kept, gone)}
    # The tool's pod may not set the times of the kubelet's directories: the test shortens the day.
    assert prune_stateless(ns, existing, "python3", "-I", "-c", TOOL_WITH_NO_DAY) == [
        f"stateless/{gone.uid}"
    ]
    assert ns.store().threads() == [f"stateless/{kept.uid}"]


def prune_stateless(ns: Namespace, existing: str, *tool: str) -> list[str]:
    """The threads that it removed."""
    options = ("prune-stateless", "--existing", "-", "--json")
    pod = ("-i", "-n", ns.name, POD)
    return [
        row["thread"]
        for row in json.loads(kubectl("exec", *pod, "--", *tool, *options, stdin=existing))
    ]
