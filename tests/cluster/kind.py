"""The cluster itself, made by kind."""

import json
import re
import shutil
import sys
from pathlib import Path
from string import Template

from cluster import binaries, machine, network, node_image, podman
from cluster.cache import key, scratch
from cluster.engine import NODE, docker, engine, environment, node_exists
from cluster.paths import BIN, CACHE, HERE, KUBECONFIG, LOCAL, LOGS
from cluster.shell import CommandError, run, run_long

NAME = "agentrun"
# Published for the release of kind that go/kind pins. Its patch release differs from that of
# go/kubernetes: for the latter kind publishes no image, and for this one there is no Go module.
PUBLISHED_NODE_IMAGE = (
    "kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed"
)


def create() -> None:
    """Create the cluster and wait until its node is ready. Raises CommandError."""
    image = PUBLISHED_NODE_IMAGE if docker() else node_image.node_image()
    audit_policy = CACHE / "audit-policy.yaml"  # the mount outlives this checkout
    shutil.copy(HERE / "audit-policy.yaml", audit_policy)
    config = CACHE / "kind.yaml"
    text = Template(_config()).substitute(made_from=made_from(), audit_policy=audit_policy)
    config.write_text(text)
    if not docker():
        network.prepare()
    try:
        run_long(
            "starting the cluster",
            LOGS / "kind-create.log",
            *(_command(), "create", "cluster", "--config", config, "--image", image),
            *("--kubeconfig", CACHE / "kubeconfig", "--wait", "120s"),
            env=environment(),
        )
    finally:
        if not docker():
            machine.restore_sysctls()


def delete() -> None:
    """Remove the node and its volume, without the 10 seconds that kind gives it to stop."""
    if node_exists():
        at_once = [] if docker() else ["--time=0"]
        engine("rm", "--force", "--volumes", *at_once, NODE)
    if not docker():
        # With podman, kind makes a named volume, which the container's removal leaves.
        engine("volume", "prune", "--force")


def load(image: str) -> None:
    """Load an image from the engine into the node."""
    # Not `kind load docker-image`: with podman it does not work.
    with scratch() as directory:
        archive = directory / "image.tar"
        engine("save", "--output", str(archive), image)
        run(_command(), "load", "image-archive", archive, "--name", NAME, env=environment())


def made_from() -> str:
    """A key of all inputs of the cluster. The node has it as a label."""
    image = PUBLISHED_NODE_IMAGE if docker() else node_image.reference()
    return key(image, _config(), HERE / "audit-policy.yaml")


def is_current() -> bool:
    """Whether the cluster of `.cluster/kubeconfig` is ready, and has this checkout's inputs."""
    if not (BIN / "kubectl").exists():
        return False
    label = r"{.metadata.labels.agentrun\.dev/made-from}"
    ready = '{.status.conditions[?(@.type=="Ready")].status}'
    try:
        node = kubectl("get", "node", NODE, "--request-timeout=5s", f"-ojsonpath={label} {ready}")
    except CommandError:
        return False
    return node.split() == [made_from(), "True"]


def write_local_files() -> None:
    """Write the checkout's access to the cluster: `.cluster/kubeconfig`, `bin` and `env`."""
    BIN.mkdir(parents=True, exist_ok=True)
    config = run(_command(), "get", "kubeconfig", "--name", NAME, env=environment())
    if not docker():
        # podman does not forward the port published on 127.0.0.1 into an internal network.
        networks = engine("inspect", NODE, "--format", "{{json .NetworkSettings.Networks}}")
        address = json.loads(networks)[network.NETWORK]["IPAddress"]
        config = re.sub(r"server: .*", f"server: https://{address}:6443", config)
    KUBECONFIG.touch(mode=0o600)
    KUBECONFIG.write_text(config)
    _link("kind", _command())
    if docker():
        _docker_kubectl()
    else:
        _link("kubectl", binaries.kubernetes())
        _link("podman", podman.COMMAND)
    (LOCAL / "env").write_text(f'export KUBECONFIG="{KUBECONFIG}"\nexport PATH="{BIN}:$PATH"\n')


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """Run kubectl on the cluster and return its output. Raises CommandError."""
    own = BIN / "kubectl"
    command = own if own.exists() else "kubectl"
    return run(command, *arguments, env={"KUBECONFIG": str(KUBECONFIG)}, stdin=stdin)


def _config() -> str:
    text = (HERE / "kind.yaml").read_text()
    return text if docker() else text + (HERE / "kind-podman.yaml").read_text()


def _command() -> Path:
    if docker() and not shutil.which("go"):
        if found := shutil.which("kind"):
            return Path(found)
        raise LookupError("neither Go, to build kind, nor kind itself is on PATH: install one")
    return binaries.kind()


def _docker_kubectl() -> None:
    """Copy kubectl from the node, in the cluster's version. (On Linux only.)"""
    if sys.platform == "linux":
        (BIN / "kubectl").unlink(missing_ok=True)
        engine("cp", f"{NODE}:/usr/bin/kubectl", str(BIN / "kubectl"))
    elif found := shutil.which("kubectl"):
        _link("kubectl", Path(found))
    else:
        raise LookupError("kubectl is missing: install it")


def _link(name: str, target: Path) -> None:
    link = BIN / name
    link.unlink(missing_ok=True)
    link.symlink_to(target)
