"""Every command of README.md works: these tests run its sh blocks unchanged, in their order.

Blocks of `make` are the exception: .ci/run runs them around these tests, and tests of their own run
the demo and the block for other clusters.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cluster.paths import CHECKOUT

from . import deployment
from .kubectl import kubectl
from .namespace import Namespace
from .run import Run
from .users import bind, wait_allowed

README = (CHECKOUT / "README.md").read_text()
BLOCKS: list[str] = re.findall(r"^```sh\n(.*?)^```$", README, re.M | re.S)
MAKE = [line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
MAKE = [line for line in MAKE if line.startswith("make ")]
CURRENT = "make deploy CLUSTER=current"
(BULK,) = [block for block in BLOCKS if "xargs" in block]
STORY = "".join(block for block in BLOCKS if block != BULK and not block.startswith("make "))


@pytest.fixture
def reader(ns: Namespace, tmp_path: Path) -> Path:
    """A directory like the checkout, for a reader whose namespace is the test's."""
    directory = tmp_path / "reader"
    (directory / ".cluster").mkdir(parents=True)
    (directory / "manifests").symlink_to(CHECKOUT / "manifests")
    config = directory / ".cluster" / "kubeconfig"
    config.write_text(kubectl("config", "view", "--raw"))
    options = (f"--kubeconfig={config}", "--current", f"--namespace={ns.name}")
    kubectl("config", "set-context", *options)
    (directory / ".cluster" / "env").write_text(f"export KUBECONFIG={config}\n")
    return directory


def bash(script: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script in a shell that shows each command and stops at the first that fails."""
    return subprocess.run(
        ["bash", "-eux", "-c", script],
        cwd=directory,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_the_commands_of_the_story_print_what_the_readme_says(reader: Path) -> None:
    result = bash(STORY, reader)
    assert result.returncode == 0, result.stdout
    promises = re.findall(r"^# prints (.*)$", STORY, re.M)
    promises += re.findall(r"sed -u '/(.*)/q'", STORY)
    printed = [line for line in result.stdout.splitlines() if not line.startswith("+")]
    missing = [text for text in promises if not any(text in line for line in printed)]
    assert promises and not missing, f"not printed: {missing}\n{result.stdout}"


def test_a_bulk_cancel_goes_past_a_run_that_is_refused(
    ns: Namespace, other_ns: Namespace, reader: Path
) -> None:
    """Failure mode 51."""
    finished = ns.run("steps", input={"steps": 1})
    finished.wait("Succeeded")
    held: dict[str, Any] = {"input": {"steps": 9}, "config": {"configurable": {"hold": 2}}}
    live = [ns.run("steps", **held), other_ns.run("steps", **held)]
    for run in (finished, *live):
        kubectl("label", "ar", run.name, "-n", run.namespace, f"team={ns.name}")
    result = bash(f". .cluster/env\n{bulk_of(ns.name)}", reader)
    assert result.returncode == 123, result.stdout
    assert "the run has already finished" in result.stdout
    for run in live:
        run.wait("Interrupted")


def test_a_bulk_cancel_that_finds_no_run_succeeds(ns: Namespace, reader: Path) -> None:
    """Failure mode 51."""
    result = bash(f". .cluster/env\n{bulk_of(ns.name)}", reader)
    assert result.returncode == 0, result.stdout


def test_a_bulk_cancel_goes_past_a_namespace_where_the_user_may_not_cancel(
    ns: Namespace, other_ns: Namespace, reader: Path
) -> None:
    """Failure mode 51."""
    user = f"user-of-{ns.name}"
    creator = ["viewer", "run-creator"]
    for namespace, roles in ((other_ns, creator), (ns, [*creator, "canceller"])):
        for role in roles:
            bind(namespace.name, user, f"agentrun-{role}")
        wait_allowed(namespace.name, user, "patch")
    wait_allowed(ns.name, user, "cancel")
    runs = [waiting(where, ns.name) for where in (other_ns, ns, other_ns, ns)]
    as_user = bulk_of(ns.name).replace("kubectl patch", f"kubectl --as={user} patch")
    result = bash(f". .cluster/env\n{as_user}", reader)
    assert result.returncode == 123, result.stdout
    assert result.stdout.count("you need the verb 'cancel' on agentruns.agentrun.dev") == 2
    for run in runs:
        if run.namespace == ns.name:
            run.wait("Interrupted")
        else:
            assert "cancel" not in run.get()["spec"]


def test_a_bulk_cancel_that_was_cut_half_way_can_be_repeated(ns: Namespace, reader: Path) -> None:
    """Failure mode 52."""
    runs = [waiting(ns, ns.name) for _ in range(8)]
    bulk = bulk_of(ns.name)
    half = bash(f". .cluster/env\n{bulk.replace('xargs', 'head -n 4 | xargs')}", reader)
    assert half.returncode == 0, half.stdout
    assert sum("cancel" in run.get()["spec"] for run in runs) == 4
    whole = bash(f". .cluster/env\n{bulk}", reader)
    assert whole.returncode == 0, whole.stdout
    for run in runs:
        run.wait("Interrupted")
    before = [run.get() for run in runs]
    again = bash(f". .cluster/env\n{bulk}", reader)
    assert again.returncode == 0, again.stdout
    assert [run.get() for run in runs] == before
    for run in runs:
        reasons = [reason for reason, _ in run.events(until="Interrupted")]
        assert reasons == ["AgentNotFound", "Interrupted"]


def waiting(ns: Namespace, team: str) -> Run:
    """A waiting run with the label."""
    run = ns.run("nobody")
    kubectl("label", "ar", run.name, "-n", run.namespace, f"team={team}")
    run.wait_waiting("AgentNotFound")
    return run


def bulk_of(team: str) -> str:
    """The bulk cancel with a label of the test's own, since it covers all namespaces."""
    assert "team=research" in BULK
    return BULK.replace("team=research", f"team={team}")


@pytest.mark.alone  # it may restart the operator
def test_deploy_to_the_current_context_works(cluster: str, tmp_path: Path) -> None:
    """In a copy of the checkout, since it changes the target of .cluster."""
    copy = tmp_path / "checkout"
    leave_out = shutil.ignore_patterns(".git", ".venv", ".cluster", "*_cache", "__pycache__")
    shutil.copytree(CHECKOUT, copy, ignore=leave_out)
    (copy / ".venv").symlink_to(CHECKOUT / ".venv")
    images = {
        "OPERATOR_IMAGE": deployment.operator_image(),
        "RUNNER_IMAGE": deployment.runner_image(),
    }
    result = bash(f"unset MAKEFLAGS MAKELEVEL\n{CURRENT}", copy, **images)
    assert result.returncode == 0, result.stdout
    assert f"{images['OPERATOR_IMAGE']} is ready" in result.stdout


def test_ci_or_a_test_runs_every_make_command_of_the_readme() -> None:
    tested = [CURRENT, "make demo"]
    assert [line for line in tested if line not in MAKE] == []
    ci = (CHECKOUT / ".ci" / "run").read_text()
    assert [line for line in MAKE if line not in tested and line not in ci] == []
