"""Agents whose pods have further containers."""

from . import deployment
from .kubectl import Object
from .namespace import Namespace, agent, command_agent
from .run import condition, message

SECURITY = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
WAITS = (
    "import signal; term = [signal.SIGTERM]; "
    "signal.pthread_sigmask(signal.SIG_BLOCK, term); signal.sigwait(term)"
)


def container(name: str, program: str, **more: object) -> Object:
    command = ["python3", "-c", program]
    image = deployment.operator_image()
    return {"name": name, "image": image, "command": command, "securityContext": SECURITY, **more}


def test_a_container_that_keeps_running_keeps_the_run_and_is_named(ns: Namespace) -> None:
    template = {"spec": {"containers": [container("proxy", WAITS)]}}
    ns.create(agent("beside", graph="echoes:graph", podTemplate=template))
    run = ns.run("beside", thread="t", input={"text": "x"})
    lingers = run.wait_until(
        "lingers", lambda obj: condition(obj, "Started") == ("True", "PodLingers")
    )
    assert "proxy still runs" in message(lingers, "Started")
    assert lingers["status"]["phase"] == "Running"
    run.cancel("interrupt")
    done = run.wait("Succeeded", seconds=30)
    assert condition(done, "CancelTooLate") == ("True", "CancelTooLate")
    assert done["status"]["output"] == {"text": "x"}
    assert run.processes() == []


def test_a_sidecar_ends_with_the_agent(ns: Namespace) -> None:
    sidecar = container("proxy", WAITS, restartPolicy="Always")
    template = {"spec": {"initContainers": [sidecar]}}
    ns.create(agent("with", graph="echoes:graph", podTemplate=template))
    run = ns.run("with", thread="t", input={"text": "x"}, gracePeriodSeconds=5)
    done = run.wait("Succeeded")
    assert condition(done, "Started") == ("True", "AgentStarted")
    assert run.processes() == []


def test_an_init_container_that_fails_is_named(ns: Namespace) -> None:
    template = {"spec": {"initContainers": [container("fetch", "raise SystemExit(3)")]}}
    ns.create(command_agent("after", "true", podTemplate=template))
    failed = ns.run("after", thread="t").wait("Failed")
    assert "fetch ended with exit code 3" in message(failed, "Finished")
