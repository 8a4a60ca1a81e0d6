"""JSON that Python's or the API server's reader refuses, mostly because it nests too deeply."""

import json
from contextlib import nullcontext

import pytest

from . import deployment
from .kubectl import kubectl
from .namespace import Namespace, agent_run, command_agent
from .operators import DEPLOYED, Operator
from .run import condition, refusal

SAY = "import sys; open('/dev/termination-log', 'w').write(sys.argv[1])"
# The API server reads 10,000 levels; the AgentRun around its input has a few of them.
DEEPEST = 9_990


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


# Too deep for a status, too deep for Python's JSON reader, and numbers that only Python accepts.
@pytest.mark.parametrize(
    "output", [nested(300), nested(2000), "NaN", "1e999"], ids=["300", "2000", "NaN", "1e999"]
)
def test_an_output_that_no_status_can_hold_is_left_out(ns: Namespace, output: str) -> None:
    words = f'{{"result":"Succeeded","output":{output}}}'
    image = deployment.operator_image()
    ns.create(command_agent("says", "python3", "-c", SAY, words, image=image))
    restarts = DEPLOYED.restarts()
    run = ns.run("says", thread="t")
    done = run.wait("Succeeded")
    (container,) = run.pod()["status"]["containerStatuses"]
    assert container["state"]["terminated"]["message"] == words, "else this shows nothing"
    assert condition(done, "Finished") == ("True", "Succeeded")
    assert "output" not in done["status"], "there is nothing that could be written"
    ns.run("echoes", thread="t", input={"text": "x"}).wait("Succeeded")
    assert DEPLOYED.restarts() == restarts


def test_a_config_that_nests_deeply_reaches_the_graph(ns: Namespace) -> None:
    config = {"configurable": {"deep": json.loads(nested(300))}}
    ns.run("echoes", thread="t", input={"text": "x"}, config=config).wait("Succeeded")


# If it fails, the operator makes no progress with any of its runs.
@pytest.mark.parametrize("is_away", [False, True])
def test_an_input_as_deep_as_the_api_server_takes_fails_its_own_run_only(
    ns: Namespace, operator: Operator, is_away: bool
) -> None:
    before = operator.restarts()
    with operator.down() if is_away else nullcontext():
        create_deep(ns, DEEPEST)
    ns.run("echoes", thread="t", input={"text": "x"}).wait("Succeeded")
    deep = ("ar", "deep", "-n", ns.name)
    kubectl("wait", *deep, "--for=condition=Finished", "--timeout=60s")
    assert kubectl("get", *deep, "-ojsonpath={.status.phase}") == "Failed"
    assert all(count == before.get(pod, 0) for pod, count in operator.restarts().items())


def test_the_api_server_refuses_an_input_that_is_too_deep_for_it(ns: Namespace) -> None:
    assert "exceeded max depth" in refusal(lambda: create_deep(ns, DEEPEST + 10))


def create_deep(ns: Namespace, depth: int) -> None:
    """Create the run `deep`, whose input nests so deeply. Raises KubectlError."""
    manifest = ns.own(agent_run("deep", "echoes", input={"text": "here"}))
    kubectl("create", "-f-", stdin=json.dumps(manifest).replace('"here"', nested(depth)))
